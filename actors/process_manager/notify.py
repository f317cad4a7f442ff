"""The sockets and pipes on which workloads tell that they are ready and alive; one thread listens to all. I/O.

A socket has a name in the file system, so that a process finds it again when a node was replaced; where that name is
too long, or the process is of another user and may not come there, it is an abstract one (Linux). The pipe of a
descriptor is a FIFO that the process holds open at both ends: what it writes while no node is there waits for the next.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import struct
import sys
import threading
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Final

from msgspec import Struct, structs

from actors.process_manager.notices import Notice, parse_notice

PATH_BYTES_MAX: Final = 107
_DATAGRAM_BYTES: Final = 8192
_CREDENTIALS: Final = struct.Struct("=iII")
_AT_ONCE: Final = 64
_DESCRIPTORS: Final = 253
"""The most the kernel lets into one datagram."""


class Heard(Struct, frozen=True, kw_only=True):
    """One notice, and who sent it; pid and uid are the kernel's word, None where it gives none.

    incarnation: which was the present one when it was read.
    """

    notice: Notice
    incarnation: int = 0
    pid: int | None = None
    uid: int | None = None


Tell = Callable[[str, Heard], None]


class Notices:
    """Opens one place per workload; calls tell(name, heard) from its own thread."""

    def __init__(self, folder: Path, tell: Tell) -> None:
        self._folder = folder
        self._tell = tell
        self._places: dict[int, tuple[str, socket.socket | int]] = {}
        self._by_name: dict[str, dict[str, int]] = {}
        self._incarnations: dict[str, int] = {}
        self._lock = threading.Lock()
        self._wake_out, self._wake_in = os.pipe()
        self._closed = False
        self._poll = select.poll()
        self._poll.register(self._wake_out, select.POLLIN)
        self._thread = threading.Thread(target=self._run, name="notices", daemon=True)
        self._thread.start()

    def begin(self, name: str, incarnation: int, *, fresh: bool) -> None:
        """What is read from now on is of this incarnation. fresh: what lies unread is of none."""
        with self._lock:
            for fd in self._by_name.get(name, {}).values() if fresh else ():
                self._read(self._places[fd][1])
            self._incarnations[name] = incarnation

    def listen(self, name: str, *, foreign: bool) -> str:
        """Open the socket of a workload, or keep the one that is there; give its address for NOTIFY_SOCKET.

        foreign: the workload runs as another user. Raises OSError.
        """
        address = self.address(name, foreign=foreign)
        with self._lock:
            if "socket" in self._by_name.get(name, {}):
                return address
        place = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | getattr(socket, "SOCK_CLOEXEC", 0))
        try:
            place.settimeout(0.0)
            if sys.platform == "linux":
                place.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            if address.startswith("@"):
                place.bind(f"\0{address[1:]}")
            else:
                self._make_folder()
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(address)  # noqa: PTH108
                place.bind(address)
        except OSError:
            place.close()
            raise
        self._add(name, "socket", place.fileno(), place)
        return address

    def pipe(self, name: str) -> int:
        """Open the pipe of a workload, or keep the one that is there; give a descriptor that a child may inherit.

        Raises OSError.
        """
        with self._lock:
            known = self._by_name.get(name, {}).get("pipe")
        if known is not None:
            return known
        self._make_folder()
        path = self._folder / f"{name}.fifo"
        with contextlib.suppress(FileExistsError):
            os.mkfifo(path, 0o666)
            # The folder keeps others out; a process of another user opens what it was handed.
            os.chmod(path, 0o666)  # noqa: PTH101, S103
        fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._add(name, "pipe", fd, fd)
        return fd

    def address(self, name: str, *, foreign: bool) -> str:
        """Give the address of a workload's socket: the same for every node on this run directory."""
        path = str(self._folder / f"{name}.sock")
        if sys.platform == "linux" and (foreign or len(os.fsencode(path)) > PATH_BYTES_MAX):
            return f"@gyrostat-{blake2b(os.fsencode(path), digest_size=12).hexdigest()}"
        return path

    def forget(self, name: str) -> None:
        """Close what a workload had."""
        with self._lock:
            for fd in self._by_name.pop(name, {}).values():
                self._poll.unregister(fd)
                _, place = self._places.pop(fd)
                os.close(place) if isinstance(place, int) else place.close()
        for ending in ("sock", "fifo"):
            with contextlib.suppress(OSError):
                (self._folder / f"{name}.{ending}").unlink()

    def close(self) -> None:
        """End the thread and close everything; the names stay for the next node. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        os.write(self._wake_in, b"x")
        self._thread.join()
        with self._lock:
            for _, place in self._places.values():
                os.close(place) if isinstance(place, int) else place.close()
            self._places.clear()
        os.close(self._wake_in)
        os.close(self._wake_out)

    def _make_folder(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _add(self, name: str, kind: str, fd: int, place: socket.socket | int) -> None:
        with self._lock:
            self._places[fd] = (name, place)
            self._by_name.setdefault(name, {})[kind] = fd
            self._poll.register(fd, select.POLLIN)
        os.write(self._wake_in, b"x")

    def _run(self) -> None:
        while not self._closed:
            for fd, _ in self._poll.poll():
                if fd == self._wake_out:
                    os.read(fd, 64)
                    continue
                with self._lock:
                    name, place = self._places.get(fd, ("", -1))
                    heard = self._read(place) if name else []
                    incarnation = self._incarnations.get(name, 0)
                for one in heard:
                    self._tell(name, structs.replace(one, incarnation=incarnation))

    def _read(self, place: socket.socket | int) -> list[Heard]:
        if isinstance(place, int):
            with contextlib.suppress(OSError):
                raw = os.read(place, _DATAGRAM_BYTES)
                return [Heard(notice=Notice(ready=True))] if b"\n" in raw else []
            return []
        found: list[Heard] = []
        with contextlib.suppress(OSError):
            while len(found) < _AT_ONCE:
                found.append(_receive(place))
        return found


def _receive(place: socket.socket) -> Heard:
    """Take one datagram; descriptors that come with it (BARRIER, FDSTORE) are closed: a barrier waits for that.

    Raises OSError when there is none.
    """
    room = socket.CMSG_SPACE(_CREDENTIALS.size) + socket.CMSG_SPACE(4 * _DESCRIPTORS)
    raw, ancillary, _, _ = place.recvmsg(_DATAGRAM_BYTES, room)
    pid = uid = None
    for level, kind, data in ancillary:
        if level != socket.SOL_SOCKET:
            continue
        if kind == socket.SCM_RIGHTS:
            for (fd,) in struct.iter_unpack("=i", data[: len(data) // 4 * 4]):
                os.close(fd)
        elif kind == getattr(socket, "SCM_CREDENTIALS", None):
            pid, uid, _ = _CREDENTIALS.unpack(data[: _CREDENTIALS.size])
    return Heard(notice=parse_notice(raw), pid=pid or None, uid=uid)
