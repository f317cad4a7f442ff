"""What outlives a ProcessManager is found again by the next one, in a new node or made anew in the same."""

import os
import signal
import sqlite3
import subprocess
from pathlib import Path

import pytest

from actors.process_manager.actor import ProcessManager
from actors.process_manager.processes import process_table
from actors.process_manager.store import Store
from actors.settings import RestartPolicy, Seconds, StopPolicy
from bus.messages import (
    ActorFailed,
    ListProcesses,
    NodeStopping,
    ProcessAdopted,
    ProcessExited,
    ProcessReady,
    ProcessStarted,
    ProcessStateChanged,
    StopAll,
    StopProcess,
)
from tests.harness import House
from tests.process_manager.asking import of, row

FOREVER = "exec sleep 1000"


def fail(house):
    """Make a handler of the actor raise, so that its behaviour is made anew."""
    behaviour = house.shells["process_manager"]._behaviour
    behaviour.post(lambda: 1 / 0)
    house.until(lambda: house.shells["process_manager"]._behaviour not in (None, behaviour))
    house.wait_for(ActorFailed)
    house.until(lambda: house.shells["process_manager"].state == "running")


def database(tmp_path, statement, *values):
    db = sqlite3.connect(tmp_path / "state" / "process_manager.db")
    with db:
        db.execute(statement, values)
    db.close()


def test_a_process_that_outlives_its_node_is_adopted_untouched(keep, workload, alive):
    first = keep(workload("web", FOREVER))
    before = row(first)
    first.stop()
    second = keep(workload("web", FOREVER))
    adopted = second.wait_for(ProcessAdopted)
    assert (adopted.pid, adopted.incarnation) == (before.pid, 1)
    assert adopted.age_s >= 0
    second.wait_for(ProcessReady)
    after = row(second)
    assert (after.pid, after.state, after.adopted, after.revision) == (before.pid, "ready", True, before.revision)
    assert second.events(ProcessStarted) == []
    assert alive("sleep") == [before.pid]


def test_the_end_of_an_adopted_process_is_seen_and_answered(keep, workload):
    first = keep(workload("web", "trap 'exit 5' USR1; echo old; while :; do sleep 0.05; done"))
    path = row(first).log_path
    first.until(lambda: Path(path).stat().st_size)
    first.stop()
    second = keep(workload("web", FOREVER))
    os.kill(row(second).pid, signal.SIGUSR1)
    exited = second.wait_for(ProcessExited)
    assert (exited.exit_code, exited.log_tail) == (5, ["old"])
    assert second.wait_for(ProcessStarted).incarnation == 2


def test_what_ended_while_no_node_ran_is_told_once_and_started_again(keep, workload):
    first = keep(workload("web", FOREVER))
    pid = row(first).pid
    first.stop()
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    second = keep(workload("web", FOREVER))
    exited = second.wait_for(ProcessExited)
    assert (exited.pid, exited.incarnation, exited.exit_code, exited.signal) == (pid, 1, None, None)
    started = second.wait_for(ProcessStarted)
    assert (started.incarnation, started.restarts, started.reason) == (2, 1, "ended while no node ran")
    second.stop()
    third = keep(workload("web", FOREVER))
    third.wait_for(ProcessAdopted)
    assert third.events(ProcessExited) == []


def test_what_ended_while_no_node_ran_is_left_so_when_its_policy_says_never(keep, workload):
    job = workload("job", FOREVER, restart=RestartPolicy(policy="never"))
    first = keep(job)
    pid = row(first, "job").pid
    first.stop()
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    for _ in range(2):
        house = keep(job)
        assert row(house, "job").state == "exited"
        assert house.events(ProcessStarted) == []
        house.stop()


def test_a_zombie_is_not_alive_and_tells_how_it_ended(keep, workload):
    first = keep(workload("web", FOREVER))
    pid = row(first).pid
    first.stop()
    os.kill(pid, signal.SIGTERM)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    second = keep(workload("web", FOREVER))
    assert second.wait_for(ProcessExited).signal == "TERM"
    assert second.wait_for(ProcessStarted).incarnation == 2


def test_after_a_boot_nothing_of_before_is_alive(keep, workload, tmp_path, alive):
    first = keep(workload("web", FOREVER))
    pid = row(first).pid
    first.stop()
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    stranger = subprocess.Popen(["sleep", "1000"])  # has the pid of before, in all but the boot
    stat = process_table().stat(stranger.pid)
    assert stat is not None
    database(tmp_path, "UPDATE life SET boot='another', pid=?, ticks=?", stranger.pid, stat.ticks)
    second = keep(workload("web", FOREVER))
    assert second.wait_for(ProcessStarted).incarnation == 2
    assert second.events(ProcessAdopted) == []
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_a_pid_that_was_given_to_another_process_is_not_adopted(keep, workload, tmp_path):
    first = keep(workload("web", FOREVER))
    pid = row(first).pid
    first.stop()
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    database(tmp_path, "UPDATE life SET pid=?", os.getpid())
    second = keep(workload("web", FOREVER))
    assert second.wait_for(ProcessExited).pid == os.getpid()
    assert second.wait_for(ProcessStarted).incarnation == 2


def test_a_process_whose_pid_did_not_get_into_its_row_is_found_by_its_token(keep, workload, tmp_path, alive):
    first = keep(workload("web", "setsid sleep 1001 & exec sleep 1000"))
    pid = row(first).pid
    first.until(lambda: len(alive("sleep 1001")) == 1)
    first.stop()
    database(tmp_path, "UPDATE life SET phase='intent', pid=NULL, ticks=NULL")
    second = keep(workload("web", FOREVER))
    assert second.wait_for(ProcessAdopted).pid == pid
    assert alive("sleep 1000") == [pid]
    second.stop()
    assert row(keep(workload("web", FOREVER))).pid == pid


def test_an_intent_of_which_nothing_came_is_started_and_no_end_is_told(keep, workload, tmp_path):
    first = keep(workload("web", FOREVER))
    pid = row(first).pid
    first.stop()
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    database(tmp_path, "UPDATE life SET phase='intent', pid=NULL, ticks=NULL, token='x'")
    second = keep(workload("web", FOREVER))
    assert second.wait_for(ProcessStarted).incarnation == 2
    assert second.events(ProcessExited, ProcessAdopted) == []


def test_what_was_started_while_the_disk_was_full_is_found_too(keep, workload, tmp_path, alive):
    first = keep(workload("web", FOREVER))
    first.shells["process_manager"]._behaviour._store._db.execute("PRAGMA query_only=ON")
    os.kill(row(first).pid, signal.SIGKILL)
    pid = first.wait_for(ProcessStarted, of("web", incarnation=2)).pid
    assert first.shells["process_manager"].failures == 0
    first.stop()
    second = keep(workload("web", FOREVER))
    adopted = second.wait_for(ProcessAdopted)
    assert (adopted.pid, adopted.incarnation) == (pid, 2)
    assert alive("sleep") == [pid]


def test_what_a_person_held_while_it_was_being_stopped_is_stopped_by_the_next_node(keep, workload, tmp_path, alive):
    first = keep(workload("web", FOREVER))
    first.stop()
    store = Store(tmp_path / "state")
    store.hold("web", held=True)
    store.close()
    second = keep(workload("web", FOREVER))
    second.wait_for(ProcessStateChanged, of("web", state="stopped"))
    assert row(second).held
    assert alive() == []


def test_a_process_whose_workload_was_taken_out_meanwhile_can_still_be_stopped_its_own_way(keep, workload, alive):
    script = "trap 'echo bye; exit 7' USR1; echo on; while :; do sleep 0.05; done"
    first = keep(workload("web", script, stop=StopPolicy(signal="USR1")))
    path = row(first).log_path
    first.until(lambda: Path(path).stat().st_size)
    first.stop()
    second = keep()
    assert (row(second).declared, row(second).state, row(second).adopted) == (False, "ready", True)
    second.ask(StopProcess(name="web", hold=False))
    assert second.wait_for(ProcessExited).exit_code == 7
    assert second.ask(ListProcesses()).processes == []
    second.stop()
    assert keep().ask(ListProcesses()).processes == []


def test_one_whose_settings_are_not_known_any_more_is_left_alone(keep, workload, tmp_path, alive):
    first = keep(workload("web", FOREVER))
    pid = row(first).pid
    first.stop()
    database(tmp_path, "DELETE FROM spec")
    assert keep().ask(ListProcesses()).processes == []
    assert alive("sleep") == [pid]


def test_a_crash_loop_outlives_a_node_that_was_killed(keep, workload):
    loop = workload("web", "exit 1", restart=RestartPolicy(start_limit=1))
    first = keep(loop)
    first.wait_for(ProcessStateChanged, of("web", state="crash_loop"))
    first.stop()
    second = keep(loop)
    assert row(second).state == "crash_loop"
    assert second.events(ProcessStarted) == []


@pytest.mark.parametrize("keeps_workloads", [True, False])
def test_a_crash_loop_is_tried_anew_when_a_person_restarts_the_node(keep, workload, tmp_path, keeps_workloads):
    mended = tmp_path / "mended"
    loop = workload("web", f"test -e {mended} || exit 1; exec sleep 1000", restart=RestartPolicy(start_limit=1))
    first = keep(loop, workload("held", "exit 1", restart=RestartPolicy(start_limit=1)))
    first.wait_for(ProcessStateChanged, of("web", state="crash_loop"))
    first.wait_for(ProcessStateChanged, of("held", state="crash_loop"))
    first.ask(StopProcess(name="held"))
    mended.touch()
    first.publish(NodeStopping(subject=first.view.name, why="restart", keeps_workloads=keeps_workloads))
    first.ask(ListProcesses() if keeps_workloads else StopAll())
    first.stop()
    second = keep(loop, workload("held", FOREVER))
    reason = second.wait_for(ProcessStarted, of("web")).reason
    assert reason == ("node starts; tried anew, as it ended too often before" if keeps_workloads else "node starts")
    second.wait_for(ProcessReady, of("web"))
    assert row(second, "held").state == "held"


def test_a_behaviour_made_anew_keeps_every_process_and_hears_its_end(keep, workload, alive):
    house = keep(workload("web", FOREVER), workload("db", FOREVER))
    pids = {row(house, name).pid for name in ("web", "db")}
    fail(house)
    assert {row(house, name).pid for name in ("web", "db")} == pids == set(alive("sleep"))
    assert len(house.events(ProcessStarted)) == 2
    web = row(house).pid
    os.kill(web, signal.SIGKILL)
    exited = house.wait_for(ProcessExited)
    assert (exited.pid, exited.signal) == (web, "KILL")  # still our child: reaped, and known how it ended
    house.wait_for(ProcessStarted, of("web", incarnation=2))
    with pytest.raises(ChildProcessError):
        os.waitpid(web, os.WNOHANG)


def test_a_behaviour_made_anew_again_and_again_under_crashes_neither_loses_nor_doubles(keep, workload, alive):
    policy = RestartPolicy(stable_after=Seconds(0), start_limit=10_000)
    house = keep(workload("web", FOREVER, restart=policy))
    for round_ in range(4):
        behaviour = house.shells["process_manager"]._behaviour
        os.kill(row(house).pid, signal.SIGKILL)
        behaviour.post(lambda: 1 / 0)
        house.until(lambda count=round_: house.shells["process_manager"].failures == count + 1)
        house.until(lambda: house.shells["process_manager"].state == "running")
        house.until(lambda: row(house).state == "ready" and alive("sleep") == [row(house).pid])


def test_a_node_of_another_name_on_the_same_state_adopts_by_pid(houses, keep, workload, tmp_path, mark):
    first = keep(workload("web", FOREVER))
    pid = row(first).pid
    first.stop()
    second = House(tmp_path / "state", node="renamed")
    try:
        second.start(ProcessManager, workloads={"web": workload("web", FOREVER)})
        assert second.wait_for(ProcessAdopted).pid == pid
    finally:
        second.stop()
