"""What was taken out of the front of a log that a process goes on writing, and where it is. I/O.

Beside NAME.log lie NAME.log.1 (newest) to NAME.log.N (oldest), those from 2 on perhaps as .gz, and once it was cut
NAME.log.cut: the inode it speaks of, the bytes taken out of it so far, and those that are being taken out at this
moment. Who cuts holds a lock on it, and so does who reads, for the one block it reads: an offset never moves between
asking for it and using it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import zlib
from collections.abc import Iterator
from typing import Final

BLOCK_BYTES: Final = 1 << 16


class Cut:
    """The cut of one log, locked.

    total: bytes taken out of the file with that inode. pending: bytes under way. since_s: Unix seconds when it was
    rotated last, or first looked at; 0 when that is not known.
    """

    def __init__(self, fd: int | None) -> None:
        self._fd = fd
        self.inode = self.total = self.pending = self.since_s = 0
        if fd is not None:
            with contextlib.suppress(ValueError):
                self.inode, self.total, self.pending, self.since_s = map(int, os.pread(fd, 128, 0).split())

    @property
    def held(self) -> bool:
        """Whether nothing moves. Without, the file was not cut yet; whether it was meanwhile, was_cut tells."""
        return self._fd is not None

    def of(self, inode: int) -> int:
        """Bytes taken out of the file with that inode."""
        return self.total if inode == self.inode else 0

    def write(self, inode: int, total: int, pending: int) -> None:
        """Note it. Raises OSError."""
        self.inode, self.total, self.pending = inode, total, pending
        if self._fd is not None:
            os.pwrite(self._fd, b"%-20d %-20d %-20d %-20d\n" % (inode, total, pending, self.since_s), 0)


@contextlib.contextmanager
def cut_of(path: str, *, write: bool = False) -> Iterator[Cut]:
    """Hold the cut of a log still. write: to change it; made when missing. Raises OSError when it is to be written."""
    name = f"{path}.cut"
    try:
        fd = os.open(name, (os.O_RDWR | os.O_CREAT if write else os.O_RDONLY) | os.O_CLOEXEC, 0o640)
    except OSError:
        if write:
            raise
        yield Cut(None)
        return
    try:
        fcntl.flock(fd, fcntl.LOCK_EX if write else fcntl.LOCK_SH)
        yield Cut(fd)
    finally:
        os.close(fd)


def was_cut(path: str) -> bool:
    """Whether a log was ever cut."""
    return os.path.exists(f"{path}.cut")  # noqa: PTH110


def data_start(fd: int) -> int:
    """Where what is in a file begins: behind the hole left where no range can be taken out; at its end when empty."""
    try:
        return os.lseek(fd, 0, os.SEEK_DATA)
    except OSError as error:
        return os.fstat(fd).st_size if error.errno == errno.ENXIO else 0


def older_files(path: str) -> list[str]:
    """The rotated files of a log, newest first, as far as there are any without a gap."""
    found = []
    for number in range(1, 1_000_000):
        names = (f"{path}.{number}", f"{path}.{number}.gz")
        there = next((name for name in names if os.path.exists(name)), None)  # noqa: PTH110
        if there is None:
            break
        found.append(there)
    return found


def read_older(name: str) -> Iterator[bytes]:
    """The content of a rotated file in blocks. One that is gone has none."""
    try:
        fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        at = data_start(fd)
        inflate = zlib.decompressobj(wbits=31) if name.endswith(".gz") else None
        while block := os.pread(fd, BLOCK_BYTES, at):
            at += len(block)
            yield inflate.decompress(block) if inflate is not None else block
    finally:
        os.close(fd)


def next_of_older(path: str, count: int) -> tuple[bytes, int]:
    """What follows count bytes before the front of a log: one block, and how much before it is gone for good.

    Of a compressed file it is all the rest, as that cannot be entered in the middle.
    """
    files = older_files(path)
    for place, name in enumerate(files):
        size = _content_size(name)
        if size >= count or place == len(files) - 1:
            lost, skip = max(0, count - size), max(0, size - count)
            if name.endswith(".gz"):
                return b"".join(read_older(name))[skip:], lost
            with open(name, "rb", buffering=0) as file:  # noqa: PTH123 - as the others here
                return os.pread(file.fileno(), BLOCK_BYTES, data_start(file.fileno()) + skip), lost
        count -= size
    return b"", count


def _content_size(name: str) -> int:
    """Bytes of content; a compressed file has it in its last four (RFC 1952)."""
    with open(name, "rb", buffering=0) as file:  # noqa: PTH123
        size = os.fstat(file.fileno()).st_size
        if name.endswith(".gz"):
            return int.from_bytes(os.pread(file.fileno(), 4, max(0, size - 4)), "little")
        return size - data_start(file.fileno())
