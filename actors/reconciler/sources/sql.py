"""The rows of a query to an SQLite file or a PostgreSQL server, which are only read."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

import msgspec

from actors.reconciler.batches import BATCH_ROWS, Batch, Row, ascending, merged
from actors.reconciler.sources.common import COLUMNS, Kept, Place, SourceError, batched
from actors.settings.datasets import SqlSource
from actors.settings.metrics import POSTGRES

BUSY_S: Final = 10
"""Seconds that a writer may hold the database up, or a server may take to answer first."""

ORDER: Final = {"sqlite": "BINARY", "postgres": '"C"'}
"""What sorts texts by code point."""


class Sql:
    """A query, sorted by its key as text. mark: the greatest value of the column `since`, as JSON."""

    ascends = True
    as_of_s: float | None = None

    def __init__(self, settings: SqlSource, place: Place) -> None:
        self._database = place_of(settings.database, place.root)
        self._query = settings.query.strip().rstrip(";")
        self._since = settings.since
        self.mark = ""

    def batches(self) -> Iterator[Batch]:
        """Every row."""
        return self._rows("")

    def laid_over(self, kept: Kept) -> Iterator[Batch] | None:
        """What is known, with the rows that were added or changed since."""
        if self._since is None or not kept.mark:
            return None
        return ascending(merged([ascending(self._rows(kept.mark)), kept.batches()]))

    def spot(self, keys: list[str]) -> dict[str, Row | None] | None:  # noqa: ARG002 - a query is asked as a whole
        return None

    def _rows(self, mark: str) -> Iterator[Batch]:
        """Those from a mark on; all without one."""
        postgres = self._database.startswith(POSTGRES)
        order = ORDER["postgres" if postgres else "sqlite"]
        with opened(self._database) as asked:
            rows = f"({self._query}) AS queried"
            if self._since is not None:
                _, found = asked(f"SELECT max({self._since}) FROM {rows}", ())  # noqa: S608 - its author's own
                [greatest] = next(found)
                self.mark = msgspec.json.encode(greatest).decode() if greatest is not None else ""
            if mark and postgres:  # with values, its driver takes % for the sign of one
                rows = rows.replace("%", "%%")
            limit = f" WHERE {self._since} >= {'%s' if postgres else '?'}" if mark else ""
            text = f"SELECT * FROM {rows}{limit} ORDER BY CAST(key AS TEXT) COLLATE {order}"  # noqa: S608 - as above
            names, found = asked(text, (msgspec.json.decode(mark),) if mark else ())
            places = [at for at, name in enumerate(names) if name in COLUMNS or name != self._since]
            columns = tuple(names[at] for at in places)
            strange = [name for name in columns if name not in COLUMNS]
            if strange:
                raise SourceError(f"the query gives {', '.join(strange)}; allowed: {', '.join(COLUMNS)}")
            yield from batched((tuple(row[at] for at in places) for row in found), columns)


def first_column(database: str, query: str, rows_max: int) -> list[str]:
    """The first column of a query as texts. Raises: SourceError, also when there are more rows than allowed."""
    found: list[Any] = []
    with opened(database) as asked:
        for row in asked(query, ())[1]:
            found.append(row[0])
            if len(found) > rows_max:
                raise SourceError(f"the query gives more than {rows_max:,} values")
    if any(value is None for value in found):
        raise SourceError("the query gives NULL for a value")
    return [str(value) for value in found]


def place_of(database: str, root: Path) -> str:
    """The address of a server as it is, and a file as a path from root."""
    return database if database.startswith(POSTGRES) else str(root / database)


@contextlib.contextmanager
def opened(database: str) -> Iterator[Any]:
    """Gives a function (query, its values) -> (names of columns, rows as they come).

    Raises: SourceError, also within the block.
    """
    with (_server if database.startswith(POSTGRES) else _file)(database) as asked:
        yield asked


@contextlib.contextmanager
def _file(path: str) -> Iterator[Any]:
    def asked(text: str, values: tuple[Any, ...]) -> tuple[list[str], Iterator[Any]]:
        cursor = connection.execute(text, values)
        return [column[0] for column in cursor.description], cursor

    try:
        connection = sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True, timeout=BUSY_S)
        with contextlib.closing(connection):
            yield asked
    except sqlite3.Error as error:
        raise SourceError(f"{path}: {error}") from None


@contextlib.contextmanager
def _server(address: str) -> Iterator[Any]:
    try:
        import psycopg  # noqa: PLC0415 - optional
    except ImportError:
        raise SourceError("PostgreSQL needs the package psycopg; install gyrostat[postgres]") from None

    def asked(text: str, values: tuple[Any, ...]) -> tuple[list[str], Iterator[Any]]:
        cursor = held.enter_context(connection.cursor(f"look_{next(numbers)}"))
        cursor.itersize = BATCH_ROWS
        cursor.execute(text, values or None)
        return [column.name for column in cursor.description or ()], iter(cursor)

    numbers = count()
    options = "-c default_transaction_read_only=on -c idle_in_transaction_session_timeout=60000"
    try:
        connection: Any = psycopg.connect(
            address, connect_timeout=BUSY_S, options=options, application_name="gyrostat", client_encoding="utf8"
        )
        with contextlib.closing(connection), contextlib.ExitStack() as held:
            yield asked
    except psycopg.Error as error:
        where = urlsplit(address)
        said = " ".join(str(error).split()) or type(error).__name__
        raise SourceError(f"{where.hostname}{where.path}: {said}") from None
