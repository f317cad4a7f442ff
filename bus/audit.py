"""Who had what done here: one line of JSON per command that was answered, in a file that only grows and is rotated."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

import msgspec

from bus.errors import CommandError
from bus.message import Reply

MESSAGE_CHARS_MAX: Final = 200
"""Of an error's message; the rest is in the log of who asked."""
SIZE_BYTES_MAX: Final = 16 << 20
"""Bytes of the file, then it becomes `<name>.1` in place of the one before: some 80,000 commands each."""


class AuditRow(msgspec.Struct, frozen=True, kw_only=True):
    """One command. at: Unix seconds of the answer. outcome: `done`, or the code of an error. took_s: seconds."""

    at: float
    id: str
    source: str
    target: str
    verb: str
    outcome: str
    took_s: float
    message: str = ""


QUESTIONS: Final = ("get_", "list_")
"""What the verbs begin with that change nothing."""


def is_routine(row: AuditRow, node: str) -> bool:
    """Whether it is an answered question among the node's own actors: they ask some every second."""
    return row.outcome == "done" and row.source.startswith(f"{node}/") and row.verb.startswith(QUESTIONS)


class Asked(Protocol):
    """A command, decoded or not."""

    @property
    def id(self) -> str:
        """Its idempotency key."""

    @property
    def source(self) -> str:
        """Who asked."""

    @property
    def target(self) -> str:
        """Which actor."""

    @property
    def verb(self) -> str:
        """What for."""


class Ledger:
    """Makes the rows. audit: where they go; None for nowhere."""

    def __init__(
        self,
        audit: Callable[[AuditRow], None] | None,
        monotonic: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        self._audit = audit
        self._monotonic = monotonic
        self._wall = wall

    def note(self, asked: Asked, outcome: Reply | CommandError, began_s: float) -> None:
        """A command was answered. began_s: when it came, monotonic seconds."""
        if self._audit is None:
            return
        failed = isinstance(outcome, CommandError)
        self._audit(
            AuditRow(
                at=self._wall(),
                id=asked.id,
                source=asked.source,
                target=asked.target,
                verb=asked.verb,
                outcome=outcome.code if isinstance(outcome, CommandError) else "done",
                took_s=round(self._monotonic() - began_s, 6),
                message=str(outcome)[:MESSAGE_CHARS_MAX] if failed else "",
            )
        )


class Audit:
    """Appends rows to a file, mode 0600. Thread-safe; a row is in the kernel's hands when note() returns.

    failed: rows the disk did not take.
    """

    def __init__(self, path: Path, size_bytes_max: int = SIZE_BYTES_MAX, *, node: str = "") -> None:
        """Opened with the first row. node: its routine is left out."""
        self._path = path
        self._node = node
        self._max = size_bytes_max
        self._lock = threading.Lock()
        self._file: int | None = None
        self._size = 0
        self.failed = 0

    def note(self, row: AuditRow) -> None:
        """Add a row; never raises."""
        if self._node and is_routine(row, self._node):
            return
        line = msgspec.json.encode(row) + b"\n"
        with self._lock:
            try:
                if self._file is None or self._size + len(line) > self._max:
                    self._open(len(line))
                if self._file is not None:
                    self._size += os.write(self._file, line)
            except OSError:
                self.failed += 1

    def close(self) -> None:
        """Close the file. May be called again; a later row opens it anew."""
        with self._lock:
            self._shut()

    def _open(self, wanted: int) -> None:
        """Begin a file when there is none, or none with room for so many bytes. Raises: OSError."""
        self._shut()
        with suppress(FileNotFoundError):
            if self._path.stat().st_size + wanted > self._max:
                self._path.replace(self._path.with_name(f"{self._path.name}.1"))
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        self._size = os.fstat(self._file).st_size

    def _shut(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
