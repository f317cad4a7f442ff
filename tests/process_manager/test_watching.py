"""A ProcessManager and real processes: probes, hooks, logs and new settings."""

import os
import signal
import socket
import threading
from pathlib import Path

import pytest
from msgspec import structs

from actors.settings import Bytes, Hook, LogPolicy, Probe, Probes, RestartPolicy, Seconds, revision
from bus.errors import Refused
from bus.messages import (
    ExplainProcess,
    HookEnded,
    ListProcesses,
    ProbeFailed,
    ProbeMeasured,
    ProbeRecovered,
    ProcessExited,
    ProcessReady,
    ProcessStarted,
    ProcessStateChanged,
    RestartProcess,
    RunHook,
    StartProcess,
    StopProcess,
)
from tests.process_manager.asking import of, row

FOREVER = "exec sleep 1000"


def there(path, **options):
    """A probe that passes while a file is there."""
    return structs.replace(Probe(exec_=["test", "-e", path], every=Seconds(0.05), failures=2), **options)


def moves(house, name="web"):
    return [one.state for one in house.events(ProcessStateChanged) if one.subject == name]


def test_readiness_is_seen_lost_and_seen_again(keep, workload, tmp_path):
    house = keep(workload("web", FOREVER, probes=Probes(readiness=there("up"))))
    house.wait_for(ProcessStateChanged, of("web", state="running"))
    (tmp_path / "up").touch()
    assert house.wait_for(ProcessReady).after_s > 0
    (tmp_path / "up").unlink()
    house.wait_for(ProcessStateChanged, of("web", state="running", before="ready", why="readiness probe fails"))
    (tmp_path / "up").touch()
    house.until(lambda: len(house.events(ProcessReady)) == 2)
    assert moves(house) == ["starting", "running", "ready", "running", "ready"]
    assert house.wait_for(ProbeRecovered, of("web", probe="readiness")).after_s > 0
    assert row(house).incarnation == 1


def test_readiness_is_seen_long_before_the_probes_interval(keep, workload, tmp_path):
    house = keep(
        workload(
            "web", "sleep 0.3; touch up; exec sleep 1000", probes=Probes(readiness=there("up", every=Seconds(600)))
        )
    )
    assert house.wait_for(ProcessReady).after_s < 60
    assert house.events(ProbeFailed) == []


def test_a_liveness_probe_that_fails_makes_unhealthy_and_restarts_nothing(keep, workload, tmp_path):
    (tmp_path / "up").touch()
    house = keep(workload("web", FOREVER, probes=Probes(liveness=there("up"))))
    house.wait_for(ProbeMeasured, of("web", probe="liveness", ok=True))
    assert row(house).state == "ready"
    (tmp_path / "up").unlink()
    failed = house.wait_for(ProbeFailed)
    assert (failed.probe, failed.failures, failed.detail) == ("liveness", 2, "exit code 1")
    house.wait_for(ProcessStateChanged, of("web", state="unhealthy", why="liveness probe fails"))
    count = len(house.events(ProbeMeasured))
    house.until(lambda: len(house.events(ProbeMeasured)) > count + 3)
    assert len(house.events(ProbeFailed)) == 1  # told once
    assert len(house.events(ProcessStarted)) == 1
    (tmp_path / "up").touch()
    house.wait_for(ProcessStateChanged, of("web", state="ready", before="unhealthy"))
    assert len(house.events(ProbeRecovered)) == 1


def test_a_work_probe_is_told_and_changes_no_state(keep, workload):
    house = keep(workload("web", FOREVER, probes=Probes(work=there("up"))))
    assert house.wait_for(ProbeFailed).probe == "work"
    assert row(house).state == "ready"


def test_until_the_startup_probe_passes_nothing_else_is_asked(keep, workload, tmp_path):
    probes = Probes(startup=there("begun", failures=3), liveness=there("up"), readiness=there("up"))
    house = keep(workload("web", FOREVER, probes=probes))
    assert row(house).state == "starting"
    house.wait_for(ProcessStateChanged, of("web", state="unhealthy", why="startup probe fails"))
    assert {one.probe for one in house.events(ProbeMeasured)} == {"startup"}
    for name in ("up", "begun"):
        (tmp_path / name).touch()
    house.wait_for(ProcessReady)
    asked = len([one for one in house.events(ProbeMeasured) if one.probe == "startup"])
    house.wait_for(ProbeMeasured, of("web", probe="liveness", ok=True))
    assert len([one for one in house.events(ProbeMeasured) if one.probe == "startup"]) == asked


def test_a_probe_begins_after_its_initial_delay(keep, workload):
    house = keep(
        workload("web", FOREVER, probes=Probes(readiness=there("up", initial_delay=Seconds(1000)), work=there("x")))
    )
    house.wait_for(ProbeFailed, of("web", probe="work"))
    assert {one.probe for one in house.events(ProbeMeasured)} == {"work"}


def test_a_probe_that_hangs_delays_neither_the_actor_nor_other_probes(keep, workload, alive):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        slow = Probe(tcp="h:1", timeout=Seconds(0.4), every=Seconds(0.05), failures=1)
        hang = structs.replace(slow, tcp=None, exec_=["sh", "-c", "sleep 777 & sleep 777"])
        mute = structs.replace(slow, tcp=None, http=f"http://127.0.0.1:{port}/")
        house = keep(
            *(workload(f"w{number}", FOREVER, probes=Probes(liveness=hang)) for number in range(8)),
            workload("mute", FOREVER, probes=Probes(liveness=mute)),
            workload("web", FOREVER, probes=Probes(work=Probe(exec_=["true"], every=Seconds(0.02)))),
        )
        house.until(lambda: len([one for one in house.events(ProbeMeasured) if one.subject == "web"]) >= 5)
        assert house.events(ProbeFailed) == []
        assert house.wait_for(ProbeFailed, of("w3")).detail == "no answer within 0.4 s"
        assert house.wait_for(ProbeFailed, of("mute")).detail == "no answer within 0.4 s"
        assert len(alive("sleep 777")) <= 24  # no probe is asked again while it runs
        for number in range(8):
            house.ask(StopProcess(name=f"w{number}"))
        house.until(lambda: alive("sleep 777") == [])


def test_no_probe_is_asked_of_what_is_down_and_late_answers_do_not_count(keep, workload, tmp_path):
    house = keep(
        workload("web", FOREVER, probes=Probes(readiness=Probe(exec_=["sh", "-c", "sleep 0.3"], every=Seconds(0.01))))
    )
    house.ask(StopProcess(name="web"))
    threading.Event().wait(0.6)
    assert house.events(ProbeMeasured) == []
    assert moves(house)[-1] == "held"


def test_a_new_incarnation_is_judged_by_its_own_answers(keep, workload, tmp_path):
    (tmp_path / "up").touch()
    house = keep(workload("web", FOREVER, probes=Probes(readiness=there("up"))))
    house.wait_for(ProcessReady, of("web", incarnation=1))
    (tmp_path / "up").unlink()
    os.kill(row(house).pid, signal.SIGKILL)
    house.wait_for(ProcessStarted, of("web", incarnation=2))
    assert row(house).state == "running"
    (tmp_path / "up").touch()
    house.wait_for(ProcessReady, of("web", incarnation=2))


def test_a_hook_is_run_and_its_end_is_told(keep, workload, tmp_path):
    hooks = {
        "fix": Hook(command=["sh", "-c", 'echo "$PWD $MINE"; exit 4'], undo=["echo", "taken back"]),
        "hang": Hook(command=["sleep", "1000"], timeout=Seconds(0.2)),
    }
    house = keep(workload("web", FOREVER, env={"MINE": "yes"}, hooks=hooks))
    done = house.ask(RunHook(name="web", hook="fix"))
    assert (done.exit_code, done.output) == (4, [f"{tmp_path} yes"])
    told = house.wait_for(HookEnded)
    assert (told.hook, told.exit_code, told.output) == ("fix", 4, [f"{tmp_path} yes"])
    assert house.ask(RunHook(name="web", hook="hang")).exit_code is None
    assert house.ask(RunHook(name="web", hook="fix", undo=True)).output == ["taken back"]
    assert house.events(HookEnded)[-1].hook == "fix (undo)"
    with pytest.raises(Refused, match="hook 'hang' of web declares no undo"):
        house.ask(RunHook(name="web", hook="hang", undo=True))
    with pytest.raises(Refused, match="web declares no hook 'nope'; it has: fix, hang"):
        house.ask(RunHook(name="web", hook="nope"))


def test_the_log_of_a_running_process_is_kept_within_its_size(keep, workload):
    script = "i=0; while :; do i=$((i+1)); echo line $i; [ $((i % 500)) = 0 ] && sleep 0.01; done"
    house = keep(workload("web", script, log=LogPolicy(max_size=Bytes(50_000), keep=2)), log_check=Seconds(0.05))
    path = row(house).log_path
    house.until(lambda: Path(f"{path}.2").exists())
    assert not Path(f"{path}.3").exists()
    os.kill(row(house).pid, signal.SIGKILL)
    tail = house.wait_for(ProcessExited).log_tail
    numbers = [int(line.split()[1]) for line in tail]
    assert len(numbers) == 20
    assert numbers == list(range(numbers[0], numbers[0] + 20))


def test_evidence_holds_only_lines_of_the_run_that_ended(keep, workload):
    house = keep(workload("web", '[ $GYROSTAT_INCARNATION = 2 ] || echo "from $GYROSTAT_INCARNATION"; exit 1',
                          restart=RestartPolicy(backoff_first=Seconds(0.01), start_limit=3)))  # fmt: skip
    house.wait_for(ProcessExited, of("web", incarnation=3))
    assert [one.log_tail for one in house.events(ProcessExited)] == [["from 1"], [], ["from 3"]]


def reload(house, *workloads):
    house.reload({one.name: one for one in workloads})
    house.ask(ListProcesses())


def test_new_settings_are_taken_over_without_touching_what_runs(keep, workload):
    one, two = workload("web", FOREVER), workload("web", "exec sleep 1001")
    house = keep(one, workload("old", FOREVER))
    before = row(house)
    reload(house, workload("new", FOREVER), two)
    rows = house.ask(ListProcesses()).processes
    assert [(each.name, each.state, each.wanted, each.declared) for each in rows] == [
        ("new", "stopped", True, True),
        ("web", "ready", True, True),
        ("old", "ready", False, False),
    ]
    assert (rows[1].pid, rows[1].revision) == (before.pid, revision(one.spec))
    house.ask(RestartProcess(name="web"))
    assert row(house).revision == revision(two.spec)
    house.ask(StartProcess(name="new"))
    assert row(house, "new").state == "ready"


def test_a_workload_that_was_taken_out_goes_when_it_is_stopped(keep, workload, alive):
    house = keep(workload("web", FOREVER), workload("off", FOREVER, autostart=False))
    reload(house)
    assert [one.name for one in house.ask(ListProcesses()).processes] == ["web"]
    for command in (StartProcess(name="web"), RestartProcess(name="web")):
        with pytest.raises(Refused, match="it is no longer in the config"):
            house.ask(command)
    house.ask(StopProcess(name="web", hold=False))
    assert house.ask(ListProcesses()).processes == []
    assert alive() == []


def test_one_of_too_many_instances_is_scaled_away_and_not_out_of_the_config(keep, workload):
    one = structs.replace(workload("web-1", FOREVER), config_name="web", instance=1)
    house = keep(one)
    house.view = structs.replace(house.view, declared=["web", "db"])
    reload(house)
    table = house.ask(ListProcesses())
    assert [(each.name, each.declared, each.scaled_away) for each in table.processes] == [("web-1", False, True)]
    assert table.none == ["web", "db"]
    assert house.ask(ExplainProcess(name="web-1")).stories[0].scaled_away
    with pytest.raises(Refused, match="web-1 is not started: it is scaled away"):
        house.ask(StartProcess(name="web-1"))
    reload(house, one)
    assert not row(house, "web-1").scaled_away
    assert house.ask(ListProcesses()).none == ["db"]


def test_a_workload_that_was_taken_out_is_not_restarted_when_it_ends(keep, workload):
    house = keep(workload("web", FOREVER))
    pid = row(house).pid
    reload(house)
    os.kill(pid, signal.SIGKILL)
    house.wait_for(ProcessExited)
    assert house.ask(ListProcesses()).processes == []


def test_a_workload_that_comes_back_is_the_one_that_runs(keep, workload):
    house = keep(workload("web", FOREVER))
    pid = row(house).pid
    reload(house)
    reload(house, workload("web", FOREVER))
    assert (row(house).pid, row(house).declared, row(house).wanted) == (pid, True, True)


def test_a_changed_probe_is_asked_without_a_restart(keep, workload, tmp_path):
    house = keep(workload("web", FOREVER, probes=Probes(readiness=there("never"))))
    assert row(house).state == "running"
    pid = row(house).pid
    reload(house, workload("web", FOREVER))
    assert (row(house).state, row(house).pid) == ("ready", pid)
    reload(house, workload("web", FOREVER, probes=Probes(liveness=there("never"))))
    house.wait_for(ProcessStateChanged, of("web", state="unhealthy"))
    assert row(house).pid == pid


def test_a_dependency_that_is_taken_out_of_the_settings_is_waited_for_no_longer(keep, workload):
    house = keep(workload("web", FOREVER, depends_on={"db": "ready"}), workload("db", FOREVER, autostart=False))
    assert row(house).state == "waiting"
    reload(house, workload("web", FOREVER), workload("db", FOREVER, autostart=False))
    assert row(house).state == "ready"
