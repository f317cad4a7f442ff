"""Reads what was added to a log since the last look: whole lines, each once, a bounded number of bytes. I/O.

A place is counted from the first byte that was ever in the file, so that what is cut out of its front moves nothing;
what was cut or renamed away before it was read is found in the rotated files. How a log is cut, says cuts.py.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from actors.process_manager.cuts import cut_of, data_start, older_files, was_cut

_TRIES: Final = 3
"""Times that a log is looked at again because it was rotated meanwhile."""


class Place(Struct, frozen=True):
    """Up to where a log was read.

    inode: of the file; 0 before there is any. at: bytes from the first that was ever in it; below 0 in the file before
    it. total: bytes that were cut out of its front by then. size: of the file at that look, so that one that is idle is
    told by that alone.
    """

    inode: int = 0
    at: int = 0
    total: int = 0
    size: int = 0


class Increment(Struct, frozen=True):
    """What was added. text: whole lines. at: where it begins, as Place.at. skipped: bytes before it, not read."""

    place: Place
    text: bytes = b""
    at: int = 0
    skipped: int = 0


class _Part(Struct):
    """A stretch of one file. A compressed one is not entered."""

    path: str
    begin: int
    end: int

    @property
    def size(self) -> int:
        return max(0, self.end - self.begin)


def end_of(path: str) -> Place:
    """The place behind all that is there now; of a file that is missing, before its first byte."""
    with cut_of(path) as cut:
        try:
            there = os.stat(path)  # noqa: PTH116 - of many logs in a row
        except OSError:
            return Place()
        total = cut.of(there.st_ino)
        return Place(there.st_ino, total + there.st_size, total, there.st_size)


def read_on(path: str, place: Place, bytes_max: int) -> Increment | None:
    """What was added behind a place; None when nothing was. Of more than bytes_max the newest is read. Raises OSError.

    A line that has no end yet is left for later, unless it alone is longer than bytes_max.
    """
    for _ in range(_TRIES):
        try:
            there = os.stat(path)  # noqa: PTH116 - of many logs in a row
        except FileNotFoundError:
            return None  # a person took it away; what is written on to it has no name
        if (there.st_ino, there.st_size) == (place.inode, place.size):
            return None
        found = _look(path, place, bytes_max)
        if found is not None:
            return found
    return None


def _look(path: str, place: Place, bytes_max: int) -> Increment | None:
    """One try; None when the files were moved while they were read."""
    with cut_of(path) as cut, open(path, "rb", buffering=0) as file:  # noqa: PTH123 - unbuffered, of many in a row
        there = os.fstat(file.fileno())
        total = cut.of(there.st_ino)
        here = _Part(path, data_start(file.fileno()), there.st_size)  # it grows on meanwhile
        parts, lost = _parts(here, there.st_ino, place, total)
        fresh = sum(part.size for part in parts)
        raw, skipped = _newest(parts, bytes_max)
        whole = cut.held or not was_cut(path)
        if not whole or os.stat(path).st_ino != there.st_ino:  # noqa: PTH116
            return None
    end = total + there.st_size
    skipped += lost
    if skipped - lost:  # what is left of the line in whose middle the skip ended
        raw, torn = _behind_line_end(raw)
        skipped += torn
    keep = raw.rfind(b"\n") + 1
    if not keep and fresh >= bytes_max:  # one line without end
        skipped, keep, raw = skipped + len(raw), 0, b""
    left = len(raw) - keep
    now = Place(there.st_ino, end - left, total, there.st_size)
    return Increment(now, raw[:keep], end - len(raw), skipped)


def _behind_line_end(raw: bytes) -> tuple[bytes, int]:
    torn = raw.find(b"\n") + 1
    return raw[torn:], torn


def _parts(here: _Part, inode: int, place: Place, total: int) -> tuple[list[_Part], int]:
    """The stretches that were not read yet, oldest first, and how many bytes of them are gone for good.

    here: all of the present file. total: bytes that were cut out of its front.
    """
    if place.inode and inode != place.inode:
        return [*_before_it(here.path, place), here], 0
    begin, start = place.at - total, here.begin
    if begin > here.end:  # emptied by somebody else
        begin = start
    here.begin = max(begin, start)
    if begin >= start:
        return [here], 0
    older, lost = _cut_away(here.path, start - begin)
    return [*older, here], lost


def _cut_away(path: str, count: int) -> tuple[list[_Part], int]:
    """The last bytes of the rotated files, and how many of them are not there any more."""
    parts: list[_Part] = []
    for name in older_files(path):
        if count <= 0:
            break
        if (part := _whole(name)) is None or name.endswith(".gz"):
            break
        part.begin = max(part.begin, part.end - count)
        count -= part.size
        parts.append(part)
    return parts[::-1], max(0, count)


def _before_it(path: str, place: Place) -> list[_Part]:
    """What is unread of the file that was read last, which was renamed since, and what lies between it and the new."""
    parts: list[_Part] = []
    for name in older_files(path):
        if name.endswith(".gz") or (part := _whole(name)) is None:
            break
        with contextlib.suppress(OSError):
            if os.stat(name).st_ino == place.inode:  # noqa: PTH116
                part.begin = max(part.begin, place.at - place.total)
                return [*parts, part][::-1]
        parts.append(part)
    return []


def _whole(name: str) -> _Part | None:
    try:
        with open(name, "rb", buffering=0) as file:  # noqa: PTH123
            return _Part(name, data_start(file.fileno()), os.fstat(file.fileno()).st_size)
    except OSError:
        return None


def _newest(parts: list[_Part], bytes_max: int) -> tuple[bytes, int]:
    """The newest bytes of the stretches, and how many before them were left out."""
    skipped = max(0, sum(part.size for part in parts) - bytes_max)
    over = skipped
    blocks: list[bytes] = []
    for part in parts:
        step = min(over, part.size)
        over -= step
        blocks += _blocks(part.path, part.begin + step, part.end)
    return b"".join(blocks), skipped


def _blocks(path: str, begin: int, end: int) -> Iterator[bytes]:
    if begin >= end:
        return
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123
        while begin < end and (block := os.pread(file.fileno(), end - begin, begin)):
            begin += len(block)
            yield block
