"""Where a bus may be: which addresses are permitted, and the lock that keeps an ipc directory to one owner.

Touches the file system; opens no sockets.
"""

from __future__ import annotations

import fcntl
import os
import re
import stat
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from bus.errors import BusError

IPC_PATH_BYTES_MAX: Final = 107 if sys.platform == "linux" else 103
"""Bytes of a socket's path; the kernel's sun_path holds no more."""
LOCK_NAME: Final = "bus.lock"
"""The file whose flock says that a directory's sockets are in use; it stays behind, unlocked."""

_IPC: Final = "ipc://"
_TCP: Final = re.compile(r"tcp://(?P<host>\[[0-9A-Za-z:.%]+\]|[A-Za-z0-9_.-]+|\*):(?P<port>\d{1,5}|\*)")
_PORT_MAX: Final = 65_535


def check_address(address: str, *, keyed: bool = False) -> str:
    """A permitted address, as ZeroMQ wants it: an absolute ipc path, or tcp.

    keyed: keys are at hand for it. Without, tcp is refused, on loopback too: any account of the machine gets there.

    Raises: BusError saying what is not permitted and why.
    """
    if address.startswith(_IPC):
        check_ipc_path(address.removeprefix(_IPC))
        return address
    match = _TCP.fullmatch(address)
    if match is None:
        msg = f"{address!r} is no address of a bus: ipc:///absolute/path or tcp://host:port"
        raise BusError(msg)
    host, port = match["host"], match["port"]
    if port != "*" and not 1 <= int(port) <= _PORT_MAX:
        msg = f"{address!r}: {port} is no port: 1 to {_PORT_MAX}"
        raise BusError(msg)
    if not keyed:
        msg = f"{address!r}: tcp needs keys, on loopback too (make them with: gyrostat keys new); ipc needs none"
        raise BusError(msg)
    # Not left to the resolver, which on some machines gives ::1 first.
    return f"tcp://127.0.0.1:{port}" if host == "localhost" else address


def is_tcp(address: str) -> bool:
    """Whether keys are needed there."""
    return address.startswith("tcp://")


def check_ipc_path(path: str) -> None:
    """Raises: BusError when path cannot be that of a socket."""
    if not path.startswith("/") or "\0" in path:
        msg = f"{_IPC}{path}: the path of a socket is absolute"
        raise BusError(msg)
    size = len(os.fsencode(path))
    if size > IPC_PATH_BYTES_MAX:
        msg = f"{_IPC}{path}: {size} bytes; the path of a socket has at most {IPC_PATH_BYTES_MAX}"
        raise BusError(msg)


def ipc_paths(addresses: Iterable[str]) -> list[Path]:
    """The socket files of those addresses that are ipc."""
    return [Path(address.removeprefix(_IPC)) for address in addresses if address.startswith(_IPC)]


def check_private(directory: Path) -> None:
    """See that only we can enter a directory.

    Raises: BusError when it is missing, not ours, no real directory, or open to others.
    """
    try:
        status = directory.lstat()
    except OSError as error:
        msg = f"{directory}: {error.strerror}; sockets go into a directory that exists"
        raise BusError(msg) from error
    if not stat.S_ISDIR(status.st_mode):
        msg = f"{directory} is no directory"
        raise BusError(msg)
    if status.st_uid != os.geteuid():
        msg = f"{directory} belongs to uid {status.st_uid}, not to us ({os.geteuid()})"
        raise BusError(msg)
    if status.st_mode & 0o077:
        msg = f"{directory} has mode {stat.S_IMODE(status.st_mode):04o}; sockets go into one of mode 0700"
        raise BusError(msg)


class Claim:
    """Sole use of the directories of some socket files, by a lock that ends with its holder."""

    def __init__(self, sockets: Iterable[Path]) -> None:
        """Check and lock the directories, then remove what a dead owner left.

        Raises: BusError when a directory is not private, is held by another, or has something else at the path.
        """
        self._sockets = list(sockets)
        self._locks: list[int] = []
        try:
            for directory in dict.fromkeys(path.parent for path in self._sockets):
                check_private(directory)
                self._locks.append(_lock(directory))
            for path in self._sockets:
                _remove_stale(path)
        except BaseException:
            self._unlock()
            raise

    def release(self) -> None:
        """Remove the socket files and let go of the directories. May be called again."""
        if self._locks:
            for path in self._sockets:
                path.unlink(missing_ok=True)
        self._unlock()

    def _unlock(self) -> None:
        locks, self._locks = self._locks, []
        for lock in locks:
            os.close(lock)


def _lock(directory: Path) -> int:
    lock = os.open(directory / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.read(lock, 32).decode("ascii", "replace").strip()
        os.close(lock)
        msg = f"{directory} is in use by another bus" + (f" (pid {holder})" if holder else "")
        raise BusError(msg) from error
    with suppress(OSError):  # the pid is only for people; a full disk does not stop a bus
        os.ftruncate(lock, 0)
        os.write(lock, f"{os.getpid()}\n".encode())
    return lock


def _remove_stale(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        msg = f"{path} is there and is no socket"
        raise BusError(msg)
    path.unlink()
