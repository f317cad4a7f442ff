"""A ProcessManager and real processes: starts, crashes, restarts, dependencies."""

import os
import signal
from pathlib import Path

import pytest

from actors.settings import Probe, Probes, RestartPolicy, Seconds
from bus.errors import Refused
from bus.messages import (
    CrashLoopEntered,
    ListProcesses,
    ProcessExited,
    ProcessReady,
    ProcessStarted,
    ProcessStartFailed,
    ProcessStateChanged,
    RestartProcess,
    RestartScheduled,
    StartProcess,
    StopProcess,
)
from tests.process_manager.asking import of, row

FOREVER = "exec sleep 1000"
SLOW_TO_RISE = RestartPolicy(backoff_first=Seconds(30), backoff_max=Seconds(30))


def state(house, name):
    return row(house, name).state


def moves(house, name):
    return [one.state for one in house.events(ProcessStateChanged) if one.subject == name]


def test_workloads_are_started_and_are_ready_at_once_when_nothing_asks(keep, workload, alive):
    house = keep(workload("web", FOREVER), workload("off", FOREVER, autostart=False))
    started = house.wait_for(ProcessStarted)
    assert (started.subject, started.incarnation, started.restarts, started.reason) == ("web", 1, 0, "node starts")
    assert house.wait_for(ProcessReady).pid == started.pid
    assert moves(house, "web") == ["starting", "ready"]
    house.until(lambda: alive("sleep") == [started.pid])
    web, off = house.ask(ListProcesses()).processes
    assert (web.name, web.pid, web.wanted, web.state, web.revision) == (
        "web",
        started.pid,
        True,
        "ready",
        started.revision,
    )
    assert (off.name, off.pid, off.wanted, off.state, off.revision) == ("off", None, False, "stopped", None)


def test_a_crash_is_told_and_answered_by_a_new_process_at_once(keep, workload):
    house = keep(workload("web", "echo hello; exec sleep 1000"))
    first = house.wait_for(ProcessStarted)
    house.until(lambda: Path(row(house, "web").log_path).stat().st_size)
    os.kill(first.pid, signal.SIGKILL)
    exited = house.wait_for(ProcessExited)
    assert (exited.pid, exited.incarnation, exited.exit_code, exited.signal) == (first.pid, 1, None, "KILL")
    assert (exited.asked, exited.expected, exited.log_tail) == (False, False, ["hello"])
    second = house.wait_for(ProcessStarted, of("web", incarnation=2))
    assert second.pid != first.pid
    assert (second.restarts, second.reason) == (1, "ended by itself: signal KILL")
    assert moves(house, "web") == ["starting", "ready", "starting", "ready"]


def test_quick_exits_back_off_and_end_in_a_crash_loop_until_somebody_starts_it(keep, workload, tmp_path):
    policy = RestartPolicy(backoff_first=Seconds(0.01), start_limit=4)
    house = keep(
        workload(
            "web", 'echo "Traceback $GYROSTAT_INCARNATION"; [ -e mended ] && exec sleep 1000; exit 3', restart=policy
        )
    )
    loop = house.wait_for(CrashLoopEntered)
    assert (loop.starts, loop.window_s, loop.exit_code, loop.signal, loop.log_tail) == (4, 60, 3, None, ["Traceback 4"])
    assert [one.attempt for one in house.events(RestartScheduled)] == [2, 3]
    assert [one.log_tail for one in house.events(ProcessExited)] == [[f"Traceback {number}"] for number in (1, 2, 3, 4)]
    assert moves(house, "web").count("backing_off") == 2
    assert state(house, "web") == "crash_loop"
    (tmp_path / "mended").touch()
    assert house.ask(StartProcess(name="web")).detail.startswith("started, pid ")
    assert row(house, "web").incarnation == 5


def test_a_restart_ends_a_crash_loop_too_and_its_window_begins_afresh(keep, workload):
    house = keep(workload("web", "exit 1", restart=RestartPolicy(backoff_first=Seconds(0.01), start_limit=2)))
    house.wait_for(CrashLoopEntered)
    assert house.ask(RestartProcess(name="web")).detail.startswith("started, pid ")
    house.until(lambda: len(house.events(CrashLoopEntered)) == 2)
    assert len(house.events(ProcessStarted)) == 4


@pytest.mark.parametrize(("policy", "script"), [("never", "exit 1"), ("on-failure", "exit 0")])
def test_what_its_policy_leaves_as_it_is_stays_down(keep, workload, policy, script):
    house = keep(workload("job", script, restart=RestartPolicy(policy=policy)))
    house.wait_for(ProcessStateChanged, of("job", state="exited"))
    assert house.wait_for(ProcessExited).expected is (script == "exit 0")
    assert (row(house, "job").exit_code, len(house.events(ProcessStarted))) == (int(script[-1]), 1)


def test_a_program_that_is_missing_is_told_and_started_when_it_is_there(keep, workload, tmp_path):
    house = keep(workload("web", ["./prog"], restart=RestartPolicy(backoff_first=Seconds(0.02))))
    failed = house.wait_for(ProcessStartFailed)
    assert (failed.reason, failed.retryable, failed.attempt) == (
        "its program ./prog (or the interpreter it names) is missing", True, 1,
    )  # fmt: skip
    house.wait_for(ProcessStartFailed, of("web", attempt=3))
    assert house.wait_for(RestartScheduled, of("web", attempt=3)).delay_s == pytest.approx(0.08, rel=0.3)
    (tmp_path / "new").write_text("#!/bin/sh\nexec sleep 1000\n")
    (tmp_path / "new").chmod(0o755)
    (tmp_path / "new").rename(tmp_path / "prog")
    house.wait_for(ProcessReady)


def test_a_directory_or_program_that_goes_before_a_restart_is_no_fault_of_the_actor(keep, workload, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    house = keep(workload("web", FOREVER, cwd=home, restart=RestartPolicy(backoff_first=Seconds(0.02))))
    home.rmdir()
    os.kill(house.wait_for(ProcessStarted).pid, signal.SIGKILL)
    assert house.wait_for(ProcessStartFailed).reason == f"its directory {home} is missing"
    assert moves(house, "web")[-2:] == ["ready", "backing_off"]
    home.mkdir()
    house.wait_for(ProcessStarted, of("web", incarnation=2))
    assert house.shells["process_manager"].failures == 0


def test_what_trying_again_cannot_help_is_tried_seldom_and_at_once_when_asked(keep, workload, tmp_path):
    house = keep(workload("web", ["./prog"], cwd=tmp_path), start_retry_max=Seconds(1000))
    (tmp_path / "prog").write_text("no program")
    (tmp_path / "prog").chmod(0o755)
    with pytest.raises(Refused, match=r"web cannot be started: its program \./prog cannot be executed"):
        house.ask(RestartProcess(name="web"))
    assert house.events(RestartScheduled)[-1].delay_s == 1000
    assert not house.events(ProcessStartFailed)[-1].retryable
    (tmp_path / "prog").write_text("#!/bin/sh\nexec sleep 1000\n")
    assert house.ask(RestartProcess(name="web")).detail.startswith("started, pid")


def test_a_workload_waits_for_its_dependencies_and_starts_when_they_are_there(keep, workload, tmp_path):
    asked = Probes(readiness=Probe(exec_=["test", "-e", "up"], every=Seconds(0.05)))
    house = keep(
        workload("web", FOREVER, depends_on={"app": "started"}),
        workload("app", FOREVER, depends_on={"db": "ready"}),
        workload("db", FOREVER, probes=asked),
    )
    assert (state(house, "web"), state(house, "app"), state(house, "db")) == ("waiting", "waiting", "running")
    assert row(house, "app").why == "waits for db (running, not ready)"
    (tmp_path / "up").touch()
    house.wait_for(ProcessReady, of("web"))
    assert [one.subject for one in house.events(ProcessStarted)] == ["db", "app", "web"]


def test_a_dependency_that_cannot_be_spawned_starts_nobody(keep, workload):
    house = keep(workload("web", FOREVER, depends_on={"db": "started"}), workload("db", ["/no/such"]))
    house.wait_for(ProcessStartFailed, of("db", attempt=3))
    assert state(house, "web") == "waiting"
    assert house.events(ProcessStarted) == []


def test_dependants_outlive_their_dependency_but_wait_for_it_when_they_end(keep, workload):
    house = keep(workload("db", FOREVER), workload("web", FOREVER, depends_on={"db": "ready"}))
    web = house.wait_for(ProcessStarted, of("web"))
    house.ask(StopProcess(name="db"))
    assert (state(house, "web"), row(house, "web").pid) == ("ready", web.pid)
    os.kill(web.pid, signal.SIGKILL)
    house.wait_for(ProcessStateChanged, of("web", state="waiting"))
    assert row(house, "web").why == "waits for db (held, not ready); ended by itself: signal KILL"
    house.ask(StartProcess(name="db"))
    house.wait_for(ProcessReady, of("web", incarnation=2))


def test_starting_a_workload_starts_what_it_needs_but_nothing_a_person_holds(keep, workload):
    house = keep(
        workload("db", FOREVER, autostart=False),
        workload("app", FOREVER, autostart=False, depends_on={"db": "ready"}),
        workload("web", FOREVER, autostart=False, depends_on={"app": "ready"}),
    )
    assert house.ask(StartProcess(name="web")).detail.startswith("started, pid ")
    assert [one.subject for one in house.events(ProcessStarted)] == ["db", "app", "web"]
    for name in ("web", "db"):
        house.ask(StopProcess(name=name))
    # app is there, and that is what it needs
    assert house.ask(StartProcess(name="web")).detail.startswith("started, pid ")
    house.ask(StopProcess(name="web"))
    house.ask(StopProcess(name="app", hold=False))
    assert house.ask(StartProcess(name="web")).detail == "waiting: waits for app (waiting, not ready)"
    assert row(house, "app").why == "waits for db (held, not ready)"
    assert house.ask(StartProcess(name="db")).detail.startswith("started, pid ")
    house.until(lambda: state(house, "web") == "ready")


def test_a_job_that_did_its_work_counts_as_started(keep, workload):
    job = workload("migrate", "exit 0", restart=RestartPolicy(policy="on-failure"))
    house = keep(job, workload("web", "exec sleep 1000", depends_on={"migrate": "started"}))
    house.wait_for(ProcessReady, of("web"))
    house.wait_for(ProcessStateChanged, of("migrate", state="exited"))
    os.kill(house.wait_for(ProcessStarted, of("web")).pid, signal.SIGKILL)
    house.wait_for(ProcessStarted, of("web", incarnation=2))


def test_starting_what_runs_changes_nothing(keep, workload):
    house = keep(workload("web", FOREVER))
    pid = row(house, "web").pid
    assert house.ask(StartProcess(name="web")).detail == f"runs already, pid {pid}"
    assert row(house, "web").pid == pid


def test_an_unknown_name_is_refused_with_the_nearest_known_one(keep, workload):
    house = keep(workload("web", FOREVER), workload("database", FOREVER))
    with pytest.raises(Refused, match="no workload 'databse'; did you mean 'database'"):
        house.ask(StopProcess(name="databse"))


def test_without_workloads_there_is_nothing_to_name(keep):
    house = keep()
    assert house.ask(ListProcesses()).processes == []
    with pytest.raises(Refused, match="no workload 'web'; there are none"):
        house.ask(StartProcess(name="web"))


def test_a_hundred_workloads_are_kept_and_listed(keep, workload):
    house = keep(*(workload(f"w{number}", FOREVER) for number in range(100)))
    rows = house.ask(ListProcesses()).processes
    assert [one.name for one in rows] == [f"w{number}" for number in range(100)]
    assert {one.state for one in rows} == {"ready"}
    for one in rows[::2]:
        os.kill(one.pid, signal.SIGKILL)
    house.until(lambda: len(house.events(ProcessStarted)) == 150)
    assert {one.state for one in house.ask(ListProcesses()).processes} == {"ready"}


def test_modes_of_one_workload_are_two_processes_with_their_own_mode(keep, workload, alive):
    house = keep(
        workload("web-live", "echo $GYROSTAT_MODE; exec sleep 1000", mode="live"),
        workload("web-sandbox", "echo $GYROSTAT_MODE; exec sleep 1000", mode="sandbox"),
    )
    for mode in ("live", "sandbox"):
        path = row(house, f"web-{mode}").log_path
        house.until(lambda path=path: Path(path).stat().st_size)
        assert Path(path).read_text() == f"{mode}\n"
    assert [one.mode for one in house.events(ProcessStarted)] == ["live", "sandbox"]
