"""The thread that serves: one event loop, one listening socket, and patience with nobody."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
from collections.abc import Callable
from typing import Any, Final

import msgspec
import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from actors.gateway.problems import MEDIA, Problem

HEAD_MAX: Final = 32_768
"""Bytes that the head of a request may have."""
GRACE_S: Final = 1
"""Seconds that answers under way have at the end."""
JOIN_S: Final = 4.0
TICK_S: Final = 1.0


class Limits(msgspec.Struct, frozen=True):
    """Of one connection and of all. Seconds. refused: (status, method, path, address, why)."""

    request_s: float
    idle_s: float
    connections: int
    refused: Callable[[int, str, str, str, str], None]
    monotonic: Callable[[], float]


class Tls(msgspec.Struct, frozen=True):
    """Paths of PEM files."""

    certificate: str
    key: str


class Connection(HttpToolsProtocol):
    """One connection. A request has to come in whole within its time, and its head may not be endless."""

    limits: Limits

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.quiet_s = self.limits.monotonic()
        self._head = 0
        self._in_head = True
        self._timer: asyncio.TimerHandle | None = None
        self._begin_timer()
        if len(self.connections) > self.limits.connections:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self.quiet_s = self.limits.monotonic()
        if self._in_head:
            self._head += len(data)
        super().data_received(data)
        if self._in_head and self._head > HEAD_MAX and not self.transport.is_closing():
            self._refuse(431, f"the head of the request has more than {HEAD_MAX} bytes")
        elif self._idle and self._timer is None and self.timeout_keep_alive_task is None:
            self._begin_timer()  # empty lines only: they are no request

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._begin_timer()

    def on_headers_complete(self) -> None:
        self._in_head, self._head = False, 0
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._end_timer()
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """What cannot be read is answered as everything else that is refused."""
        self._refuse(400, msg)

    @property
    def _idle(self) -> bool:
        """Whether no answer is under way."""
        return bool(getattr(self.cycle, "response_complete", True))

    def _begin_timer(self) -> None:
        self._end_timer()
        self._timer = self.loop.call_later(self.limits.request_s, self._too_slow)

    def _end_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self) -> None:
        self._timer = None
        if self.transport.is_closing():
            return
        if self._idle:
            self._refuse(408, f"the request did not come in within {self.limits.request_s:g} s")
        else:
            self.transport.close()

    def _make_room(self) -> None:
        """End the one that has been quiet for longest; an answer under way is not cut off for a newcomer."""
        others = [each for each in self.connections if each is not self and each._idle]  # type: ignore[union-attr] # noqa: SLF001
        oldest = min(others, key=lambda each: each.quiet_s, default=self)  # type: ignore[union-attr]
        if oldest is self:
            self._refuse(503, f"there are {self.limits.connections} connections already")
        else:
            oldest.transport.close()

    def _refuse(self, status: int, why: str) -> None:
        """Answer without a request, and end."""
        self._end_timer()
        self.limits.refused(status, "", "", self.client[0] if self.client else "", why)
        body = Problem(status, why).body("")
        head = (
            STATUS_LINE[status],
            f"content-type: {MEDIA}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n".encode(),
        )
        self.transport.write(b"".join((*head, body)))
        self.transport.close()


class Server(uvicorn.Server):
    """Wakes once a second, for the time in its answers, and when it is over; its parent wakes ten times."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.over = asyncio.Event()

    async def main_loop(self) -> None:
        """Until it is over."""
        await self.on_tick(0)
        while not self.over.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.over.wait(), TICK_S)
            await self.on_tick(0)
        self.should_exit = True


class Serving:
    """Serves an application from a thread of its own until close().

    make: called in that thread with its loop; gives the application and what is to be called, in the loop, when the end
    begins. died: called from that thread when it ends by an error.
    """

    def __init__(
        self,
        listener: socket.socket,
        make: Callable[[asyncio.AbstractEventLoop], tuple[Any, Callable[[], None]]],
        limits: Limits,
        tls: Tls | None,
        died: Callable[[Exception], None],
    ) -> None:
        self._listener = listener
        self._make = make
        self._limits = limits
        self._tls = tls
        self._died = died
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end: Callable[[], None] | None = None
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="gateway-http", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End what is under way, and wait for the thread."""
        with self._lock:
            self._ended = True
            if self._loop is not None and self._end is not None:
                self._loop.call_soon_threadsafe(self._end)
        self._thread.join(JOIN_S)
        self._listener.close()

    def call(self, function: Callable[..., None], *args: Any) -> None:
        """From any thread: have it called in the loop; nothing when that has ended."""
        with self._lock:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(function, *args)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:  # noqa: BLE001 - the end of a thread: the actor hears of it
            self._died(error)

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        app, end = self._make(loop)
        server = Server(self._config(app))

        def stop() -> None:
            end()
            server.over.set()

        with self._lock:
            self._loop, self._end = loop, stop
            if self._ended:
                server.over.set()
        try:
            await server.serve(sockets=[self._listener])
        finally:
            with self._lock:
                self._loop = None

    def _config(self, app: Any) -> uvicorn.Config:
        kind = type("LimitedConnection", (Connection,), {"limits": self._limits})
        tls: dict[str, Any] = (
            {} if self._tls is None else {"ssl_certfile": self._tls.certificate, "ssl_keyfile": self._tls.key}
        )
        return uvicorn.Config(
            app,
            http=kind,
            ws="none",
            lifespan="off",
            loop="asyncio",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=self._limits.idle_s,  # type: ignore[arg-type] # it takes fractions too
            timeout_graceful_shutdown=GRACE_S,
            backlog=512,
            **tls,
        )


class Ear(logging.Handler):
    """Hears the server's own errors; without one they would go to stderr."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        super().__init__(logging.ERROR)
        self._tell = tell
        self._logger = logging.getLogger("uvicorn")
        self._logger.propagate = False
        self._logger.addHandler(self)

    def close(self) -> None:
        """Hear no more."""
        self._logger.removeHandler(self)
        super().close()

    def emit(self, record: logging.LogRecord) -> None:
        """Pass one on."""
        error = record.exc_info[1] if record.exc_info else None
        self._tell(f"{record.getMessage().strip()}" + (f": {type(error).__name__}: {error}" if error else ""))


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises: OSError when the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # named, or asyncio leaves Nagle on
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((host, port))
        found.listen(512)
        found.setblocking(False)  # noqa: FBT003 - as it is
    except OSError:
        found.close()
        raise
    return found
