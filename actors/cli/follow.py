"""The end of a log file, and what is added to it, through rotation by renaming, by cutting in place, and truncation.

I/O. How a log is cut in place, and how that is seen, says actors/process_manager/cuts.py.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from actors.process_manager.cuts import Cut, cut_of, data_start, next_of_older, older_files, read_older, was_cut

LOOK_S: Final = 0.1
"""Seconds between two looks for more."""
BLOCK_BYTES: Final = 1 << 16
TAIL_BYTES_MAX: Final = 64 << 20
"""How far back a tail looks in one file."""


def tail_and_on(path: Path, lines: int) -> tuple[bytes, Follower]:
    """The last lines, and a follower of what comes right behind them, whatever is written meanwhile."""
    with cut_of(str(path)):
        end = path.stat().st_size if path.exists() else 0
        follower = Follower(path, end)
        follower.open()
        return tail(path, lines, end), follower


def tail(path: Path, lines: int, end: int | None = None) -> bytes:
    """The last lines, taken from the rotated files before this one too when this one has fewer. end: to there only."""
    with cut_of(str(path)):
        found, count = _tail_of(path, lines, end)
        for name in older_files(str(path)):
            if count >= lines:
                break
            older, more = last_lines(b"".join(read_older(name)), lines - count)
            found, count = older + found, count + more
    return found


class Follower:
    """Gives what is added to a file, once, through rotation of every kind. start: the offset to begin at.

    What it has read is counted from the first byte that was ever in the file: what is cut out of its front moves
    nothing, and what was cut out before it was read is found in the rotated files.
    """

    def __init__(self, path: Path, start: int) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self._first = start
        self._done = 0
        self._total = 0

    def blocks(self, stop: threading.Event) -> Iterator[bytes]:
        """What is added, as it is added, until stop is set; waits for a file that is not there (yet)."""
        while not stop.is_set():
            yield from self.look()
            stop.wait(LOOK_S)

    def look(self) -> Iterator[bytes]:
        """What was added since the last look."""
        if self._file is None and not self.open():
            return
        yield from self._rest()
        while self._was_replaced():
            yield from self._rest()
            between = self._files_between()
            self.close()
            for name in between:
                yield from read_older(name)
            if not self.open():
                return
            yield from self._rest()

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def open(self) -> bool:
        """Open the file, and take its beginning as it is now; gives whether there is one."""
        with cut_of(str(self._path)) as cut:
            try:
                self._file = self._path.open("rb", buffering=0)
            except FileNotFoundError:
                return False
            self._total = cut.of(os.fstat(self._file.fileno()).st_ino)
            self._done = self._first + self._total if self._first else 0
            self._first = 0
        return True

    def _rest(self) -> Iterator[bytes]:
        while block := self._next():
            self._done += len(block)
            yield block

    def _next(self) -> bytes:
        """One block, at an offset that did not move meanwhile."""
        while self._file is not None:
            before = self._done, self._total
            with cut_of(str(self._path)) as cut:
                block = self._read(self._file.fileno(), cut)
            if cut.held or not was_cut(str(self._path)):
                return block
            self._done, self._total = before  # cut for the first time while it was read
        return b""

    def _read(self, fd: int, cut: Cut) -> bytes:
        there = os.fstat(fd)
        if cut.inode == there.st_ino:
            self._total = cut.total
        begin = self._total + data_start(fd)
        if self._total + there.st_size < self._done:  # emptied by somebody else
            self._done = begin
        if self._done < begin:
            block, lost = next_of_older(str(self._path), begin - self._done)
            self._done += lost
            if block:
                return block
        return os.pread(fd, BLOCK_BYTES, self._done - self._total)

    def _files_between(self) -> list[str]:
        """Rotated files newer than the one in hand, oldest first: a file was renamed more than once since."""
        if self._file is None:
            return []
        held = os.fstat(self._file.fileno())
        newer: list[str] = []
        for name in older_files(str(self._path)):
            with contextlib.suppress(OSError):
                there = os.stat(name)  # noqa: PTH116 - as the others here
                if (there.st_dev, there.st_ino) == (held.st_dev, held.st_ino):
                    return list(reversed(newer))
            newer.append(name)
        return []

    def _was_replaced(self) -> bool:
        try:
            now = self._path.stat()
        except FileNotFoundError:
            return False
        if self._file is None:
            return True
        held = os.fstat(self._file.fileno())
        return (now.st_dev, now.st_ino) != (held.st_dev, held.st_ino)


def _tail_of(path: Path, lines: int, to: int | None) -> tuple[bytes, int]:
    """The last lines of one file, and how many they are."""
    if lines <= 0:
        return b"", 0
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            at = end = size if to is None else min(size, to)
            raw, begin = b"", data_start(file.fileno())
            while at > begin and raw.count(b"\n") <= lines and end - at < TAIL_BYTES_MAX:
                step = min(BLOCK_BYTES, at - begin)
                at -= step
                raw = os.pread(file.fileno(), step, at) + raw
    except FileNotFoundError:
        return b"", 0
    return last_lines(raw, lines)


def last_lines(raw: bytes, lines: int) -> tuple[bytes, int]:
    """The last lines of a text, and how many they are."""
    kept = raw.removesuffix(b"\n").split(b"\n")[-lines:] if raw else []
    return b"\n".join(kept) + (b"\n" if raw.endswith(b"\n") else b""), len(kept)
