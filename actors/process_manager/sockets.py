"""The listening sockets that workloads share: opened once, passed to every process, kept over the node's death. I/O."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import socket
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Final

from actors.log import Log
from actors.process_manager import socket_holder
from actors.process_manager.gate import Extras
from actors.process_manager.passing import HIGH_FD, listen_env
from actors.process_manager.spawn import SpawnFailed
from actors.settings import Workload
from actors.settings.instances import SocketAddress, socket_address

DOOR_NAME: Final = "listen.sock"
BACKLOG: Final = 4096
"""Connections that may wait to be taken; the kernel allows as many as net.core.somaxconn."""
_PATIENCE_S: Final = 2.0


class Shelf:
    """Owns the listening sockets, by their address as the config writes it.

    A second process, the holder, has them too, so that a new node finds them open: where no workload of it runs at the
    moment, the kernel would close them with the node, and refuse those who connect meanwhile.
    """

    def __init__(self, run_dir: Path, log: Log) -> None:
        """Take over what the holder of a former node has."""
        self._log = log
        self._door = run_dir / DOOR_NAME
        self._open: dict[str, socket.socket] = {}
        self._holder: subprocess.Popen[bytes] | None = None
        for address in self.held() or ():
            self._take(address)

    def renew(self, wanted: Collection[str]) -> None:
        """Close what no workload wants any more; what is new is opened when it is first passed on."""
        for address in [address for address in self._open if address not in wanted]:
            self._drop(address)

    def listens(self, workload: Workload) -> Extras:
        """What a process of the workload is given; the sockets, in order, are this object's and stay open.

        Raises: SpawnFailed.
        """
        sockets = workload.spec.sockets
        fds = [self._of(text, workload.name).fileno() for text in sockets.values()]
        return Extras(env=listen_env(sockets), sockets=fds)

    def held(self) -> list[str] | None:
        """From any thread: what the holder has; None when it does not answer."""
        answer = self._ask("names")
        return [str(name) for name in json.loads(answer[0])] if answer is not None and answer[0] else None

    def mend(self, held: list[str] | Exception | None) -> None:
        """Give the holder what it has not; one that does not answer is replaced. held: as held() gave it."""
        if isinstance(held, Exception):
            raise held
        if held is None and self._open:
            self._start_holder()
        for address, one in self._open.items():
            if address not in (held or ()):
                self._tell(f"keep {address}", one.fileno())

    @property
    def empty(self) -> bool:
        """Whether nobody listens."""
        return not self._open

    def end(self) -> None:
        """The node goes down with its workloads: nothing is to listen any more."""
        self._ask("end")
        self._door.unlink(missing_ok=True)
        self._let_go()
        for address in list(self._open):
            self._drop(address)

    def close(self) -> None:
        """Let go of what this process has; the holder keeps it."""
        for one in self._open.values():
            one.close()
        self._open.clear()
        self._let_go()

    def _let_go(self) -> None:
        """Forget the holder; one that lives outlives this object on purpose, of which Popen would complain."""
        if self._holder is not None and self._holder.poll() is None:
            self._holder.returncode = 0
        self._holder = None

    def _of(self, text: str, name: str) -> socket.socket:
        found = self._open.get(text)
        if found is None:
            try:
                found = lifted(listen(socket_address(text)))
            except OSError as error:
                reason = f"cannot listen on {text} for {name}: {error.strerror or error}"
                raise SpawnFailed(reason, retryable=True) from error
            self._open[text] = found
            if not self._tell(f"keep {text}", found.fileno()):
                self._start_holder()
                self._tell(f"keep {text}", found.fileno())
        return found

    def _drop(self, address: str) -> None:
        self._open.pop(address).close()
        self._tell(f"drop {address}")
        if address.startswith("unix:"):
            Path(address.removeprefix("unix:")).unlink(missing_ok=True)

    def _take(self, address: str) -> None:
        answer = self._ask(f"take {address}")
        if answer is not None and answer[1]:
            self._open[address] = lifted(socket.socket(fileno=answer[1][0]))

    def _start_holder(self) -> None:
        """The door is opened here, so that it can be spoken to at once; a holder that is there is replaced."""
        if self._holder is not None and self._holder.poll() is None:
            self._holder.kill()
        self._let_go()
        try:
            self._holder = _new_holder(self._door)
        except OSError as error:
            self._log.error("sockets.not_held", error=str(error), path=str(self._door))

    def _tell(self, line: str, fd: int | None = None) -> bool:
        """Say one line to the holder and wait for nothing; whether there is one."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
            link.settimeout(_PATIENCE_S)
            try:
                link.connect(str(self._door))
                socket.send_fds(link, [line.encode()], [fd] if fd is not None else [])
            except OSError:
                return False
        return True

    def _ask(self, line: str, fd: int | None = None) -> tuple[bytes, list[int]] | None:
        """Say one line to the holder; its answer and the descriptors with it. None: there is none, or it is mute."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
            link.settimeout(_PATIENCE_S)
            try:
                link.connect(str(self._door))
                socket.send_fds(link, [line.encode()], [fd] if fd is not None else [])
                answer, fds, _, _ = socket.recv_fds(link, 1 << 16, 1)
            except OSError:
                return None
            return answer, fds


def _new_holder(door_path: Path) -> subprocess.Popen[bytes]:
    """Start a holder that is spoken to at a path. Raises: OSError."""
    door_path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    door_path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
        door.bind(str(door_path))
        door_path.chmod(0o600)  # before anybody listens
        door.listen(64)
        return subprocess.Popen(
            [sys.executable, "-I", "-S", str(socket_holder.__file__), str(door.fileno()), str(door_path)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            pass_fds=[door.fileno()],
            start_new_session=True,
        )


def lifted(one: socket.socket) -> socket.socket:
    """The same socket at a descriptor from HIGH_FD on; as it is when the process may not have so many."""
    with contextlib.suppress(OSError):
        fd = fcntl.fcntl(one, fcntl.F_DUPFD_CLOEXEC, HIGH_FD)
        one.close()
        return socket.socket(fileno=fd)
    return one


def listen(address: SocketAddress) -> socket.socket:
    """Open a listening socket. A unix socket that nobody listens on any more is replaced. Raises: OSError."""
    if address.path:
        return _listen_unix(address.path)
    found = socket.getaddrinfo(
        address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | socket.AI_NUMERICSERV
    )
    family, kind, protocol, _, where = found[0]
    one = socket.socket(family, kind, protocol)
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6 and address.host == "::":
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        one.bind(where)
        one.listen(BACKLOG)
    except OSError:
        one.close()
        raise
    return one


def _listen_unix(path: str) -> socket.socket:
    one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _make_way(path)
        one.bind(path)
        one.listen(BACKLOG)
    except OSError:
        one.close()
        raise
    return one


def _make_way(path: str) -> None:
    """Remove a unix socket on which nobody listens any more. Raises: OSError when somebody does."""
    if not Path(path).is_socket():
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        try:
            other.connect(path)
        except ConnectionRefusedError:
            Path(path).unlink(missing_ok=True)
            return
    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
