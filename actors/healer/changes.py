"""The change log: one JSON line for everything that was altered, `<state_dir>/changes.log`. I/O.

For people and their tools; what the Healer itself needs lies in its tables. The node's own actor writes to the file
too, and is the one that moves it to changes.log.1 when it is long.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from bus.messages.trust import AlteredRow

_LINE = msgspec.json.Encoder()


class ChangeLog:
    """path: of the file; its directory exists."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, row: AlteredRow) -> None:
        """Append a line. Raises OSError."""
        with self._path.open("ab+") as file:
            file.write(_end_of_line(file) + _LINE.encode(row) + b"\n")

    def newest(self, limit: int, subject: str = "") -> list[AlteredRow]:
        """The newest lines, newest first; of one subject when it is named. Raises OSError."""
        rows = [row for path in (self._former, self._path) for row in _rows(path) if subject in ("", row.subject)]
        return rows[::-1][: max(0, limit)]

    @property
    def _former(self) -> Path:
        return self._path.with_name(f"{self._path.name}.1")


def _end_of_line(file: BinaryIO) -> bytes:
    """What ends a line that a death cut off."""
    if file.seek(0, os.SEEK_END) == 0:
        return b""
    file.seek(-1, os.SEEK_END)
    return b"" if file.read(1) == b"\n" else b"\n"


def _rows(path: Path) -> Iterator[AlteredRow]:
    """What was written whole; a line that a death cut off is passed over."""
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        with contextlib.suppress(msgspec.DecodeError):
            yield msgspec.json.decode(line, type=AlteredRow)
