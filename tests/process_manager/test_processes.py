import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from actors.process_manager.processes import ProcFs, PsutilProcesses
from actors.process_manager.signals import signal_group, signal_names, signal_number, signal_process


@pytest.fixture(params=[ProcFs, PsutilProcesses])
def table(request):
    return request.param()


@pytest.fixture
def sleeper(tmp_path, mark):
    process = subprocess.Popen(
        ["sleep", "1000"],
        cwd=tmp_path,
        env={**os.environ, "WORD": "a=b", "GYROSTAT_SEEN": "c=d"},
        start_new_session=True,
    )
    end_s = time.monotonic() + 20
    while not ProcFs().environ(process.pid):  # empty until the kernel has laid it out, just after Popen returns
        assert time.monotonic() < end_s
    yield process
    process.kill()
    process.wait()


def test_a_process_is_seen_as_the_kernel_knows_it(table, sleeper, tmp_path):
    stat = table.stat(sleeper.pid)
    assert (stat.pid, stat.parent, stat.group, stat.session) == (sleeper.pid, os.getpid(), sleeper.pid, sleeper.pid)
    assert not stat.zombie
    assert sleeper.pid in table.pids()
    assert table.argv(sleeper.pid) == ["sleep", "1000"]
    assert table.environ(sleeper.pid)["WORD"] == "a=b"
    marks = table.marks(sleeper.pid)
    assert marks["GYROSTAT_SEEN"] == "c=d"
    assert all(name.startswith("GYROSTAT_") for name in marks)
    assert table.cwd(sleeper.pid) == os.path.realpath(tmp_path)
    assert table.uid(sleeper.pid) == os.getuid()
    assert Path(table.program(sleeper.pid)).name in {"sleep", "coreutils", "busybox"}
    assert 0 <= table.age_s(stat) < 60


def test_both_tables_agree_on_the_age(sleeper):
    first, second = ProcFs().stat(sleeper.pid), PsutilProcesses().stat(sleeper.pid)
    assert first
    assert second
    assert abs(ProcFs().age_s(first) - PsutilProcesses().age_s(second)) < 1.5


def test_a_zombie_is_seen_as_one(table, sleeper):
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    assert table.stat(sleeper.pid).zombie


def test_a_zombie_shows_its_status_on_linux(sleeper):
    sleeper.terminate()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    stat = ProcFs().stat(sleeper.pid)
    assert stat
    assert stat.status == signal.SIGTERM


def test_what_is_gone_gives_nothing(table, sleeper):
    sleeper.kill()
    sleeper.wait()
    pid = sleeper.pid
    assert table.stat(pid) is table.cwd(pid) is table.uid(pid) is table.program(pid) is None
    assert table.environ(pid) == {}
    assert table.argv(pid) == []


def test_a_boot_has_one_name(table):
    assert table.boot() == table.boot() != ""


def test_a_name_in_the_table_may_hold_anything(tmp_path, mark):
    program = tmp_path / "a) Z 1 (b"
    program.write_text("#!/bin/sh\nsleep 1000\n")
    program.chmod(0o755)
    process = subprocess.Popen([program], start_new_session=True)
    try:
        stat = ProcFs().stat(process.pid)
        assert stat
        assert (stat.parent, stat.zombie) == (os.getpid(), False)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_a_signal_reaches_a_group_that_was_stopped(sleeper):
    sleeper.send_signal(signal.SIGSTOP)
    signal_group(sleeper.pid, "TERM")
    assert sleeper.wait(20) == -signal.SIGTERM
    signal_group(sleeper.pid, "TERM")


def test_a_signal_reaches_one_process(sleeper):
    with pytest.raises(ValueError, match="unknown signal 'NOPE'; known: ABRT"):
        signal_process(sleeper.pid, "NOPE")
    assert signal_process(sleeper.pid, "int")
    assert sleeper.wait(20) == -signal.SIGINT
    assert not signal_process(sleeper.pid, "TERM")


def test_signals_go_by_their_names():
    assert signal_number("hup") == signal_number("SIGHUP") == signal.SIGHUP
    assert signal_number("_IGN") is signal_number("") is None
    assert {"TERM", "USR1", "WINCH"} <= set(signal_names())
