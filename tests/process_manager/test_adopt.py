import os
import signal
import subprocess
import sys
import time

import pytest

from actors.process_manager.adopt import Alive, Gone, find_fates
from actors.process_manager.exits import Exit
from actors.process_manager.processes import ProcFs, PsutilProcesses
from actors.process_manager.store import Row
from actors.process_manager.tokens import Issuer, issue, new_secret

SECRET = new_secret()


@pytest.fixture(params=[ProcFs, PsutilProcesses])
def table(request):
    return request.param()


@pytest.fixture
def issuer(mark):
    return Issuer(f"n{mark}", SECRET)


def row(table, issuer, **fields):
    token = issue(SECRET, "web", 3)
    known = {"name": "web", "phase": "intent", "held": False, "incarnation": 3, "token": token, "boot": table.boot()}
    return Row(**{**known, "intent_s": table.uptime_s(), **fields})


def fate(one, table, issuer, wait_s=5.0):
    return find_fates({"web": one}, table, table.boot(), issuer, wait_s).get("web")


def laid_out(process):
    """Wait until a fresh process shows its environment; the kernel lays it out just after Popen returns."""
    end_s = time.monotonic() + 20
    while not ProcFs().environ(process.pid):
        assert time.monotonic() < end_s


def marks(issuer, token, incarnation):
    return {
        "GYROSTAT_NODE": issuer.node,
        "GYROSTAT_WORKLOAD": "web",
        "GYROSTAT_TOKEN": token,
        "GYROSTAT_INCARNATION": str(incarnation),
    }


def test_a_process_between_fork_and_exec_is_waited_for(table, issuer, mark):
    one = row(table, issuer)
    env = {**marks(issuer, one.token, 3), "PATH": os.environ["PATH"], "GYROSTAT_TEST_MARK": mark}
    program = f"import os, time; time.sleep(0.4); os.execvpe('sleep', ['sleep', '1000'], {env!r})"
    process = subprocess.Popen([sys.executable, "-I", "-S", "-c", program], start_new_session=True)
    process.returncode = 0
    found = fate(one, table, issuer)
    assert isinstance(found, Alive)
    assert (found.stat.pid, found.child, found.incarnation, found.token) == (process.pid, True, 3, one.token)


def test_a_process_in_the_middle_of_exec_is_waited_for(table, issuer, mark):
    one = row(table, issuer)
    env = {**os.environ, **marks(issuer, one.token, 3)}
    process = subprocess.Popen(["sleep", "1000"], env=env, start_new_session=True)
    looks: list[int] = []
    environ = table.environ

    def late(pid):
        looks.append(pid)
        return {} if pid == process.pid and looks.count(pid) < 5 else environ(pid)

    table.environ = late
    found = fate(one, table, issuer)
    assert isinstance(found, Alive)
    assert found.stat.pid == process.pid
    process.kill()
    process.wait()


def test_a_program_like_ours_is_not_waited_for_for_ever(table, issuer, mark):
    one = row(table, issuer)
    process = subprocess.Popen([sys.executable, "-I", "-S", "-c", "import time; time.sleep(1000)"])
    begun_s = time.monotonic()
    assert fate(one, table, issuer, wait_s=0.2) == Gone(Exit(), existed=False)
    assert time.monotonic() - begun_s > 0.1
    process.kill()
    process.wait()


def test_when_nothing_may_become_it_nothing_is_waited_for(table, issuer):
    old = row(table, issuer, intent_s=table.uptime_s() - 3600)
    looks: list[int] = []
    pids = table.pids

    def look():
        looks.append(1)
        return pids()

    table.pids = look
    assert fate(old, table, issuer, wait_s=3600) == Gone(Exit(), existed=False)
    assert len(looks) == 1


@pytest.mark.parametrize("phase", ["stopped", "exited", "crash_loop", "ended", "new"])
def test_what_was_down_has_no_fate(table, issuer, phase):
    assert fate(row(table, issuer, phase=phase, pid=os.getpid()), table, issuer) is None


def test_a_later_incarnation_than_the_row_knows_is_found_and_an_earlier_one_is_none(table, issuer, mark):
    processes = {}
    for incarnation in (2, 3, 5):
        token = issue(SECRET, "web", incarnation)
        env = {**os.environ, **marks(issuer, token, incarnation)}
        processes[incarnation] = subprocess.Popen(["sleep", "1000"], env=env, start_new_session=True)
    try:
        for process in processes.values():
            laid_out(process)
        found = fate(row(table, issuer, phase="ended"), table, issuer)
        assert isinstance(found, Alive)
        assert (found.stat.pid, found.incarnation) == (processes[5].pid, 5)
        processes[5].kill()
        processes[5].wait()
        assert fate(row(table, issuer, phase="ended"), table, issuer) is None
    finally:
        for process in processes.values():
            process.kill()
            process.wait()


def test_offspring_with_a_session_of_its_own_is_not_taken_for_the_main_process(table, issuer, mark):
    one = row(table, issuer)
    env = {**os.environ, **marks(issuer, one.token, 3)}
    script = "setsid sleep 1001 & sleep 1002 & echo on; exec sleep 1000"
    process = subprocess.Popen(["sh", "-c", script], env=env, start_new_session=True, stdout=subprocess.PIPE)
    assert process.stdout
    with process, process.stdout:
        process.stdout.readline()
        found = fate(one, table, issuer)
        assert isinstance(found, Alive)
        assert found.stat.pid == process.pid
        process.kill()


def test_a_child_that_is_a_zombie_tells_how_it_ended(table, issuer, mark):
    process = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    process.returncode = 0
    stat = table.stat(process.pid)
    os.kill(process.pid, signal.SIGTERM)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    gone = fate(row(table, issuer, phase="up", pid=process.pid, ticks=stat.ticks), table, issuer)
    assert gone == Gone(Exit(signal="TERM"), existed=True)
