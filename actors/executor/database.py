"""What the store asks of a database: SQL with :names in transactions, and a way to wake who waits for work. Pure.

There are two: SQLite for one machine, PostgreSQL for many. Both take the same SQL; `:now` is the time of the one that
decides (the machine's for SQLite, the server's for PostgreSQL).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar, Protocol

Values = Mapping[str, Any]


class StoreFailed(Exception):
    """The database did not do it; nothing was changed. again: the same may work later (busy, cut off, disk full)."""

    def __init__(self, why: str, *, again: bool = True) -> None:
        super().__init__(why)
        self.again = again


class StatementFailed(Exception):
    """A statement that a task added to its own end was not accepted; the end was not committed either."""


class Database(Protocol):
    """One connection; used by one thread at a time. Whatever it raises is a StoreFailed.

    skip_locked: what a SELECT of one row to be taken ends with. lock: the same for rows to be changed afterwards.
    shared: other machines may use it, so that a worker's life is shown by its lease. overlap: how far behind the
    newest a number may still be committed.
    """

    skip_locked: ClassVar[str]
    lock: ClassVar[str]
    shared: ClassVar[bool]
    overlap: ClassVar[int]

    def rows(self, text: str, values: Values = ...) -> list[Any]:
        """Run one statement; the rows it gives, each with its columns in order."""

    def changed(self, text: str, values: Values = ...) -> int:
        """Run one statement; the number of rows it changed."""

    def many(self, text: str, values: Iterable[Values]) -> None:
        """Run one statement for each of the values."""

    def foreign(self, text: str, values: Sequence[Any]) -> None:
        """Run a statement of somebody else, in the database's own style of parameters. Raises: StatementFailed."""

    def transaction(self) -> AbstractContextManager[None]:
        """All of it is committed when the block ends, or nothing when it raises."""

    def reserve(self, count: int) -> Sequence[int]:
        """Numbers for tasks that nobody else gets, ascending; not within a transaction, which could take them back."""

    def wake(self) -> None:
        """Tell one who waits, on whichever process, that there is work."""

    def wait(self, timeout_s: float) -> None:
        """Return when woken, or after timeout_s seconds."""

    def close(self) -> None:
        """Let go of the connection."""
