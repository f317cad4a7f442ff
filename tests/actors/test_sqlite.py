"""A database on a full disk: read from, written again when there is room, and, where that is said, never in the way."""

import contextlib
import sqlite3

import pytest

from actors.sqlite import Lenient, open_database
from tests.small_disk import fill, small_disk

SCHEMA = ("CREATE TABLE IF NOT EXISTS thing (name TEXT PRIMARY KEY, text TEXT NOT NULL)",)
BIG = "x" * 20_000
PUT = "INSERT OR REPLACE INTO thing VALUES (?, ?)"


@pytest.fixture
def disk(tmp_path):
    with small_disk(tmp_path / "disk") as place:
        yield place


def names(database):
    return [name for (name,) in database.execute("SELECT name FROM thing ORDER BY name")]


@pytest.mark.parametrize("kind", [sqlite3.Connection, Lenient])
def test_a_full_disk_is_read_from_and_written_again_when_there_is_room(disk, kind):
    path = disk / "some.db"
    with contextlib.closing(open_database(path, SCHEMA)) as database:
        database.execute(PUT, ("a", "1"))
    assert not path.with_name("some.db-shm").exists()  # what a node that ended well leaves
    filler = fill(disk)
    with contextlib.closing(open_database(path, SCHEMA, kind=kind)) as database:
        assert names(database) == ["a"]
        with contextlib.nullcontext() if kind is Lenient else pytest.raises(sqlite3.OperationalError, match="full"):
            database.execute(PUT, ("b", BIG))
        filler.unlink()
        database.execute(PUT, ("c", BIG))
        assert names(database) == ["a", "c"]
    with contextlib.closing(open_database(path, SCHEMA)) as database:
        assert names(database) == ["a", "c"]


def test_a_transaction_the_disk_does_not_take_is_left_out_and_the_next_one_is_whole(disk):
    with contextlib.closing(open_database(disk / "some.db", SCHEMA, kind=Lenient)) as database:
        database.execute(PUT, ("a", "1"))
        filler = fill(disk)
        for end in ("COMMIT", "ROLLBACK"):
            database.execute("BEGIN IMMEDIATE")
            database.execute(PUT, ("b", BIG))
            database.executemany(PUT, [("c", BIG), ("d", BIG)])
            database.execute(end)
            assert not database.in_transaction
        assert names(database) == ["a"]
        filler.unlink()
        database.execute("BEGIN IMMEDIATE")
        database.executemany(PUT, [("e", BIG), ("f", BIG)])
        database.execute("COMMIT")
        assert names(database) == ["a", "e", "f"]


def test_any_other_fault_is_raised_as_ever(tmp_path):
    with contextlib.closing(open_database(tmp_path / "some.db", SCHEMA, kind=Lenient)) as database:
        with pytest.raises(sqlite3.OperationalError, match="no such table"):
            database.execute("SELECT 1 FROM elsewhere")
        with pytest.raises(sqlite3.OperationalError, match="no transaction"):
            database.execute("COMMIT")
    (tmp_path / "other.db").write_bytes(b"no database" * 1000)
    with pytest.raises(sqlite3.DatabaseError):
        open_database(tmp_path / "other.db", SCHEMA)
