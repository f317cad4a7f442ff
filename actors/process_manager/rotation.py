"""Rotates a log that a process goes on writing: by size, by time; and compresses what was rotated. I/O.

The older part is copied to NAME.log.1 and then taken out of the file in place, at once for the process that appends to
it: by FALLOC_FL_COLLAPSE_RANGE (ext4, xfs), else by punching a hole (tmpfs, btrfs, overlays of these). Neither loses
anything. Both go by blocks, so the cut is made at a line end that falls on the end of a block; only when there is none
in four times max_size does a line begin in NAME.log.1 and end in NAME.log. Where neither is possible the file is copied
and truncated, which loses what is written between the two.
"""

from __future__ import annotations

import contextlib
import ctypes
import gzip
import os
import shutil
import sys
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct

from actors.process_manager.cuts import BLOCK_BYTES, Cut, cut_of, data_start
from actors.process_manager.logs import shift

_COLLAPSE_RANGE: Final = 0x08
_PUNCH_HOLE: Final = 0x02 | 0x01
_PATIENCE: Final = 4
"""How many times its size a log may reach while no line ends with a block."""
_ROUNDS_MAX: Final = 4096


class Limits(Struct, frozen=True):
    """When a log is rotated. size_max: bytes. every_s: also after so many seconds. compress: from NAME.log.2 on."""

    size_max: int
    keep: int
    every_s: float | None = None
    compress: bool = False


class Rotated(Struct, frozen=True):
    """What was done. taken: bytes that went to other files. moved: bytes by which the rest came nearer to the front."""

    taken: int
    moved: int


def rotate(path: str, limits: Limits, wall_s: float = 0.0) -> Rotated:
    """Cut a log down, in files of about max_size, until it is below that. wall_s: now, Unix. Raises OSError."""
    taken = moved = 0
    due = limits.every_s is not None and _is_due(path, limits.every_s, int(wall_s))
    for _ in range(_ROUNDS_MAX):
        done = _rotate_once(path, limits, due=due)
        if done is None:
            break
        taken, moved, due = taken + done.taken, moved + done.moved, False
    if limits.compress:
        compress_older(path, limits.keep)
    return Rotated(taken, moved)


def _is_due(path: str, every_s: float, now_s: int) -> bool:
    """Whether so long has passed since the last rotation. The first look at a file only notes that it is there."""
    inode = os.stat(path).st_ino  # noqa: PTH116
    with cut_of(path, write=True) as cut:
        known = cut.inode == inode and 0 < cut.since_s <= now_s
        due = bool(known and now_s - cut.since_s >= every_s)
        if due or not known:
            cut.since_s = now_s
            cut.write(inode, cut.of(inode), cut.pending if cut.inode == inode else 0)
        return due


def _rotate_once(path: str, limits: Limits, *, due: bool) -> Rotated | None:
    there = os.stat(path)  # noqa: PTH116 - called for every log, again and again
    if not due and there.st_size < limits.size_max:
        return None
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        _finish(path, fd)
        start, size = data_start(fd), os.fstat(fd).st_size
        if size - start < (1 if due else limits.size_max):
            return None
        block = os.fstatvfs(fd).f_bsize
        end = _cut_at(fd, start, size, block, limits.size_max)
        return _take_out(path, fd, start, end, limits.keep) if end is not None else None
    finally:
        os.close(fd)


def _cut_at(fd: int, start: int, size: int, block: int, size_max: int) -> int | None:
    """Where to cut: behind a line that ends with a block, the last one up to size_max, else the next one after.

    At least one byte stays, as a range up to the very end cannot be taken out. None: wait for more.
    """
    last = (size - 1) // block * block
    wanted = min(last, (start + size_max) // block * block)
    for end in (*range(wanted, start, -block), *range(wanted + block, last + 1, block)):
        if end > start and os.pread(fd, 1, end - 1) == b"\n":
            return int(end)
    torn = max(wanted, (start // block + 1) * block)
    return int(torn) if torn <= last and size - start >= _PATIENCE * size_max else None


def _take_out(path: str, fd: int, start: int, end: int, keep: int) -> Rotated:
    """Move what lies between to NAME.log.1. Killed on the way, it is finished the next time."""
    fresh = f"{path}.new"
    if keep:
        _copy(fd, fresh, start, end)
    inode, count = os.fstat(fd).st_ino, end - start
    with cut_of(path, write=True) as cut:
        total = cut.of(inode)
        if keep:
            shift(path, keep)
            cut.write(inode, total, count)
            os.replace(fresh, f"{path}.1")  # noqa: PTH105
        return _drop(path, cut, fd, start, count)


def _drop(path: str, cut: Cut, fd: int, start: int, count: int) -> Rotated:
    inode, total = os.fstat(fd).st_ino, cut.total if cut.inode == os.fstat(fd).st_ino else 0
    if start == 0 and allocate(fd, _COLLAPSE_RANGE, 0, count):
        cut.write(inode, total + count, 0)
        return Rotated(count, count)
    if allocate(fd, _PUNCH_HOLE, start, count):
        cut.write(inode, total, 0)
        return Rotated(count, 0)
    rest = _copy_rest(fd, f"{path}.1", start + count)
    os.ftruncate(fd, 0)
    cut.write(inode, total + count + rest, 0)
    return Rotated(count + rest, count + rest)


def _copy_rest(fd: int, name: str, at: int) -> int:
    """Add what lies behind the cut to a rotated file, if there is one to be kept. Gives how much that is."""
    done = 0
    out = os.open(name, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC) if os.path.exists(name) else -1  # noqa: PTH110
    try:
        while part := os.pread(fd, BLOCK_BYTES, at + done):
            done += os.write(out, part) if out >= 0 else len(part)
    finally:
        if out >= 0:
            os.close(out)
    return done


def _finish(path: str, fd: int) -> None:
    """After a kill between the copy and the cut: take out what NAME.log.1 holds already, if it is still there."""
    inode = os.fstat(fd).st_ino
    with cut_of(path) as known:
        if not known.pending or known.inode != inode:
            return
    with cut_of(path, write=True) as cut:
        start = data_start(fd)
        if _same(fd, f"{path}.1", start, cut.pending):
            _drop(path, cut, fd, start, cut.pending)
        else:
            cut.write(inode, cut.total, 0)


def _same(fd: int, name: str, start: int, count: int) -> bool:
    try:
        other = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        if os.fstat(other).st_size != count:
            return False
        steps = range(0, count, BLOCK_BYTES)
        sizes = ((at, min(BLOCK_BYTES, count - at)) for at in steps)
        return all(os.pread(fd, size, start + at) == os.pread(other, size, at) for at, size in sizes)
    finally:
        os.close(other)


def _copy(fd: int, name: str, start: int, end: int) -> None:
    """Within the kernel where that is possible. Raises OSError."""
    out = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
    try:
        at = start
        while at < end:
            try:
                done = os.copy_file_range(fd, out, end - at, offset_src=at)
            except (AttributeError, OSError):
                done = os.write(out, os.pread(fd, min(BLOCK_BYTES, end - at), at))
            if not done:
                break
            at += done
    finally:
        os.close(out)


def allocate(fd: int, mode: int, start: int, count: int) -> bool:
    """fallocate(2); False where that cannot be done."""
    if sys.platform != "linux":
        return False
    fallocate = ctypes.CDLL(None, use_errno=True).fallocate
    fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
    return bool(fallocate(fd, mode, start, count) == 0)


def compress_older(path: str, keep: int) -> None:
    """Compress NAME.log.2 and older; the newest stays as it is for those who still read it. Raises OSError."""
    for number in range(2, keep + 1):
        plain = f"{path}.{number}"
        if os.path.exists(plain):  # noqa: PTH110
            compress_file(plain)


def compress_file(plain: str) -> None:
    """Compress one rotated file; it is there as a whole at any moment. Raises OSError."""
    with Path(plain).open("rb") as source, gzip.open(f"{plain}.gz.new", "wb", compresslevel=6) as target:
        source.seek(data_start(source.fileno()))
        shutil.copyfileobj(source, target, BLOCK_BYTES)
    shutil.copystat(plain, f"{plain}.gz.new")
    os.replace(f"{plain}.gz.new", f"{plain}.gz")  # noqa: PTH105
    os.unlink(plain)  # noqa: PTH108


def rotate_all(logs: Mapping[str, tuple[str, Limits]], wall_s: float) -> dict[str, Rotated | str]:
    """Rotate what is to be rotated: what was done by name, or what went wrong."""
    found: dict[str, Rotated | str] = {}
    for name, (path, limits) in logs.items():
        try:
            done = rotate(path, limits, wall_s)
        except FileNotFoundError:
            continue  # a person took it away; the process writes on to what has no name
        except (OSError, zlib.error) as error:
            found[name] = f"{getattr(error, 'strerror', None) or error}: {getattr(error, 'filename', None) or path}"
            with contextlib.suppress(OSError):
                os.unlink(f"{path}.new")  # noqa: PTH108 - a full disk is not to be kept full by it
        else:
            if done.taken:
                found[name] = done
    return found
