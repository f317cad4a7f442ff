"""Makes the rotated files of one log smaller at once, also on a disk that has no room for a second file. I/O.

Where there is no room, a file is compressed over itself: what is written never reaches what is still to be read. A node
that is killed in that moment leaves a file of which the front cannot be read.
"""

from __future__ import annotations

import contextlib
import errno
import os
import zlib
from typing import Final

from actors.process_manager.cuts import BLOCK_BYTES, cut_of, data_start
from actors.process_manager.rotation import Limits, Rotated, compress_file, rotate

_BLOCK_UNIT: Final = 512
_LEVEL: Final = 6
_GZIP: Final = 31


def plain_older(path: str, keep: int) -> list[str]:
    """Rotated files that can be compressed, oldest first; the newest stays as it is for those who still read it."""
    names = [f"{path}.{number}" for number in range(keep, 1, -1)]
    return [name for name in names if os.path.exists(name)]  # noqa: PTH110


def disk_bytes(path: str, keep: int) -> int:
    """What a log and its rotated files take on the disk."""
    names = [path, *(f"{path}.{number}{end}" for number in range(1, keep + 1) for end in ("", ".gz"))]
    total = 0
    for name in names:
        with contextlib.suppress(OSError):
            total += os.stat(name).st_blocks * _BLOCK_UNIT  # noqa: PTH116
    return total


def squeeze(path: str, limits: Limits) -> tuple[Rotated, int]:
    """Compress what was rotated, cut the log down as its limits say, compress again; and the bytes that gave.

    Raises: OSError, when not even that is possible.
    """
    before = disk_bytes(path, limits.keep)
    _compress_all(path, limits.keep)
    done = rotate(path, Limits(limits.size_max, limits.keep))
    _compress_all(path, limits.keep)
    return done, before - disk_bytes(path, limits.keep)


def _compress_all(path: str, keep: int) -> None:
    for plain in plain_older(path, keep):
        try:
            compress_file(plain)
        except OSError as error:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{plain}.gz.new")  # noqa: PTH108
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            with cut_of(path, write=True):
                _compress_over(plain)


def _compress_over(plain: str) -> None:
    """Compress a file into its own blocks. Raises OSError."""
    fd = os.open(plain, os.O_RDWR | os.O_CLOEXEC)
    try:
        if data_start(fd):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), plain)
        packer = zlib.compressobj(_LEVEL, wbits=_GZIP)
        at = written = 0
        ready = b""
        while block := os.pread(fd, BLOCK_BYTES, at):
            at += len(block)
            ready += packer.compress(block)
            fits = min(len(ready), at - written)
            written += os.pwrite(fd, ready[:fits], written)
            ready = ready[fits:]
        ready += packer.flush()
        while ready:
            done = os.pwrite(fd, ready, written)
            written, ready = written + done, ready[done:]
        os.ftruncate(fd, written)
        os.fsync(fd)
    finally:
        os.close(fd)
    os.replace(plain, f"{plain}.gz")  # noqa: PTH105
