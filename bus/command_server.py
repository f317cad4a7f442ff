"""Commands that come in on ROUTER sockets, and the replies that go back. Lives in the I/O thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import zmq

from bus.access import Caller
from bus.carrier import Receiver
from bus.codec import decode_command, encode_reply, reply_of
from bus.envelope import RawReply
from bus.errors import CommandError, MalformedFrame
from bus.guard import caller_in
from bus.sockets import read_rest

TURN_MAX: Final = 256
"""Commands read from one socket before the others have their turn."""
FRAMES_MAX: Final = 3
"""Identity, an empty one when the asker is a REQ, body."""


class CommandServer:
    """Reads any number of ROUTER sockets. later: runs something in the I/O thread."""

    def __init__(
        self, receiver: Receiver, later: Callable[[Callable[[], None]], object], counters: dict[str, int]
    ) -> None:
        """counters: commands, answered, unanswerable, malformed, receiver_failed."""
        self._receiver = receiver
        self._later = later
        self._counters = counters

    def read(self, socket: zmq.SyncSocket) -> None:
        """Read commands; a reply goes back the way its command came, with the empty frame a REQ wants."""
        guarded = bool(socket.getsockopt(zmq.CURVE_SERVER))
        for _ in range(TURN_MAX):
            try:
                first = socket.recv(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            frames = read_rest(socket, first.bytes, FRAMES_MAX)
            way, body = frames[:-1], frames[-1]
            caller = caller_in(first) if guarded else None
            if not 1 <= len(way) < FRAMES_MAX or any(way[1:]) or (guarded and caller is None):
                self._counters["malformed"] += 1
                continue
            self._take(socket, way, body, caller)

    def _take(self, socket: zmq.SyncSocket, way: Sequence[bytes], body: bytes, caller: Caller | None) -> None:
        try:
            raw = decode_command(body)
        except MalformedFrame:
            self._counters["malformed"] += 1
            return
        self._counters["commands"] += 1

        def answer(reply: RawReply) -> None:
            self._later(partial(self._reply, socket, way, reply))

        try:
            self._receiver.receive_command(raw, answer, caller)
        except Exception:  # noqa: BLE001 - the receiver's fault does not end the thread
            self._counters["receiver_failed"] += 1

    def _reply(self, socket: zmq.SyncSocket, way: Sequence[bytes], reply: RawReply) -> None:
        try:
            frame = encode_reply(reply)
        except MalformedFrame as error:
            frame = encode_reply(reply_of(reply.id, CommandError(str(error))))
        try:
            for part in way:
                socket.send(part, zmq.SNDMORE | zmq.NOBLOCK)
            socket.send(frame, zmq.NOBLOCK)
        except zmq.ZMQError:  # whoever asked is gone, or does not read its answers; or the socket was closed
            self._counters["unanswerable"] += 1
        else:
            self._counters["answered"] += 1
