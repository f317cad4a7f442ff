"""Who holds a workload's port is ended when it is its own, told when it is not, and left alone unless allowed."""

import contextlib
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from actors.healer.remedies import Hopeless, Planned, Unfit
from actors.healer.repairs.port_owner import EndPortOwner
from actors.settings import Probe, Probes, Seconds
from actors.settings.repair import Repair
from bus.messages import EndStrays, IssueEscalated, IssueResolved
from tests.healer.real import alive, pid_of, python
from tests.healer.repairs.scenes import scene

SERVES = """
import socket, sys, time
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
try:
    server.bind(("127.0.0.1", int(sys.argv[1])))
except OSError as error:
    sys.exit(f"bind to 127.0.0.1:{sys.argv[1]} failed: {error}")
server.listen()
print("up", flush=True)
time.sleep(1000)
"""
SAME = Repair(port_owner="same_command")


@contextlib.contextmanager
def serving(command, directory):
    with subprocess.Popen(command, cwd=directory, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == "up\n"
            yield process
        finally:
            process.kill()


def failing(directory, port, repair=SAME, **spec):
    spec.setdefault("command", python(SERVES, port))
    text = f"OSError: [Errno 98] Address already in use: ('127.0.0.1', {port})"
    return scene(directory, repair, text=text, failure="port", **spec)


def test_a_copy_of_the_workload_is_ended_when_that_is_allowed(tmp_path, port):
    here = failing(tmp_path, port)
    with serving(here.workload.spec.command, tmp_path) as orphan:
        planned = EndPortOwner().look(here)
        assert isinstance(planned, Planned)
        assert f"end pid {orphan.pid}" in planned.says
        acted = EndPortOwner().act(here, planned)
        assert orphan.wait(10) == -signal.SIGTERM
    assert (acted.then, acted.command) == ("start", None)
    assert isinstance(EndPortOwner().look(here), Unfit)


def test_a_copy_is_left_alone_unless_allowed_and_the_operator_is_told_of_the_key(tmp_path, port):
    here = failing(tmp_path, port, Repair())
    with serving(here.workload.spec.command, tmp_path) as orphan:
        found = EndPortOwner().look(here)
        assert isinstance(found, Hopeless)
        assert f"port {port} is held by pid {orphan.pid}" in found.why
        assert "repair.port_owner: same_command" in found.why


def test_a_stranger_is_named_and_left_alone(tmp_path, port):
    with serving(python(SERVES, port), tmp_path) as stranger:
        found = EndPortOwner().look(failing(tmp_path, port, command=["sleep", "1000"]))
        assert isinstance(found, Hopeless)
        assert f"pid {stranger.pid} ({Path(sys.executable).name}" in found.why
        assert "not ours to end" in found.why


def test_another_workload_is_named_and_left_alone_though_its_command_is_the_same(tmp_path, port):
    here = failing(tmp_path, port)
    with serving(here.workload.spec.command, tmp_path) as other:
        found = EndPortOwner().look(msgspec.structs.replace(here, ours={other.pid: "web"}))
    assert isinstance(found, Hopeless)
    assert "of workload web" in found.why


def test_a_copy_that_some_node_keeps_is_left_alone(tmp_path, port, monkeypatch):
    monkeypatch.setenv("GYROSTAT_TOKEN", "of another node")
    here = failing(tmp_path, port)
    with serving(here.workload.spec.command, tmp_path):
        assert isinstance(EndPortOwner().look(here), Hopeless)


def test_the_same_words_in_another_directory_are_another_program(tmp_path, port):
    mine, other = tmp_path / "mine", tmp_path / "other"
    for directory in (mine, other):
        directory.mkdir()
        (directory / "serve.py").write_text(SERVES)
    command = [sys.executable, "serve.py", str(port)]
    here = failing(mine, port, command=command)
    with serving(command, other):
        assert isinstance(EndPortOwner().look(here), Hopeless)
    with serving(command, mine):
        assert isinstance(EndPortOwner().look(here), Planned)


def test_what_is_left_over_is_ended_by_the_process_manager(tmp_path, port):
    here = failing(tmp_path, port, Repair(), command=["sleep", "1000"])
    with serving(python(SERVES, port), tmp_path) as child:
        left = msgspec.structs.replace(here, row=msgspec.structs.replace(here.row, strays=[child.pid]))
        planned = EndPortOwner().look(left)
        assert isinstance(planned, Planned)
        acted = EndPortOwner().act(left, planned)
        assert isinstance(acted.command, EndStrays)
        assert alive(child.pid)


def test_its_own_process_is_not_in_its_own_way(tmp_path, port):
    here = failing(tmp_path, port)
    with serving(here.workload.spec.command, tmp_path) as itself:
        up = msgspec.structs.replace(here, row=msgspec.structs.replace(here.row, pid=itself.pid))
        assert isinstance(EndPortOwner().look(up), Unfit)


def test_a_failure_that_names_no_port_is_about_the_one_that_is_probed(tmp_path, port):
    probe = Probe(tcp=f"127.0.0.1:{port}", every=Seconds(60))
    here = msgspec.structs.replace(failing(tmp_path, port, probes=Probes(work=probe)), text="address already in use")
    with serving(here.workload.spec.command, tmp_path):
        assert isinstance(EndPortOwner().look(here), Planned)
    assert isinstance(EndPortOwner().look(scene(tmp_path, SAME, text="address already in use")), Unfit)


@pytest.mark.parametrize("by", ["same_command", "never"])
def test_a_workload_serves_again_at_its_first_failure_when_a_copy_held_its_port(real_ward, port, tmp_path, by):
    command = python(SERVES, port)
    with serving(command, tmp_path) as orphan:
        probe = Probe(tcp=f"127.0.0.1:{port}", every=Seconds(60))
        house = real_ward(command, probes=Probes(work=probe), repair=Repair(port_owner=by))
        if by == "never":
            escalated = house.wait_for(IssueEscalated)
            assert f"port {port} is held by pid {orphan.pid}" in escalated.why
            assert orphan.poll() is None
            return
        resolved = house.wait_for(IssueResolved)
        assert resolved.by == "end_port_owner"
        assert orphan.wait(10) == -signal.SIGTERM
        assert alive(pid_of(house))
