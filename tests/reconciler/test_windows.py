"""A changed config waits for the maintenance window; nothing else does."""

from datetime import UTC, datetime

from actors.reconciler.windows import closed_until
from actors.settings import Schedule, Seconds, Window, Windows
from actors.zones import zone
from bus.messages import GetDrift, RestartProcess, StartProcess

NIGHTS = Windows(maintenance=[Window(opens="0 22 * * *", lasts=Seconds(3600), timezone="UTC")])


def wall(hour: int, minute: int = 0) -> float:
    return datetime(2026, 1, 5, hour, minute, tzinfo=UTC).timestamp()


def test_it_is_closed_until_its_window_opens(workload):
    web = workload("web", windows=NIGHTS)
    assert closed_until(web, wall(21, 59), zone) == "22:00 UTC"
    assert closed_until(web, wall(22), zone) is None
    assert closed_until(web, wall(23), zone) == "2026-01-06 22:00 UTC"
    assert closed_until(workload("web"), wall(12), zone) is None


def set_wall(stage, wall_s):
    stage.house.clock._wall_offset_s += wall_s - stage.house.clock.wall()


def test_a_restart_for_a_new_config_waits_for_the_window_and_a_start_does_not(stage, workload):
    web, db = workload("web", windows=NIGHTS), workload("db", windows=NIGHTS)
    manager = stage.begin(web, db)
    set_wall(stage, wall(21, 50))
    manager.set("web", revision="old")
    manager.set("db", state="stopped", pid=None)
    stage.wait(120.0, step_s=1.0)
    assert manager.asked_for(RestartProcess) == []
    assert manager.asked_for(StartProcess) == ["db"]
    drifts = stage.house.ask(GetDrift()).drifts
    assert [(row.subject, row.action) for row in drifts] == [
        ("web", "restart it with its config in its window, from 22:00 UTC")
    ]
    stage.wait(600.0, step_s=5.0)
    assert set(manager.asked_for(RestartProcess)) == {"web"}


def test_one_with_a_schedule_is_not_restarted_for_a_new_config(stage, workload):
    manager = stage.begin(workload("job", schedule=Schedule(cron="@daily")))
    manager.set("job", revision="old")
    stage.wait(120.0, step_s=1.0)
    assert manager.asked_for(RestartProcess) == []
