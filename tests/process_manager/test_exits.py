import contextlib
import os
import queue
import signal
import subprocess

import pytest

from actors.process_manager.exits import Exit, PidfdWatcher, PollWatcher, exit_of, exit_watcher, pidfd_status, reap
from actors.process_manager.processes import ProcFs, PsutilProcesses

TABLE = ProcFs()


@pytest.fixture(params=[PidfdWatcher, PollWatcher])
def watch(request, mark):
    told: queue.SimpleQueue[tuple[object, Exit]] = queue.SimpleQueue()
    watcher = request.param(lambda key, ended: told.put((key, ended)), TABLE)
    watcher.told = told
    yield watcher
    watcher.close()
    watcher.close()


def child(script):
    process = subprocess.Popen(["sh", "-c", script])
    process.returncode = 0
    return process.pid


def orphan(script):
    """A process whose parent is not this one."""
    done = subprocess.run(["sh", "-c", f"({script}) >/dev/null & echo $!"], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.parametrize(
    ("script", "ended"),
    [
        ("exit 0", Exit(exit_code=0)),
        ("exit 3", Exit(exit_code=3)),
        ("kill -9 $$", Exit(signal="KILL")),
        ("kill -TERM $$", Exit(signal="TERM")),
    ],
)
def test_the_end_of_a_child_is_told_once_with_how_it_ended(watch, script, ended):
    watch.watch(child(script), "key", child=True)
    assert watch.told.get(timeout=20) == ("key", ended)
    with pytest.raises(queue.Empty):
        watch.told.get(timeout=0.05)


def test_a_child_that_ended_before_it_was_watched_is_told_too(watch):
    pid = child("exit 5")
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    watch.watch(pid, 1, child=True)
    assert watch.told.get(timeout=20) == (1, Exit(exit_code=5))


def test_a_child_is_reaped(watch):
    pid = child("exit 0")
    watch.watch(pid, 1, child=True)
    watch.told.get(timeout=20)
    with pytest.raises(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def test_the_end_of_a_process_that_is_no_child_is_told_with_how_it_ended(watch):
    pid = orphan("sleep 0.2; exit 7")
    watch.watch(pid, "orphan", child=False)
    key, ended = watch.told.get(timeout=20)
    assert key == "orphan"
    # Polling may come when init has reaped it already, and then nobody knows.
    assert ended == Exit(exit_code=7) or (isinstance(watch, PollWatcher) and ended == Exit())


def test_a_process_that_is_gone_is_told_as_ended(watch):
    process = subprocess.Popen(["true"])
    process.wait()
    watch.watch(process.pid, "gone", child=False)
    assert watch.told.get(timeout=20) == ("gone", Exit())


def test_many_that_end_together_are_all_told(watch):
    for number in range(60):
        watch.watch(child(f"sleep 0.1; exit {number}"), number, child=True)
    told = dict(watch.told.get(timeout=20) for _ in range(60))
    assert told == {number: Exit(exit_code=number) for number in range(60)}


def test_after_close_nothing_is_told(watch):
    pid = child("sleep 100")
    watch.watch(pid, 1, child=True)
    watch.close()
    os.kill(pid, signal.SIGKILL)
    assert os.waitpid(pid, 0)[1] == signal.SIGKILL
    assert watch.told.empty()


def test_the_kernel_tells_the_exit_of_a_reaped_stranger_by_its_pidfd(mark):
    pid = child("exit 9")
    fd = os.pidfd_open(pid)
    try:
        assert pidfd_status(fd) is None
        os.waitpid(pid, 0)
        major, minor = (int(part) for part in os.uname().release.split(".")[:2])
        assert pidfd_status(fd) == (9 << 8 if (major, minor) >= (6, 15) else None)
    finally:
        os.close(fd)


def test_without_a_descriptor_for_it_a_process_is_polled(mark, monkeypatch):
    told: queue.SimpleQueue[tuple[object, Exit]] = queue.SimpleQueue()
    watcher = PidfdWatcher(lambda key, ended: told.put((key, ended)), TABLE)
    with contextlib.closing(watcher):
        monkeypatch.setattr(os, "pidfd_open", lambda pid: (_ for _ in ()).throw(OSError(24, "Too many open files")))
        watcher.watch(child("exit 4"), "poor", child=True)
        assert told.get(timeout=20) == ("poor", Exit(exit_code=4))


def test_where_there_is_no_pidfd_the_table_is_polled(monkeypatch):
    for error in (OSError(38, "Function not implemented"), AttributeError("pidfd_open")):
        monkeypatch.setattr(os, "pidfd_open", lambda pid, error=error: (_ for _ in ()).throw(error))
        watcher = exit_watcher(lambda key, ended: None, TABLE)
        watcher.close()
        assert isinstance(watcher, PollWatcher)


def test_psutil_serves_polling_as_well(mark):
    told: queue.SimpleQueue[tuple[object, Exit]] = queue.SimpleQueue()
    watcher = PollWatcher(lambda key, ended: told.put((key, ended)), PsutilProcesses())
    with contextlib.closing(watcher):
        watcher.watch(child("exit 2"), 1, child=True)
        watcher.watch(orphan("sleep 0.1"), 2, child=False)
        assert {told.get(timeout=20)[0] for _ in range(2)} == {1, 2}


def test_wait_statuses_are_split():
    assert exit_of(7 << 8) == Exit(exit_code=7)
    assert exit_of(15) == Exit(signal="TERM")
    assert exit_of(9 | 0x80) == Exit(signal="KILL")  # with a core
    assert exit_of(signal.SIGRTMIN + 3) == Exit(signal=str(signal.SIGRTMIN + 3))
    assert exit_of(None) == Exit()


def test_a_living_child_is_not_reaped(mark):
    pid = child("sleep 100")
    assert reap(pid) is None
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert reap(pid) is None
