"""The log files of workloads: opened, kept within their size, and read from the end. I/O.

A file is rotated by renaming when no process holds it. While a process writes it, its older part is copied to
NAME.log.1 and then taken out of the file in place: on ext4 and xfs by FALLOC_FL_COLLAPSE_RANGE, which loses nothing
(the cut falls on a block, so that a line may begin in NAME.log.1 and end in NAME.log); elsewhere by truncating the file
to nothing, which loses what was written between the end of the copy and the truncation.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, Final

from msgspec import Struct

from actors.process_manager.life import Launch

_COLLAPSE_RANGE: Final = 0x08
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
        fresh = _open(path)
    except OSError:
        os.close(fd)
        raise
    os.close(fd)
    return fresh, LogFile(0, f"{path}.1" if keep else path, size if keep else 0)


def _open(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)


def shift(path: str, keep: int) -> None:
    """Make room for a new NAME.1: each older file moves one on, the oldest goes."""
    for number in range(keep - 1, 0, -1):
        with contextlib.suppress(FileNotFoundError):
            os.replace(f"{path}.{number}", f"{path}.{number + 1}")  # noqa: PTH105


def rotate_in_place(path: str, size_max: int, keep: int) -> int:
    """Cut down a log that a process writes, when it has reached its size. Gives the bytes taken out of it.

    Raises OSError; then nothing was taken out.
    """
    with Path(path).open("r+b") as log:
        fd = log.fileno()
        size = os.fstat(fd).st_size
        if size < size_max:
            return 0
        if keep:
            shift(path, keep)
        with Path(f"{path}.1" if keep else os.devnull).open("wb") as copy:
            # Whole blocks can be taken out, but not up to the very end of the file.
            block = os.fstatvfs(fd).f_bsize
            whole = _copy(fd, copy, 0, (size - 1) // block * block)
            copy.flush()
            if whole and collapse(fd, whole):
                return whole
            done = whole + _copy(fd, copy, whole, None)
            copy.flush()
            os.ftruncate(fd, 0)
            return done


def rotate_all(launches: Mapping[str, Launch]) -> dict[str, int | str]:
    """Cut down each log that has reached its size: bytes taken out by name, or what went wrong."""
    taken: dict[str, int | str] = {}
    for name, launch in launches.items():
        try:
            count = rotate_in_place(launch.log_path, launch.log_size_max, launch.log_keep)
        except FileNotFoundError:
            continue  # a person took it away; the process writes on to what has no name
        except OSError as error:
            taken[name] = f"{error.strerror}: {error.filename}"
        else:
            if count:
                taken[name] = count
    return taken


def _copy(fd: int, copy: BinaryIO, start: int, count: int | None) -> int:
    """Copy count bytes from an offset on (None: up to the end, wherever that is by then). Gives how many."""
    done = 0
    while count is None or done < count:
        part = os.pread(fd, _BLOCK_BYTES if count is None else min(_BLOCK_BYTES, count - done), start + done)
        if not part:
            break
        copy.write(part)
        done += len(part)
    return done


def collapse(fd: int, count: int) -> bool:
    """Take the first count bytes out of a file, at once for all who append to it; False where that cannot be done."""
    if sys.platform != "linux":
        return False
    fallocate = ctypes.CDLL(None, use_errno=True).fallocate
    fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
    return bool(fallocate(fd, _COLLAPSE_RANGE, 0, count) == 0)


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
            raw = _read_back(log.fileno(), start, stop, lines)
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
