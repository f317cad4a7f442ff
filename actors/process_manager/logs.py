"""The log files of workloads: opened for each incarnation, and read from the end. I/O.

A file is rotated by renaming when no process holds it; how one that is being written is rotated, says rotation.py.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

from msgspec import Struct

from actors.process_manager.cuts import data_start

_BLOCK_BYTES: Final = 1 << 16


class LogFile(Struct, frozen=True):
    """A log file when it was opened for a new incarnation.

    size: bytes in it. former_path, former_end: where the output of the incarnation before it ends.
    """

    size: int
    former_path: str
    former_end: int


def open_log(path: str, size_max: int, keep: int) -> tuple[int, LogFile]:
    """Open a log for appending, renaming one that has reached its size. Raises OSError."""
    fd = _open(path)
    try:
        size = os.fstat(fd).st_size
        if size < size_max:
            return fd, LogFile(size, path, size)
        shift(path, keep)
        if keep:
            os.replace(path, f"{path}.1")  # noqa: PTH105 - on the hot path
        else:
            os.unlink(path)  # noqa: PTH108
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{path}.cut")  # noqa: PTH108 - it speaks of the former one
        fresh = _open(path)
    except OSError:
        os.close(fd)
        raise
    os.close(fd)
    return fresh, LogFile(0, f"{path}.1" if keep else path, size if keep else 0)


def _open(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)


def make_logs(paths: list[str]) -> None:
    """Make those that are missing, which the file system takes its time for; a fault shows when they are used."""
    for path in paths:
        with contextlib.suppress(OSError):
            os.close(_open(path))


def shift(path: str, keep: int) -> None:
    """Make room for a new NAME.1: each older file moves one on, compressed or not; the oldest goes."""
    for number in range(keep, 0, -1):
        for end, other in (("", ".gz"), (".gz", "")):
            with contextlib.suppress(FileNotFoundError):
                if number == keep:
                    os.unlink(f"{path}.{number}{end}")  # noqa: PTH108
                    continue
                os.replace(f"{path}.{number}{end}", f"{path}.{number + 1}{end}")  # noqa: PTH105
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(f"{path}.{number + 1}{other}")  # noqa: PTH108 - of a compression that was cut short


def tail(path: str, lines: int, line_bytes: int, *, start: int = 0, end: int | None = None) -> list[str]:
    """Give the last lines between two offsets, oldest first; invalid UTF-8 is replaced, a long line cut.

    Reads no more than what can be shown. A file that is missing, or shorter than start, has none.
    """
    if not lines:
        return []
    try:
        with Path(path).open("rb") as log:
            size = os.fstat(log.fileno()).st_size
            stop = size if end is None else min(end, size)
            raw = _read_back(log.fileno(), max(start, data_start(log.fileno())), stop, lines)
    except OSError:
        return []
    found = raw.removesuffix(b"\n").split(b"\n")[-lines:] if raw else []
    return [line[:line_bytes].decode("utf-8", "replace") for line in found]


def _read_back(fd: int, start: int, stop: int, lines: int) -> bytes:
    """Read blocks from the end until there are enough line ends, at most 1 MiB."""
    raw = b""
    floor = max(start, stop - (1 << 20))
    at = stop
    while at > floor and raw.count(b"\n") <= lines:
        step = min(_BLOCK_BYTES, at - floor)
        at -= step
        raw = os.pread(fd, step, at) + raw
    return raw
