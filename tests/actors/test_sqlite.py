"""A database on a full disk: read from, written again when there is room, and, where that is said, never in the way."""

import contextlib
import os
import sqlite3
import subprocess

import pytest

from actors.sqlite import Lenient, open_database

SCHEMA = ("CREATE TABLE IF NOT EXISTS thing (name TEXT PRIMARY KEY, text TEXT NOT NULL)",)
BIG = "x" * 20_000
PUT = "INSERT OR REPLACE INTO thing VALUES (?, ?)"


@pytest.fixture
def disk(tmp_path):
    """A file system of 1 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(place)]
    if os.geteuid() or subprocess.run(mounted, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(disk):
    """Take all the room there is; gives the file."""
    filler = disk / "filler"
    for size in (4096, 1):
        with filler.open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"x" * size)
    return filler


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
