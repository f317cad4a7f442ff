"""The first column of the first row that a query gives, of SQLite or PostgreSQL. Nothing can be changed by it."""

from __future__ import annotations

import contextlib
import math
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from actors.monitor.sources.reader import NotRead

STEPS: Final = 20_000
"""Instructions of SQLite between two looks at the clock; some hundred microseconds."""
_READS: Final = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE)


class SqliteSource:
    """Opens the file for each reading, read only: it may be replaced, and nobody is held up by an open connection."""

    def __init__(self, name: str, query: str, within_s: float, path: Path) -> None:
        self._name = name
        self._query = query
        self._within_s = within_s
        self._path = path

    def close(self) -> None:
        """Nothing is held between two readings."""

    def read(self) -> Mapping[str, float]:
        """Ask, within the time. Raises: NotRead."""
        deadline_s = time.monotonic() + self._within_s
        try:
            with contextlib.closing(self._open()) as connection:
                connection.set_progress_handler(lambda: time.monotonic() > deadline_s, STEPS)
                return {self._name: number(connection.execute(self._query).fetchone())}
        except (sqlite3.Error, sqlite3.Warning) as error:
            if time.monotonic() >= deadline_s:
                raise NotRead(f"took longer than {self._within_s:g} s: {error}", late=True) from None
            raise NotRead(f"{self._path.name}: {error}") from None

    def _open(self) -> sqlite3.Connection:
        if not self._path.exists():
            raise NotRead(f"no file {self._path}")
        connection = sqlite3.connect(f"file:{quote(str(self._path))}?mode=ro", uri=True, timeout=self._within_s)
        connection.set_authorizer(_allowed)
        return connection


def _allowed(action: int, _one: str | None, value: str | None, *_: str | None) -> int:
    """What a query may do: read, and ask a pragma. ATTACH would make a file, though the first one is read only."""
    asks = action == sqlite3.SQLITE_PRAGMA and value is None
    return sqlite3.SQLITE_OK if action in _READS or asks else sqlite3.SQLITE_DENY


class PostgresSource:
    """Keeps one connection of the package psycopg, in a session that only reads; made anew after a fault."""

    def __init__(self, name: str, query: str, within_s: float, address: str) -> None:
        self._name = name
        self._query = query
        self._within_s = within_s
        self._address = address
        self._connection: Any = None

    def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def read(self) -> Mapping[str, float]:
        """Ask, within the time. Raises: NotRead."""
        try:
            import psycopg  # noqa: PLC0415 - an optional package, of some megabytes
        except ImportError:
            raise NotRead("the package psycopg is not installed") from None
        began_s = time.monotonic()
        try:
            if self._connection is None:
                self._connection = self._connect(psycopg)
            with _cut_off(self._connection, began_s + self._within_s):
                return {self._name: number(self._connection.execute(self._query).fetchone())}
        except psycopg.Error as error:
            self.close()
            why = (str(error).strip() or type(error).__name__).splitlines()[0]
            if time.monotonic() - began_s >= self._within_s or isinstance(error, psycopg.errors.QueryCanceled):
                raise NotRead(f"took longer than {self._within_s:g} s: {why}", late=True) from None
            raise NotRead(why) from None

    def _connect(self, psycopg: Any) -> Any:
        limit_ms = max(1, int(1000 * self._within_s))
        options = f"-c statement_timeout={limit_ms} -c default_transaction_read_only=on"
        return psycopg.connect(
            self._address,
            autocommit=True,
            connect_timeout=max(2, math.ceil(self._within_s)),
            options=options,
            application_name="gyrostat",
        )


@contextlib.contextmanager
def _cut_off(connection: Any, deadline_s: float) -> Iterator[None]:
    """Cut the connection when the time is over: a server that is stopped answers no time-out of its own."""
    spare_s = 0.2  # its own time-out comes first when it lives
    with socket.socket(fileno=socket.dup(connection.fileno())) as link:
        timer = threading.Timer(max(0.0, deadline_s - time.monotonic()) + spare_s, _shut, [link])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()


def _shut(link: socket.socket) -> None:
    with contextlib.suppress(OSError):
        link.shutdown(socket.SHUT_RDWR)


def number(row: Any) -> float:
    """The first column of a row as a number. Raises: NotRead when it is none."""
    if not row:
        raise NotRead("gave no row")
    value = row[0]
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise NotRead("gave NULL" if value is None else f"gave no number: {str(value)[:40]!r}")
    return float(value)
