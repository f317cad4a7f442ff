import socket
import subprocess
import sys
from pathlib import Path

from actors.healer.holders import find_holder

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
        found = find_holder([1, port])
        process.communicate("")
    assert found
    assert (found.port, found.pid) == (port, process.pid)
    assert found.command.startswith(Path(sys.executable).name)
    assert len(found.command) <= 120


def test_a_port_that_nobody_listens_on_has_no_holder():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        assert find_holder([bound.getsockname()[1]]) is None


def test_no_port_has_no_holder():
    assert find_holder([]) is None
