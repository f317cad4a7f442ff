"""Opening a SQLite file of an actor: one owner per file, write-ahead log, one schema statement list."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal


class Lenient(sqlite3.Connection):
    """Leaves out what a full disk does not take, for an actor whose memory goes on without it."""

    _torn = False

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        """As ever, but for want of room: then nothing is done, and an empty answer given."""
        return self._tried(super().execute, sql, *values)

    def executemany(self, sql: str, *values: Any) -> sqlite3.Cursor:
        """As execute."""
        return self._tried(super().executemany, sql, *values)

    def _tried(self, act: Any, sql: str, *values: Any) -> sqlite3.Cursor:
        ends = sql.startswith(("COMMIT", "ROLLBACK", "END"))
        try:
            if ends and self._torn and not self.in_transaction:  # SQLite has rolled it back by itself
                self._torn = False
                return super().execute("SELECT 1 WHERE 0")
            found: sqlite3.Cursor = act(sql, *values)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_FULL:
                raise
            self._torn = not ends
            if ends and self.in_transaction:
                super().execute("ROLLBACK")
            return super().execute("SELECT 1 WHERE 0")
        self._torn = self._torn and not ends
        return found


def open_database(
    path: Path,
    schema: Sequence[str],
    *,
    synchronous: Literal["FULL", "NORMAL"] = "FULL",
    kind: type[sqlite3.Connection] = sqlite3.Connection,
) -> sqlite3.Connection:
    """Open (and create) the database and bring its schema about.

    schema: idempotent statements (`CREATE TABLE IF NOT EXISTS ...`). synchronous: FULL survives a power loss;
    NORMAL survives the death of the process at the price of no fsync per commit. The connection is in autocommit mode
    (`BEGIN` by hand), used by one thread at a time. kind: Lenient to go on when the disk is full.
    Raises sqlite3.Error.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return _opened(path, schema, synchronous, kind)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF not in _NO_ROOM:
            raise
    return _opened(path, schema, synchronous, kind, alone=True)


_NO_ROOM: Final = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)
"""What SQLite says when the disk has no room for the index of the write-ahead log, 32 KiB."""


def _opened(
    path: Path, schema: Sequence[str], synchronous: str, kind: type[sqlite3.Connection], *, alone: bool = False
) -> sqlite3.Connection:
    """alone: nobody else may open it; the index lies in memory then, so that a full disk can be read from."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5.0, factory=kind)
    try:
        if alone:
            connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={synchronous}")
        connection.execute("PRAGMA foreign_keys=ON")
        for statement in schema:
            connection.execute(statement)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def add_columns(connection: sqlite3.Connection, table: str, columns: Mapping[str, str]) -> None:
    """Give a table that an earlier version made the columns it lacks. columns: name -> type and default.

    Raises sqlite3.Error.
    """
    there = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
    for name, kind in columns.items():
        if name not in there:
            connection.execute(f"ALTER TABLE {table} ADD COLUMN {name} {kind}")
