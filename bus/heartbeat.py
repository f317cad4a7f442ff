"""What a process says of itself once a second, and what that means. Pure.

Topic `hb.<node>.<epoch in hex>`, a header with count 0, and one map in place of the array of facts.
"""

from __future__ import annotations

from typing import Final

import msgspec

from bus.codec import FRAME_BYTES_MAX, HEADER, UNDECODABLE, VERSION
from bus.errors import MalformedFrame
from bus.message import Stream

HEARTBEAT_S: Final = 1.0
"""Seconds between two."""
GONE_AFTER_S: Final = 3.5
"""Seconds of silence after which a peer is gone: three are missed, and half a second for the way."""
TOPIC: Final = "hb."
"""What every heartbeat's topic begins with."""


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """Where a process is, as another one passes it on. key: its public CURVE key in Z85, empty without."""

    node: str
    facts: str = ""
    commands: str = ""
    replay: str = ""
    key: str = ""


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True):
    """One heartbeat.

    epoch: of the process. up_s: seconds since it started to send. targets: actors it has. last: by stream number, the
    stream's epoch and the number of the last fact sent (0: none yet). first: the number of the first one since this
    start. facts, commands, replay: its addresses. draining: it takes no new work. peers: whom it is connected to.
    """

    node: str
    epoch: int
    pid: int = 0
    up_s: float = 0.0
    targets: tuple[str, ...] = ()
    last: dict[int, tuple[int, int]] = {}
    first: dict[int, int] = {}
    facts: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    replay: tuple[str, ...] = ()
    draining: bool = False
    peers: tuple[Address, ...] = ()

    def position(self, stream: Stream) -> tuple[int, int] | None:
        """The stream's epoch and last number; None when it says nothing of that stream."""
        return self.last.get(int(stream))


_decode = msgspec.msgpack.Decoder(Heartbeat).decode


def encode_heartbeat(beat: Heartbeat) -> tuple[bytes, bytes, bytes]:
    """Topic, header and body."""
    topic = f"{TOPIC}{beat.node}.{beat.epoch:x}".encode("ascii")
    return topic, HEADER.pack(VERSION, Stream.FACTS, 0, beat.epoch, 0), msgspec.msgpack.encode(beat)


def decode_heartbeat(header: bytes, body: bytes) -> Heartbeat:
    """Read one.

    Raises: MalformedFrame.
    """
    if len(header) != HEADER.size or header[0] != VERSION or len(body) > FRAME_BYTES_MAX:
        msg = "heartbeat: no header of this version"
        raise MalformedFrame(msg)
    try:
        return _decode(body)
    except UNDECODABLE as error:
        msg = f"heartbeat: {error}"
        raise MalformedFrame(msg) from error
