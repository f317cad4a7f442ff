"""The end of a log file, and what is added to it, through rotation by renaming, by cutting in place, and truncation.

I/O.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

LOOK_S: Final = 0.1
"""Seconds between two looks for more."""
BLOCK_BYTES: Final = 1 << 16
TAIL_BYTES_MAX: Final = 64 << 20
"""How far back a tail looks in one file."""


def tail(path: Path, lines: int) -> bytes:
    """The last lines, taken from the rotated file before this one too when this one has fewer."""
    found, count = _tail_of(path, lines)
    if count < lines:
        found = _tail_of(_rotated(path), lines - count)[0] + found
    return found


class Follower:
    """Gives what is added to a file. start: the offset to begin at."""

    def __init__(self, path: Path, start: int) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self._at = start

    def blocks(self, stop: threading.Event) -> Iterator[bytes]:
        """What is added, as it is added, until stop is set; waits for a file that is not there (yet)."""
        while not stop.is_set():
            yield from self.look()
            stop.wait(LOOK_S)

    def look(self) -> Iterator[bytes]:
        """What was added since the last look."""
        if self._file is None and not self._open():
            return
        yield from self._see_cut()
        yield from self._rest()
        if self._was_replaced():
            yield from self._rest()
            self.close()
            self._at = 0
            if self._open():
                yield from self._rest()

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> bool:
        try:
            self._file = self._path.open("rb")
        except FileNotFoundError:
            return False
        return True

    def _rest(self) -> Iterator[bytes]:
        file = self._file
        while file is not None and (block := os.pread(file.fileno(), BLOCK_BYTES, self._at)):
            self._at += len(block)
            yield block

    def _see_cut(self) -> Iterator[bytes]:
        """When the file became shorter, its beginning was moved to the rotated file; what was not read yet is there."""
        if self._file is None or os.fstat(self._file.fileno()).st_size >= self._at:
            return
        try:
            with _rotated(self._path).open("rb") as older:
                moved = os.fstat(older.fileno()).st_size
                if moved >= self._at:
                    older.seek(self._at)
                    yield from iter(lambda: older.read(BLOCK_BYTES), b"")
        except FileNotFoundError:
            moved = self._at
        self._at = max(0, self._at - moved)
        if os.fstat(self._file.fileno()).st_size < self._at:
            self._at = 0  # cut by somebody else: what was rotated before has nothing to do with it

    def _was_replaced(self) -> bool:
        try:
            now = self._path.stat()
        except FileNotFoundError:
            return False
        if self._file is None:
            return True
        held = os.fstat(self._file.fileno())
        return (now.st_dev, now.st_ino) != (held.st_dev, held.st_ino)


def _rotated(path: Path) -> Path:
    return path.with_name(f"{path.name}.1")


def _tail_of(path: Path, lines: int) -> tuple[bytes, int]:
    """The last lines of one file, and how many they are."""
    if lines <= 0:
        return b"", 0
    try:
        with path.open("rb") as file:
            at = end = file.seek(0, os.SEEK_END)
            raw = b""
            while at and raw.count(b"\n") <= lines and end - at < TAIL_BYTES_MAX:
                step = min(BLOCK_BYTES, at)
                at -= step
                raw = os.pread(file.fileno(), step, at) + raw
    except FileNotFoundError:
        return b"", 0
    kept = raw.splitlines(keepends=True)[-lines:]
    return b"".join(kept), len(kept)
