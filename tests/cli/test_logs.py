"""logs of several workloads at once, by the names that the other commands take; with a node and without."""

import json
import signal
import subprocess

import pytest

from actors.cli.forms import Lines, named
from actors.cli.paint import Paint
from bus.messages import ListProcesses
from tests.cli import samples


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "gyrostat.yaml").write_text("node: {name: alpha}\nworkloads: {}\n")
    logs = tmp_path / "var/logs"
    logs.mkdir(parents=True)
    for name in ("web-1", "web-2", "db", "old-1"):
        (logs / f"{name}.log").write_text(f"first of {name}\nlast of {name}\n")
    return logs


@pytest.fixture
def node(folder, fake):
    rows = [
        samples.process(f"web-{number}", workload="web", instance=number, tags=["api"], log_path=str(path))
        for number, path in ((1, folder / "web-1.log"), (2, folder / "web-2.log"))
    ]
    fake.answers(ListProcesses, samples.table(*rows, samples.process("db", log_path=str(folder / "db.log"))))
    return fake


BOTH = "web-1 | last of web-1\nweb-2 | last of web-2\n"


@pytest.mark.parametrize("said", [["web"], ["@api"], ["web-*"], ["web-1", "web-2"]])
def test_of_several_each_line_has_the_name_of_its_workload(node, gyrostat, said):
    assert gyrostat("logs", *said, "-n", "1") == (0, BOTH, "")


@pytest.mark.parametrize("said", [["web"], ["web-?"]])
def test_it_needs_no_node(folder, gyrostat, said):
    assert gyrostat("logs", *said, "-n", "1") == (0, BOTH, "")
    assert gyrostat("logs", "db", "-n", "1") == (0, "last of db\n", "")


def test_of_one_the_lines_are_as_they_are(node, gyrostat):
    assert gyrostat("logs", "web-2") == (0, "first of web-2\nlast of web-2\n", "")


def test_what_is_no_longer_there_has_a_log_still(node, gyrostat):
    assert gyrostat("logs", "old", "-n", "1") == (0, "last of old-1\n", "")


def test_objects_name_their_workload(node, gyrostat):
    _, out, _ = gyrostat("logs", "web", "--json", "-n", "1")
    assert [json.loads(line)["workload"] for line in out.splitlines()] == ["web-1", "web-2"]


@pytest.mark.parametrize("running", [True, False])
def test_an_unknown_name_is_answered_with_the_nearest(request, folder, gyrostat, running):
    if running:
        request.getfixturevalue("node")
    code, out, err = gyrostat("logs", "wbe")
    assert (code, out) == (2, "")
    assert 'no workload "wbe"; did you mean "web"?' in err


def test_several_are_followed_line_by_line(node, argv, folder):
    command = [*argv, "logs", "web", "-n", "1", "--follow"]
    with subprocess.Popen(command, cwd=folder.parent.parent, stdout=subprocess.PIPE, text=True) as one:
        try:
            assert one.stdout is not None
            assert {one.stdout.readline() for _ in range(2)} == {"web-1 | last of web-1\n", "web-2 | last of web-2\n"}
            with (folder / "web-1.log").open("a") as first, (folder / "web-2.log").open("a") as second:
                first.write("added ")
                first.flush()
                second.write("there\n")
                second.flush()
                assert one.stdout.readline() == "web-2 | there\n"
                first.write("here\n")
            assert one.stdout.readline() == "web-1 | added here\n"
        finally:
            one.send_signal(signal.SIGINT)
            one.wait(20)
    assert one.returncode == 0


def test_a_line_without_its_end_waits_for_it():
    lines = Lines(named(Paint()))
    assert lines.take("a", b"half ") == b""
    assert lines.take("b", b"whole\nbegun") == b"b | whole\n"
    assert lines.take("a", b"a line\n") == b"a | half a line\n"
    assert lines.rest() == b"b | begun\n"
    assert lines.rest() == b""
