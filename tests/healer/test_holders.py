import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil

from actors.healer.holders import Holder, end_process, find_listeners, find_users, who_has_locked

LISTEN = """
import socket, sys
server = socket.socket()
server.bind(("127.0.0.1", 0))
server.listen()
print(server.getsockname()[1], flush=True)
sys.stdin.read()
"""


def test_the_process_that_listens_on_a_port_is_found_with_its_command_line():
    with subprocess.Popen(
        [sys.executable, "-c", LISTEN, "x" * 300], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        port = int(process.stdout.readline())
        (found,) = find_listeners([1, port])
        process.communicate("")
    assert (found.what, found.pid) == (f"port {port}", process.pid)
    assert found.command.startswith(Path(sys.executable).name)
    assert len(found.command) <= 120


def test_a_port_that_nobody_listens_on_has_no_holder():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        assert find_listeners([bound.getsockname()[1]]) == []


def test_no_port_has_no_holder():
    assert find_listeners([]) == []


STUBBORN = """
import signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
sys.stdin.read()
"""
LOCKS = """
import fcntl, sys
with open(sys.argv[1], "w") as file:
    fcntl.lockf(file, fcntl.LOCK_EX)
    print("locked", flush=True)
    sys.stdin.read()
"""


@contextlib.contextmanager
def running(program, *args):
    """A Python process that has said its first line."""
    command = [sys.executable, "-c", program, *map(str, args)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            process.stdout.readline()
            yield process
        finally:
            process.kill()


def test_who_has_a_file_open_and_who_has_it_locked(tmp_path):
    path = tmp_path / "state.db"
    path.touch()
    assert who_has_locked([path, tmp_path / "missing"]) == set()
    with running(LOCKS, path) as process, path.open() as ours:
        assert {each.pid for each in find_users(path)} == {process.pid, os.getpid()}
        assert who_has_locked([path]) == {process.pid}
        assert not ours.closed
    assert find_users(path) == []
    assert find_users(tmp_path / "missing") == []


def test_a_process_that_ignores_term_is_killed_after_its_grace(tmp_path):
    path = tmp_path / "held"
    path.touch()
    with running(STUBBORN) as process:
        born_s = psutil.Process(process.pid).create_time()
        assert end_process(Holder(pid=process.pid, born_s=born_s, what="", command=""), 0.05)
        assert process.wait(10) == -signal.SIGKILL


def test_a_later_process_with_the_same_pid_is_not_ended():
    with running(STUBBORN) as process:
        assert end_process(Holder(pid=process.pid, born_s=1.0, what="", command=""), 0.05), "the one meant is gone"
        assert process.poll() is None
