"""Workloads that run at times, at intervals and in windows: real processes, a wall clock that is set by the test."""

import os
import time
from pathlib import Path

import pytest

from actors.clock import RealClock
from actors.process_manager.actor import ProcessManager
from actors.settings import Schedule, Seconds, Window, Windows
from actors.zones import zone
from bus.messages import (
    ListProcesses,
    ProcessExited,
    ProcessStarted,
    ProcessStateChanged,
    ReleaseProcess,
    RestartProcess,
    ScheduleSkipped,
    StartProcess,
    StopProcess,
)

MONDAY_S = 1_767_614_370.0
"""2026-01-05 12:12:00 UTC, less half a minute."""


class SetClock(RealClock):
    """The real clock, whose wall time begins where the test says and can be set."""

    def __init__(self, wall_s: float) -> None:
        super().__init__()
        self.offset_s = wall_s - time.time()

    def wall(self) -> float:
        return super().wall() + self.offset_s


@pytest.fixture(autouse=True)
def in_utc(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    zone.cache_clear()
    yield
    zone.cache_clear()


@pytest.fixture
def at(houses):
    """Starts a ProcessManager at a wall time."""

    def start(wall_s: float, *workloads):
        house = houses(clock=SetClock(wall_s))
        shell = house.start(ProcessManager, ProcessManager.Settings(), workloads={one.name: one for one in workloads})
        assert shell.state == "running", shell.last_error
        return house

    return start


def row(house, name="job"):
    return {one.name: one for one in house.ask(ListProcesses()).processes}[name]


def waits(house, name="job"):
    house.until(lambda: row(house, name).state == "waiting")
    return row(house, name)


def starts(house, name="job"):
    return [one for one in house.events(ProcessStarted) if one.subject == name]


def ran(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []


def set_wall(house, wall_s: float) -> None:
    """Somebody sets the clock; the agenda looks at once and not within half a minute."""
    house.clock.offset_s = wall_s - time.time()
    house.reload(house.view.workloads)


DAILY = Schedule(cron="0 12 * * *")


def test_one_with_a_schedule_waits_for_its_time_runs_ends_well_and_waits_again(at, workload, tmp_path):
    house = at(MONDAY_S + 28.5, workload("job", "echo ran >> out", schedule=Schedule(cron="* * * * *")))
    assert (row(house).state, row(house).why, row(house).idle) == ("waiting", "waits for its time, 12:00", True)
    assert not ran(tmp_path / "out")
    assert house.wait_for(ProcessStarted).reason == "its time, 12:00"
    house.wait_for(ProcessStateChanged, lambda one: one.before == "exited" and one.state == "waiting")
    assert row(house).why == "waits for its time, 12:01"
    assert (row(house).exit_code, row(house).restarts, ran(tmp_path / "out")) == (0, 0, ["ran"])


def test_one_with_an_interval_runs_at_once_and_then_by_a_clock_that_nobody_sets(at, workload, tmp_path):
    house = at(MONDAY_S, workload("job", "echo ran >> out", schedule=Schedule(every=Seconds(1))))
    house.until(lambda: len(ran(tmp_path / "out")) == 1)
    set_wall(house, MONDAY_S + 86_400)
    set_wall(house, MONDAY_S - 86_400)
    house.until(lambda: len(ran(tmp_path / "out")) == 3)
    begun = house.envelopes()
    times = [one.time for one in begun if isinstance(one.data, ProcessStarted)]
    assert len(times) == 3


def test_a_run_that_fails_is_tried_again_and_not_left_until_its_next_time(at, workload, tmp_path):
    failing_once = "echo ran >> out; test $(wc -l < out) -ge 2"
    house = at(MONDAY_S + 29.5, workload("job", failing_once, schedule=DAILY))
    house.wait_for(ProcessExited, lambda one: one.exit_code == 0)
    assert [one.exit_code for one in house.events(ProcessExited)] == [1, 0]
    assert waits(house).why == "waits for its time, 2026-01-06 12:00"


def test_a_time_that_comes_while_it_still_runs_is_skipped_and_told(at, workload):
    house = at(MONDAY_S + 29.5, workload("job", "exec sleep 60", schedule=Schedule(cron="* * * * *")))
    first = house.wait_for(ProcessStarted)
    set_wall(house, MONDAY_S + 30 + 61)
    skipped = house.wait_for(ScheduleSkipped)
    assert skipped.planned_s == MONDAY_S + 90
    assert skipped.why == f"the run before has not ended, pid {first.pid}"
    assert row(house).pid == first.pid


def test_a_time_that_comes_while_it_still_runs_can_replace_it(at, workload):
    schedule = Schedule(cron="* * * * *", overlap="replace")
    house = at(MONDAY_S + 29.5, workload("job", "exec sleep 60", schedule=schedule))
    first = house.wait_for(ProcessStarted)
    set_wall(house, MONDAY_S + 30 + 61)
    second = house.wait_for(ProcessStarted, lambda one: one.incarnation == 2)
    assert second.reason == "its time, 12:01"
    assert house.wait_for(ProcessExited).pid == first.pid
    assert row(house).pid == second.pid


def test_a_time_that_comes_while_it_still_runs_can_wait_for_its_end(at, workload, tmp_path):
    schedule = Schedule(cron="* * * * *", overlap="queue")
    until_told = "while ! test -e go; do sleep 0.02; done; echo ran >> out"
    house = at(MONDAY_S + 29.5, workload("job", until_told, schedule=schedule))
    house.wait_for(ProcessStarted)
    set_wall(house, MONDAY_S + 30 + 61)
    set_wall(house, MONDAY_S + 30 + 121)
    assert len(starts(house)) == 1
    (tmp_path / "go").touch()
    house.wait_for(ProcessStarted, lambda one: one.incarnation == 2)
    house.wait_for(ProcessStateChanged, lambda one: one.before == "exited" and one.state == "waiting")
    house.until(lambda: len(ran(tmp_path / "out")) == 2)
    assert not house.events(ScheduleSkipped)


@pytest.mark.parametrize(("missed", "runs"), [("skip", 0), ("run_once", 1)])
def test_times_that_passed_while_no_node_ran_are_made_up_for_once_or_not_at_all(at, workload, tmp_path, missed, runs):
    job = workload("job", "echo ran >> out", schedule=Schedule(cron="0 * * * *", missed=missed))
    first = at(MONDAY_S, job)
    assert waits(first).why == "waits for its time, 12:00"
    first.die("process_manager")
    later = at(MONDAY_S + 5 * 3600, job)
    if runs:
        later.until(lambda: ran(tmp_path / "out") == ["ran"])
    else:
        assert later.wait_for(ScheduleSkipped).why == "it passed while no node ran, or the machine slept"
    assert waits(later).why == "waits for its time, 17:00"
    assert ran(tmp_path / "out") == ["ran"] * runs


def test_what_was_missed_longer_ago_than_the_policy_says_is_left(at, workload, tmp_path):
    job = workload("job", "echo ran >> out", schedule=Schedule(cron="0 12 * * *", missed="run_once"))
    at(MONDAY_S, job).die("process_manager")
    later = at(MONDAY_S + 30 + 86_400 - 10, job)
    later.until(lambda: ran(tmp_path / "out") == ["ran"])
    later.die("process_manager")
    last = at(MONDAY_S + 30 + 86_400 * 3 - 10 + 86_400, job)
    waits(last)
    assert last.events(ProcessStarted)  # the time before was less than a day ago


def test_a_clock_set_a_day_back_or_ahead_starts_nothing_that_was_not_due(at, workload, tmp_path):
    house = at(MONDAY_S + 29.5, workload("job", "echo ran >> out", schedule=DAILY))
    house.until(lambda: ran(tmp_path / "out") == ["ran"])
    waits(house)
    set_wall(house, MONDAY_S + 29.5 - 86_400 + 3600)
    set_wall(house, MONDAY_S + 29.5 + 3600)
    waits(house)
    set_wall(house, MONDAY_S + 2 * 86_400 + 7200)
    assert house.wait_for(ScheduleSkipped)
    assert waits(house).why == "waits for its time, 2026-01-08 12:00"
    assert ran(tmp_path / "out") == ["ran"]


def test_the_node_dies_while_a_run_is_under_way_and_the_run_is_neither_lost_nor_doubled(at, workload, tmp_path, alive):
    until_told = "while ! test -e go; do sleep 0.02; done; echo ran >> out"
    job = workload("job", until_told, schedule=Schedule(cron="0 12 * * *", missed="run_once"))
    first = at(MONDAY_S + 29.5, job)
    pid = first.wait_for(ProcessStarted).pid
    first.die("process_manager")
    second = at(MONDAY_S + 35, job)
    assert row(second).pid == pid
    (tmp_path / "go").touch()
    assert waits(second).why == "waits for its time, 2026-01-06 12:00"
    assert ran(tmp_path / "out") == ["ran"]
    assert not second.events(ProcessStarted)


def test_a_person_runs_it_now_and_its_schedule_goes_on(at, workload, tmp_path):
    house = at(MONDAY_S, workload("job", "echo ran >> out", schedule=DAILY))
    assert house.ask(StartProcess(name="job", at_its_time=True)).detail.endswith("waits for its time, 12:00")
    assert not ran(tmp_path / "out")
    house.ask(StartProcess(name="job"))
    house.wait_for(ProcessExited)
    assert waits(house).why == "waits for its time, 12:00"
    house.ask(RestartProcess(name="job"))
    house.until(lambda: len(ran(tmp_path / "out")) == 2)


def test_one_that_is_released_waits_for_its_time(at, workload, tmp_path):
    house = at(MONDAY_S, workload("job", "echo ran >> out", schedule=DAILY))
    house.ask(StopProcess(name="job"))
    assert house.ask(ReleaseProcess(name="job")).detail.endswith("waits for its time, 12:00")
    assert not ran(tmp_path / "out")


def test_one_that_a_person_stopped_does_not_run_at_its_time(at, workload, tmp_path):
    house = at(MONDAY_S, workload("job", "echo ran >> out", schedule=DAILY))
    house.ask(StopProcess(name="job"))
    set_wall(house, MONDAY_S + 31)
    house.reload(house.view.workloads)
    assert row(house).held
    assert not ran(tmp_path / "out")


NIGHTS = Windows(run=[Window(opens="0 12 * * *", lasts=Seconds(3600))])


def test_one_with_a_window_is_started_when_it_opens_and_stopped_when_it_ends(at, workload):
    house = at(MONDAY_S + 29, workload("job", "exec sleep 600", windows=NIGHTS))
    assert (row(house).why, row(house).idle) == ("waits for its window, from 12:00", True)
    assert house.wait_for(ProcessStarted).reason == "its window has opened"
    set_wall(house, MONDAY_S + 30 + 3601)
    assert waits(house).why == "waits for its window, from 2026-01-06 12:00"
    assert house.wait_for(ProcessExited).asked
    assert len(starts(house)) == 1


def test_one_that_is_killed_in_its_window_is_restarted_and_outside_of_it_is_not(at, workload):
    house = at(MONDAY_S + 60, workload("job", "exec sleep 600", windows=NIGHTS))
    first = house.wait_for(ProcessStarted)
    os.kill(first.pid, 9)
    second = house.wait_for(ProcessStarted, lambda one: one.incarnation == 2)
    house.clock.offset_s += 7200
    os.kill(second.pid, 9)
    assert waits(house).idle
    assert len(starts(house)) == 2


def test_a_job_whose_time_has_come_and_whose_dependency_is_down_is_not_idle(at, workload):
    job = workload("job", "true", schedule=DAILY, depends_on={"db": "ready"})
    db = workload("db", "exec sleep 1000", autostart=False)
    house = at(MONDAY_S, job, db)
    waits(house)
    assert row(house).idle
    set_wall(house, MONDAY_S + 31)
    house.wait_for(ProcessStateChanged, lambda fact: fact.subject == "job" and not fact.idle and "db" in fact.why)
    assert (row(house).idle, row(house).state) == (False, "waiting")


def test_a_start_outside_its_window_says_what_it_waits_for(at, workload):
    house = at(MONDAY_S, workload("job", "exec sleep 600", windows=NIGHTS))
    assert "waits for its window, from 12:00" in house.ask(StartProcess(name="job")).detail


def test_a_reload_that_takes_the_schedule_away_starts_it_and_one_that_gives_it_lets_it_end(at, workload, tmp_path):
    job = workload("job", "exec sleep 600", schedule=DAILY)
    house = at(MONDAY_S, job)
    waits(house)
    bare = workload("job", "exec sleep 600")
    house.reload({"job": bare})
    pid = house.wait_for(ProcessStarted).pid
    house.reload({"job": job})
    house.until(lambda: row(house).state == "ready")
    assert row(house).pid == pid


def test_two_hundred_schedules_cost_one_timer_and_start_nothing_early(at, workload, tmp_path):
    jobs = [workload(f"j{number}", "echo ran >> out", schedule=DAILY) for number in range(200)]
    house = at(MONDAY_S, *jobs)
    assert {one.state for one in house.ask(ListProcesses()).processes} == {"waiting"}
    assert not ran(tmp_path / "out")
