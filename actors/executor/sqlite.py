"""The queue in a SQLite file, for one machine. A pipe beside the file wakes whoever waits for work."""

from __future__ import annotations

import contextlib
import os
import select
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final, Literal

from actors.executor.database import StatementFailed, StoreFailed, Values
from actors.executor.tables import VERSION, preparation
from actors.sqlite import open_database

BUSY_S: Final = 30.0
"""Seconds to wait for another process that writes."""
NUMBER: Final = "INTEGER PRIMARY KEY"
RESERVE: Final = "UPDATE facts SET value = value + :count WHERE name = 'last' RETURNING CAST(value AS INTEGER)"
CORRUPT: Final = frozenset({"SQLITE_CORRUPT", "SQLITE_NOTADB"})
_PIPE_BYTES: Final = 65_536


class SqliteDatabase:
    """One connection to the file. synchronous: FULL survives a power loss, NORMAL the death of every process."""

    skip_locked: ClassVar[str] = ""
    lock: ClassVar[str] = ""
    shared: ClassVar[bool] = False
    overlap: ClassVar[int] = 0

    def __init__(self, path: Path, *, synchronous: Literal["FULL", "NORMAL"] = "FULL") -> None:
        """Open it, and make it when it is missing. Raises: StoreFailed."""
        self._pipe: int | None = None
        self._pipe_path = path.with_name(f"{path.name}.wake")
        self._connection = _opened(path, synchronous)
        try:
            self._prepare()
            self._pipe = _open_pipe(self._pipe_path)
        except BaseException:
            self.close()
            raise
        self._execute = self._connection.execute

    def rows(self, text: str, values: Values | None = None) -> list[Any]:
        """See Database."""
        try:
            return self._execute(text, self._timed(text, values)).fetchall()
        except sqlite3.Error as error:
            raise _failed(error) from error

    def changed(self, text: str, values: Values | None = None) -> int:
        """See Database."""
        try:
            return self._execute(text, self._timed(text, values)).rowcount
        except sqlite3.Error as error:
            raise _failed(error) from error

    def many(self, text: str, values: Iterable[Values]) -> None:
        """See Database."""
        now = _now_s()
        try:
            self._connection.executemany(text, ({**each, "now": now} for each in values))
        except sqlite3.Error as error:
            raise _failed(error) from error

    def foreign(self, text: str, values: Sequence[Any]) -> None:
        """See Database. Parameters are written ?."""
        try:
            self._execute(text, values)
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise StatementFailed(f"{type(error).__name__}: {error}") from error

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """See Database."""
        try:
            self._execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise _failed(error) from error
        try:
            yield
            self._execute("COMMIT")
        except BaseException as error:
            with contextlib.suppress(sqlite3.Error):
                self._execute("ROLLBACK")
            if isinstance(error, sqlite3.Error):
                raise _failed(error) from error
            raise

    def reserve(self, count: int) -> Sequence[int]:
        """See Database."""
        [(last,)] = self.rows(RESERVE, {"count": count})
        return range(last - count + 1, last + 1)

    def wake(self) -> None:
        """See Database. A full pipe wakes as well as one more byte would."""
        if self._pipe is not None:
            with contextlib.suppress(BlockingIOError):
                os.write(self._pipe, b"w")

    def wait(self, timeout_s: float) -> None:
        """See Database."""
        if self._pipe is not None and select.select([self._pipe], [], [], timeout_s)[0]:
            with contextlib.suppress(BlockingIOError):
                os.read(self._pipe, _PIPE_BYTES)

    def close(self) -> None:
        """See Database."""
        self._connection.close()
        if self._pipe is not None:
            os.close(self._pipe)
            self._pipe = None

    def _prepare(self) -> None:
        """Raises: StoreFailed."""
        try:
            self._connection.execute(f"PRAGMA busy_timeout={int(BUSY_S * 1000)}")
            version = self._version()
            if version is None or version < VERSION:
                self._connection.execute("BEGIN IMMEDIATE")
                for statement in preparation(self._version()):
                    self._connection.execute(statement.replace("{number}", NUMBER))
                self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise _failed(error) from error
        check_version(version)

    def _version(self) -> int | None:
        there = self._connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'facts'").fetchone()
        if there is None:
            return None
        return int(self._connection.execute("SELECT value FROM facts WHERE name = 'version'").fetchone()[0])

    @staticmethod
    def _timed(text: str, values: Values | None) -> Values:
        if ":now" not in text:
            return values or {}
        return {**values, "now": _now_s()} if values else {"now": _now_s()}


def _now_s() -> float:
    return time.time()  # noqa: TID251 - times in the file outlive every process


def check_version(version: int | None) -> None:
    """Raises: StoreFailed when the tables are of a later release."""
    if version is not None and version > VERSION:
        msg = f"the queue is of a later release (version {version}, this one knows {VERSION})"
        raise StoreFailed(msg, again=False)


def is_corrupt(path: Path) -> str:
    """What is wrong with the file, in a line; empty when it is whole or not there. Reads all of it."""
    if not path.exists():
        return ""
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=BUSY_S)) as connection:
            found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.OperationalError:
        return ""  # it cannot be had, which says nothing about what is in it
    except sqlite3.DatabaseError as error:
        return str(error)
    return "" if found == "ok" else str(found)


def _opened(path: Path, synchronous: Literal["FULL", "NORMAL"]) -> sqlite3.Connection:
    """Open the file; again while another makes it, as SQLite does not wait for that by itself. Raises: StoreFailed."""
    pause, until_s = threading.Event(), time.monotonic() + BUSY_S
    while True:
        try:
            return open_database(path, (), synchronous=synchronous)
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorname", "") != "SQLITE_BUSY" or time.monotonic() >= until_s:
                raise _failed(error) from error
        pause.wait(0.01)


def _open_pipe(path: Path) -> int:
    with contextlib.suppress(FileExistsError):
        os.mkfifo(path, 0o600)
    return os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)


def _failed(error: sqlite3.Error) -> StoreFailed:
    name = getattr(error, "sqlite_errorname", "")
    again = isinstance(error, sqlite3.OperationalError) and name not in CORRUPT
    return StoreFailed(f"{name or type(error).__name__}: {error}", again=again)
