"""Takes values on the loopback: posted by HTTP, and as StatsD datagrams. One thread for all who hand in."""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import threading
import time
from typing import Final

from actors.monitor.pushhttp import Rejected, answer, posted_in
from actors.monitor.sources.intake import Intake, Unknown
from actors.monitor.statsd import items_in
from actors.settings.probes import tcp_address
from actors.settings.push import PushSettings

CLIENTS_MAX: Final = 64
"""Connections at the same time; who comes then waits until one is over."""
CLIENT_S: Final = 5.0
"""Seconds a connection may take as a whole."""
DATAGRAMS: Final = 200
"""Datagrams that are read before somebody else has his turn."""
_DATAGRAM_BYTES: Final = 65_536
_RECEIVE_BUFFER: Final = 1 << 20


class Listener:
    """Listens where the settings say; everything it hears goes to the intake.

    Raises: OSError with the address when one of them cannot be had.
    """

    def __init__(self, push: PushSettings, intake: Intake) -> None:
        self._intake = intake
        self._selector = selectors.DefaultSelector()
        self._clients: dict[socket.socket, _Client] = {}
        self._http: socket.socket | None = None
        self._hosts: frozenset[str] = frozenset()
        self._wake_out, self._wake_in = os.pipe()
        self._selector.register(self._wake_out, selectors.EVENT_READ)
        self._closed = threading.Event()
        try:
            self.http_port = self._listen_http(push.http)
            self.statsd_port = self._listen_statsd(push.statsd)
        except OSError:
            self._let_go()
            raise
        self._thread = threading.Thread(target=self._serve, name="push", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take nothing more, and let the addresses go."""
        if not self._closed.is_set():
            self._closed.set()
            os.write(self._wake_in, b"x")
            self._thread.join()
            self._let_go()

    def _let_go(self) -> None:
        for key in list(self._selector.get_map().values()):
            if isinstance(key.fileobj, socket.socket):
                key.fileobj.close()
        if self._http is not None:
            self._http.close()
        self._selector.close()
        os.close(self._wake_out)
        os.close(self._wake_in)

    def _listen_http(self, address: str | None) -> int:
        if address is None:
            return 0
        host, port = tcp_address(address)
        self._http = _bound(host, port, socket.SOCK_STREAM, address)
        self._http.listen(128)
        self._selector.register(self._http, selectors.EVENT_READ, self._accept)
        port = self._http.getsockname()[1]
        shown = f"[{host}]" if ":" in host else host
        self._hosts = frozenset({f"{shown}:{port}", f"127.0.0.1:{port}", f"[::1]:{port}", f"localhost:{port}"})
        return int(port)

    def _listen_statsd(self, address: str | None) -> int:
        if address is None:
            return 0
        host, port = tcp_address(address)
        link = _bound(host, port, socket.SOCK_DGRAM, address)
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        self._selector.register(link, selectors.EVENT_READ, self._datagrams)
        return int(link.getsockname()[1])

    # -- the thread

    def _serve(self) -> None:
        while not self._closed.is_set():
            for key, _ in self._selector.select(self._patience_s()):
                if key.data is not None:
                    key.data(key.fileobj)
            self._end_slow()

    def _patience_s(self) -> float | None:
        """Seconds until somebody is too slow; None when nobody is there."""
        ends = (client.ends_s for client in self._clients.values())
        first_s = min(ends, default=None)
        return None if first_s is None else max(0.0, first_s - time.monotonic())

    def _datagrams(self, link: socket.socket) -> None:
        for _ in range(DATAGRAMS):
            try:
                data = link.recv(_DATAGRAM_BYTES)
            except BlockingIOError:
                return
            for line in data.decode("utf-8", "replace").splitlines():
                if line.strip():
                    self._line(line)

    def _line(self, line: str) -> None:
        subject, dot, rest = line.strip().partition(".")
        if not dot or ":" in subject:
            self._intake.refuse(f"statsd: {line[:60]!r} is no WORKLOAD.METRIC:VALUE|TYPE")
            return
        try:
            self._intake.add(subject, items_in(rest))
        except (Unknown, ValueError) as error:
            self._intake.refuse(f"statsd: {error}")

    def _accept(self, door: socket.socket) -> None:
        try:
            link, _ = door.accept()
        except OSError:
            return
        link.setblocking(False)  # noqa: FBT003 - so it is called
        self._clients[link] = _Client(link, time.monotonic() + CLIENT_S)
        self._selector.register(link, selectors.EVENT_READ, self._read)
        if len(self._clients) >= CLIENTS_MAX:
            self._selector.unregister(door)

    def _read(self, link: socket.socket) -> None:
        client = self._clients[link]
        try:
            part = link.recv(_DATAGRAM_BYTES)
        except BlockingIOError:
            return
        except OSError:
            part = b""
        client.raw += part
        reply = self._reply(bytes(client.raw)) if part else b""
        if reply is None:
            return
        with contextlib.suppress(OSError):  # an answer is shorter than any buffer of a socket
            link.send(reply)
        self._end(link)

    def _reply(self, raw: bytes) -> bytes | None:
        """The answer; None while there is more to come."""
        try:
            posted = posted_in(raw, self._hosts)
            if posted is None:
                return None
            return answer(200, f"{self._intake.add(posted.subject, posted.items)} taken")
        except Rejected as error:
            return answer(error.status, str(error))
        except Unknown as error:
            return answer(404, str(error))

    def _end_slow(self) -> None:
        now_s = time.monotonic()
        for link in [link for link, client in self._clients.items() if client.ends_s <= now_s]:
            self._end(link)

    def _end(self, link: socket.socket) -> None:
        del self._clients[link]
        self._selector.unregister(link)
        link.close()
        if self._http is not None and self._http not in self._selector.get_map():
            self._selector.register(self._http, selectors.EVENT_READ, self._accept)


class _Client:
    """Somebody who posts. ends_s: monotonic second at which he was too slow."""

    def __init__(self, link: socket.socket, ends_s: float) -> None:
        self.link = link
        self.ends_s = ends_s
        self.raw = bytearray()


def _bound(host: str, port: int, kind: socket.SocketKind, address: str) -> socket.socket:
    family, _, _, _, place = socket.getaddrinfo(host, port, type=kind)[0]
    link = socket.socket(family, kind)
    try:
        link.setblocking(False)  # noqa: FBT003 - so it is called
        if kind == socket.SOCK_STREAM:
            link.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        link.bind(place)
    except OSError as error:
        link.close()
        raise OSError(error.errno, f"{address}: {error.strerror}") from None
    return link
