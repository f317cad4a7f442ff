"""A process that holds a file is ended when the config names it, and no other."""

import contextlib
import signal
import sqlite3
import subprocess

import pytest

from actors.healer.remedies import Planned, Unfit
from actors.healer.repairs.file_holder import EndFileHolder
from actors.settings.repair import FileHolder, Repair
from bus.messages import IssueResolved
from tests.healer.real import alive, pid_of, python
from tests.healer.repairs.scenes import scene

HOLDS = """
import sqlite3, sys, time
held = sqlite3.connect("state.db", isolation_level=None)
held.execute("CREATE TABLE IF NOT EXISTS seen (at REAL)")
if "reads" not in sys.argv:
    held.execute("BEGIN IMMEDIATE")
else:
    held.execute("SELECT * FROM seen").fetchall()
print("up", flush=True)
time.sleep(1000)
"""
WRITES = """
import sqlite3, time
db = sqlite3.connect("state.db", timeout=0.05)
db.execute("CREATE TABLE IF NOT EXISTS seen (at REAL)")
while True:
    with db:
        db.execute("INSERT INTO seen VALUES (?)", (time.time(),))
    time.sleep(0.02)
"""
ALLOWED = Repair(file_holders={"state.db": FileHolder(command="the-holder")})


@contextlib.contextmanager
def holding(directory, *words):
    with subprocess.Popen(python(HOLDS, *words), cwd=directory, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == "up\n"
            yield process
        finally:
            process.kill()


def test_the_holder_that_the_config_names_is_ended(tmp_path):
    here = scene(tmp_path, ALLOWED, failure="db_locked")
    with holding(tmp_path, "the-holder") as holder, holding(tmp_path, "reads") as reader:
        planned = EndFileHolder().look(here)
        assert isinstance(planned, Planned)
        assert list(planned.detail) == [str(holder.pid)]
        EndFileHolder().act(here, planned)
        assert holder.wait(10) == -signal.SIGTERM
        assert reader.poll() is None


def test_a_holder_with_another_command_line_is_told_and_left_alone(tmp_path):
    with holding(tmp_path, "backup") as other:
        found = EndFileHolder().look(scene(tmp_path, ALLOWED, failure="db_locked"))
        assert isinstance(found, Unfit)
        assert f"state.db is held by pid {other.pid}" in found.why


def test_of_those_named_the_one_with_the_lock_is_meant(tmp_path):
    with holding(tmp_path, "the-holder") as writer, holding(tmp_path, "the-holder", "reads"):
        planned = EndFileHolder().look(scene(tmp_path, ALLOWED, failure="db_locked"))
        assert isinstance(planned, Planned)
        assert list(planned.detail) == [str(writer.pid)]


@pytest.mark.parametrize(("failure", "fits"), [("db_locked", True), ("lock", True), ("timeout", False)])
def test_one_that_only_has_it_open_is_meant_when_the_failure_speaks_of_a_lock(tmp_path, failure, fits):
    with holding(tmp_path, "the-holder", "reads"):
        found = EndFileHolder().look(scene(tmp_path, ALLOWED, failure=failure))
    assert isinstance(found, Planned) is fits


def test_nobody_holds_a_file_that_is_not_there_or_not_named(tmp_path):
    assert isinstance(EndFileHolder().look(scene(tmp_path, ALLOWED)), Unfit)
    assert isinstance(EndFileHolder().look(scene(tmp_path, Repair())), Unfit)


def test_a_workload_whose_database_is_locked_works_again(real_ward, tmp_path):
    with holding(tmp_path, "the-holder") as holder:
        house = real_ward(python(WRITES), repair=ALLOWED)
        assert house.wait_for(IssueResolved).by == "end_file_holder"
        assert holder.wait(10) == -signal.SIGTERM
        assert alive(pid_of(house))
        with contextlib.closing(sqlite3.connect(tmp_path / "state.db")) as db:
            assert db.execute("SELECT count(*) FROM seen").fetchone()[0] > 0
