"""Asks one publisher for what is missing: one request at a time, again when no answer comes.

Owns the DEALER socket to the publisher's third address. Used by the thread of its reader.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final

import zmq

from bus.carrier import Peer
from bus.errors import BusError, MalformedFrame
from bus.kit import Kit
from bus.replay import END, End, Request, decode_end, encode_request
from bus.sockets import read_rest

TIMEOUT_S: Final = 2.0
"""Seconds without an answer, then the request is made anew."""
FRAMES: Final = 3
TURN_MAX: Final = 256


class ReplayAsker:
    """take(request, topic, header, body): one answer; it may raise MalformedFrame. end(request, end): the last one.

    ready(): called when it can ask again.
    """

    def __init__(
        self,
        peer: Peer,
        kit: Kit,
        take: Callable[[Request, tuple[bytes, bytes, bytes]], None],
        end: Callable[[Request, End], None],
        ready: Callable[[], None],
    ) -> None:
        self._peer = peer
        self._kit = kit
        self._take = take
        self._end = end
        self._ready = ready
        self._socket: zmq.SyncSocket | None = None
        self._open: tuple[Request, float] | None = None
        self._waiting_s: float | None = None
        self.address = peer.replay
        """Where it asks; empty when that is not known, and then nothing can be asked."""

    @property
    def busy(self) -> bool:
        """Whether a request is open."""
        return self._open is not None

    def failing_s(self) -> float:
        """Seconds since a request first had no answer; 0 when the last one had."""
        return 0.0 if self._waiting_s is None else self._kit.monotonic() - self._waiting_s

    def ask(self, request: Request) -> None:
        """Send a request, as soon as there is a connection."""
        socket = self._socket or self._connect()
        if socket is None:
            return
        if self._waiting_s is None:
            self._waiting_s = self._kit.monotonic()
        try:
            socket.send(encode_request(request), zmq.NOBLOCK)
        except zmq.Again:
            self._kit.polling.also_writable(socket, wanted=True)
            return
        self._kit.counters["asked_again"] += 1
        self._open = (request, self._kit.monotonic())

    def forgive(self) -> None:
        """We were away ourselves: what had no answer since then counts from now."""
        if self._waiting_s is not None:
            self._waiting_s = self._kit.monotonic()

    def tick(self) -> bool:
        """Give up a request that has no answer; whether it did. A late answer to it goes nowhere."""
        if self._open is None or self._kit.monotonic() - self._open[1] <= TIMEOUT_S:
            return False
        self._kit.counters["replay_timeouts"] += 1
        self.close()
        return True

    def close(self) -> None:
        """Close the socket, and with it the open request; ask() opens it anew."""
        self._open = None
        if self._socket is not None:
            self._kit.polling.remove(self._socket)
            self._socket.close(linger=0)
            self._socket = None

    def _connect(self) -> zmq.SyncSocket | None:
        if not self.address:
            return None
        socket = self._kit.open(zmq.DEALER)
        socket.setsockopt(zmq.IMMEDIATE, 1)  # a request waits here until there is a connection, not in ZeroMQ
        try:
            self._kit.connect(socket, self.address, self._peer)
        except BusError:
            socket.close(linger=0)
            self.address = ""
            return None
        self._socket = socket
        self._kit.polling.add(socket, self._read)
        return socket

    def _read(self) -> None:
        socket = self._socket
        if socket is None:
            return
        could_not_send = self._open is None
        with suppress(zmq.Again):
            for _ in range(TURN_MAX):
                frames = read_rest(socket, socket.recv(zmq.NOBLOCK), FRAMES)
                if self._open is None:  # nobody asked for it; left unread it would wake us up for ever
                    self._kit.counters["malformed"] += 1
                else:
                    self._take_frames(self._open[0], frames)
        if could_not_send:
            self._kit.polling.also_writable(socket, wanted=False)
            self._ready()

    def _take_frames(self, request: Request, frames: list[bytes]) -> None:
        self._waiting_s = None
        try:
            if len(frames) != FRAMES:
                self._kit.counters["malformed"] += 1
            elif frames[0] == END:
                end = decode_end(frames[2])
                self._open = None
                self._end(request, end)
            else:
                self._open = (request, self._kit.monotonic())
                self._take(request, (frames[0], frames[1], frames[2]))
        except MalformedFrame:
            self._kit.counters["malformed"] += 1
