"""Writing to SQLite: many changes in one commit; what a full disk does not take waits in memory until there is room."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, cast

from actors.sqlite import open_database

WAITING_BYTES_MAX: Final = 16_000_000
"""Of what waits for room, about; what comes then is left out and counted."""
_STATEMENT_BYTES: Final = 200
_WRITES: Final = ("INSERT", "UPDATE", "DELETE", "CREATE", "ALTER")


class Grouped(sqlite3.Connection):
    """Changes lie in one open transaction, where they can be read, until settle() commits it.

    begun(): called at the first change of each transaction. full: the last commit found no room; the changes stay in
    memory then, and the transaction open. lost: changes left out since there was no room in memory either.
    """

    begun: Callable[[], None] | None = None
    full = False
    lost = 0

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._waiting: list[tuple[Callable[..., sqlite3.Cursor], str, tuple[Any, ...]]] = []
        self._bytes = 0
        self._closed = False

    @property
    def waiting(self) -> int:
        """Changes that are not committed."""
        return len(self._waiting)

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        """As ever; a change begins a transaction when there is none."""
        return self._changed(super().execute, sql, values) if sql.startswith(_WRITES) else super().execute(sql, *values)

    def executemany(self, sql: str, *values: Any) -> sqlite3.Cursor:
        """As execute. values: one list of rows."""
        return self._changed(super().executemany, sql, values) if values[0] else super().executemany(sql, *values)

    @contextmanager
    def together(self) -> Iterator[None]:
        """All that is changed inside is committed, or none of it."""
        before = len(self._waiting)
        try:
            yield
        except BaseException:
            del self._waiting[before:]
            self._anew()
            raise

    def settle(self) -> bool:
        """Commit; False when there is no room. Raises sqlite3.Error."""
        try:
            if self.in_transaction:
                super().execute("COMMIT")
        except sqlite3.OperationalError as error:
            _want_of_room(error)
            self.full = True
            self._anew()
            return False
        self._waiting.clear()
        self._bytes, self.full = 0, False
        return True

    def close(self) -> None:
        """Commit and let go of the file."""
        try:
            if not self._closed:
                self.settle()
        finally:
            self._closed = True
            super().close()

    def _changed(self, act: Callable[..., sqlite3.Cursor], sql: str, values: tuple[Any, ...]) -> sqlite3.Cursor:
        size = _STATEMENT_BYTES + _size(values)
        if self.full and self._bytes + size > WAITING_BYTES_MAX:
            self.lost += 1
            return super().execute("SELECT 1 WHERE 0")
        if not self.in_transaction:
            super().execute("BEGIN IMMEDIATE")
            if self.begun is not None:
                self.begun()
        try:
            done = act(sql, *values)
        except sqlite3.OperationalError as error:
            _want_of_room(error)
            self._anew()
            done = act(sql, *values)
        self._waiting.append((act, sql, values))
        self._bytes += size
        return done

    def _anew(self) -> None:
        """Begin again with what waits."""
        if self.in_transaction:
            super().execute("ROLLBACK")
        if self._waiting:
            super().execute("BEGIN IMMEDIATE")
        for act, sql, values in self._waiting:
            act(sql, *values)


def open_grouped(path: Path, schema: tuple[str, ...]) -> Grouped:
    """Open and create; every commit survives a power loss. Raises sqlite3.Error."""
    connection = cast("Grouped", open_database(path, schema, synchronous="FULL", kind=Grouped))
    connection.execute("PRAGMA cache_spill=OFF")
    connection.execute("PRAGMA temp_store=MEMORY")
    connection.settle()
    return connection


def _size(value: Any) -> int:
    if isinstance(value, list | tuple):
        return sum(map(_size, value))
    return len(value) if isinstance(value, str | bytes) else 8


def _want_of_room(error: sqlite3.OperationalError) -> None:
    """Raises the error when it is about anything else."""
    if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_FULL:
        raise error
