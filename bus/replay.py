"""Facts asked for again: the frames of a request and of its end, and the side that answers.

A request is one frame on a DEALER to the publisher's third socket. The answers are the original three frames of each
message, at most PIECE_MESSAGES of them or PIECE_BYTES, then an end marker of three frames: `end`, an empty one, a map.
The reader asks for the next piece when it has this one, so it sets the pace. It has one request open per connection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Annotated, Final, Literal, Protocol

import msgspec
import zmq

from bus.codec import FRAME_BYTES_MAX, UNDECODABLE
from bus.errors import MalformedFrame
from bus.message import Stream
from bus.sockets import read_rest

PIECE_MESSAGES: Final = 512
PIECE_BYTES: Final = 1 << 20
TURN_MAX: Final = 16
"""Requests answered before the thread looks at its other sockets again."""
END: Final = b"end"
REQUEST_FRAMES: Final = 2
"""Identity and body."""

NUMBER_MAX: Final = (1 << 63) - 1
"""Of a fact, as the journal can say it."""

Frames = tuple[bytes, bytes, bytes]
Number = Annotated[int, msgspec.Meta(ge=0, le=NUMBER_MAX)]


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """kind: replay, of first to last, both included, or snapshot, the last value of every state."""

    kind: Literal["replay", "snapshot"]
    stream: int
    epoch: int
    first: Number = 0
    last: Number = 0


class End(msgspec.Struct, frozen=True, kw_only=True):
    """After the last answer. next: what to ask from for the rest, 0 when all was sent. gone: a range nobody has.

    at: for a snapshot, the number of the last fact sent in that stream when it was taken.
    """

    kind: str
    stream: int
    epoch: int
    next: int = 0
    gone: tuple[int, int] | None = None
    at: int = 0


_encode = msgspec.msgpack.Encoder().encode
_decode_request = msgspec.msgpack.Decoder(Request).decode
_decode_end = msgspec.msgpack.Decoder(End).decode


def encode_request(request: Request) -> bytes:
    """The one frame of a request."""
    return _encode(request)


def decode_request(frame: bytes) -> Request:
    """Read one.

    Raises: MalformedFrame.
    """
    try:
        request = _decode_request(frame)
        Stream(request.stream)
    except (*UNDECODABLE, ValueError) as error:
        msg = f"replay request: {error}"
        raise MalformedFrame(msg) from error
    return request


def decode_end(frame: bytes) -> End:
    """Read the third frame of the end marker.

    Raises: MalformedFrame.
    """
    if len(frame) > FRAME_BYTES_MAX:
        msg = f"replay end: {len(frame)} bytes"
        raise MalformedFrame(msg)
    try:
        return _decode_end(frame)
    except UNDECODABLE as error:
        msg = f"replay end: {error}"
        raise MalformedFrame(msg) from error


class Archive(Protocol):
    """Who still has what was sent."""

    def replay(self, request: Request) -> tuple[Iterable[Frames], End]:
        """One piece of a range."""

    def snapshot(self, request: Request) -> tuple[Iterable[Frames], End]:
        """One piece of the last values."""


def piece(entries: Iterable[tuple[int, int, Frames]], last: int) -> tuple[list[Frames], int, int]:
    """As many messages (first, count, frames) up to number last as one answer holds.

    Returns the frames, the first number sent and the number after the last one; both 0 when nothing was.
    """
    found: list[Frames] = []
    size = begin = end = 0
    for first, count, frames in entries:
        if first > last or (end and first != end) or len(found) >= PIECE_MESSAGES or size >= PIECE_BYTES:
            break
        found.append(frames)
        size += len(frames[0]) + len(frames[2])
        begin = begin or first
        end = first + count
    return found, begin, end


class ReplayServer:
    """Reads any number of ROUTER sockets, and answers. Lives in the I/O thread."""

    def __init__(self, archive: Archive, counters: dict[str, int]) -> None:
        """counters: replay_requests, replay_sent, replay_refused, malformed."""
        self._archive = archive
        self._counters = counters

    def read(self, socket: zmq.SyncSocket) -> None:
        """Answer what was asked."""
        for _ in range(TURN_MAX):
            try:
                frames = read_rest(socket, socket.recv(zmq.NOBLOCK), REQUEST_FRAMES)
            except zmq.Again:
                return
            try:
                request = decode_request(frames[1] if len(frames) == REQUEST_FRAMES else b"")
            except MalformedFrame:
                self._counters["malformed"] += 1
                continue
            self._counters["replay_requests"] += 1
            how = self._archive.replay if request.kind == "replay" else self._archive.snapshot
            found, end = how(request)
            self._answer(partial(_send, socket, frames[0]), found, end)

    def _answer(self, send: Callable[[Frames], None], found: Iterable[Frames], end: End) -> None:
        """All frames without waiting; who does not read its answers gets no more and asks again."""
        try:
            for frames in found:
                send(frames)
                self._counters["replay_sent"] += 1
            send((END, b"", _encode(end)))
        except zmq.ZMQError:  # gone, or its queue is full
            self._counters["replay_refused"] += 1


def _send(socket: zmq.SyncSocket, who: bytes, frames: Frames) -> None:
    send = socket.send
    send(who, zmq.SNDMORE | zmq.NOBLOCK)
    for frame in frames[:-1]:
        send(frame, zmq.SNDMORE | zmq.NOBLOCK)
    send(frames[-1], zmq.NOBLOCK)
