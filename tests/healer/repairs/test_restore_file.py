"""A broken file is replaced by its declared copy, and only a broken one."""

import sqlite3
from contextlib import closing

import pytest

from actors.healer.remedies import Planned, Unfit
from actors.healer.repairs.restore_file import RestoreFile
from actors.healer.repairs.soundness import trouble_of
from actors.settings.repair import Repair
from bus.messages import IssueResolved
from tests.healer.real import alive, pid_of, python
from tests.healer.repairs.scenes import scene

COUNTS_ROWS = """
import sqlite3, time
print(sqlite3.connect("state.db").execute("SELECT count(*) FROM jobs").fetchone(), flush=True)
time.sleep(1000)
"""


def database(path, rows=100):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE jobs (name TEXT)")
        connection.executemany("INSERT INTO jobs VALUES (?)", [(f"job {number}" * 20,) for number in range(rows)])
        connection.commit()


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("a.json", '{"a": 1}', '{"a": '),
        ("a.jsonl", '{"a": 1}\n{"b": 2}\n', '{"a": 1}\n{"b"'),
        ("a.yaml", "a: 1\n", "a: [1\n"),
        ("a.toml", "a = 1\n", "a = \n"),
        ("a.ini", "[a]\nb = 1\n", "b = 1\n"),
        ("a.txt", "words", ""),
    ],
)
def test_a_file_that_is_not_what_its_suffix_says_is_replaced_and_can_be_put_back(tmp_path, name, good, bad):
    path = tmp_path / name
    path.write_text(bad)
    (tmp_path / "copy").write_text(good)
    copy = tmp_path / f"copy-{name}"
    copy.write_text(good)
    here = scene(tmp_path, Repair(restore={name: copy.name}))
    planned = RestoreFile().look(here)
    assert isinstance(planned, Planned)
    RestoreFile().act(here, planned)
    assert path.read_text() == good
    assert (tmp_path / f"{name}.broken").read_text() == bad
    RestoreFile().take_back(here, planned.undo)
    assert path.read_text() == bad
    assert isinstance(RestoreFile().look(scene(tmp_path, Repair(restore={copy.name: copy.name}))), Unfit)


def test_a_missing_file_and_its_directory_are_made(tmp_path):
    (tmp_path / "copy.json").write_text("{}")
    here = scene(tmp_path, Repair(restore={"data/state.json": "copy.json"}))
    planned = RestoreFile().look(here)
    assert isinstance(planned, Planned)
    RestoreFile().act(here, planned)
    assert (tmp_path / "data" / "state.json").read_text() == "{}"


def test_a_copy_that_is_broken_itself_is_not_used(tmp_path):
    (tmp_path / "a.json").write_text("{")
    (tmp_path / "copy.json").write_text("[")
    found = RestoreFile().look(scene(tmp_path, Repair(restore={"a.json": "copy.json"})))
    assert isinstance(found, Unfit)
    assert "broken itself" in found.why


@pytest.mark.parametrize("at", [0, 16, 2000, 4096])
def test_a_database_that_was_written_over_is_broken(tmp_path, at):
    database(tmp_path / "good.db")
    data = bytearray((tmp_path / "good.db").read_bytes())
    data[at : at + 3000] = b"\xff" * 3000
    (tmp_path / "bad.db").write_bytes(data)
    assert trouble_of(tmp_path / "bad.db", tmp_path / "good.db")
    assert not trouble_of(tmp_path / "good.db", tmp_path / "good.db")


def test_a_database_that_somebody_has_locked_is_not_broken(tmp_path):
    database(tmp_path / "good.db")
    with closing(sqlite3.connect(tmp_path / "good.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert not trouble_of(tmp_path / "good.db", tmp_path / "good.db")


def test_a_workload_whose_database_is_broken_runs_with_the_copy(real_ward, tmp_path):
    (tmp_path / "backup").mkdir()
    database(tmp_path / "backup" / "state.db")
    (tmp_path / "state.db").write_bytes(b"this is no database, and it is long enough to be one" * 100)
    house = real_ward(python(COUNTS_ROWS), repair=Repair(restore={"state.db": "backup/state.db"}))
    resolved = house.wait_for(IssueResolved)
    assert resolved.by == "restore_file"
    assert alive(pid_of(house))
