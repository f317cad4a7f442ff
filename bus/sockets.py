"""How every ZeroMQ socket of the bus is set: bounded, watched, and never holding up an end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import zmq

from bus.access import Door
from bus.codec import FRAME_BYTES_MAX

HIGH_WATER_MARK: Final = 10_000
"""Messages kept per peer in each direction; commands beyond it are refused."""
FACTS_HIGH_WATER_MARK: Final = 1_000
"""Of facts, up to 64 in each message: a slow reader costs its publisher 13 MB of facts of 200 bytes, and is given the
rest by replay."""
HEARTBEAT_MS: Final = 1_000
"""Between two ZMTP heartbeats."""
HEARTBEAT_TIMEOUT_MS: Final = 3_000
"""Of silence after which a peer counts as gone and is connected anew."""
FACTS_TIMEOUT_MS: Final = 10_000
"""The same for a reader of facts, by its publisher only. A reader that is behind stops reading, and libzmq 4.3.5 aborts
the process when a heartbeat of the reading side then runs out (zeromq/libzmq issues 3937, 4767); it goes by the
bus's own heartbeats instead."""
CONNECT_TIMEOUT_MS: Final = 1_000
"""For one attempt to connect; the default is the kernel's, minutes."""
RECONNECT_MS: Final = 100
RECONNECT_MS_MAX: Final = 1_000
HANDSHAKE_MS: Final = 5_000

_DOORS: Final[dict[Door, tuple[int, int]]] = {
    "facts": (zmq.XPUB, zmq.XPUB_VERBOSE),  # every new reader shows, so that it gets a heartbeat at once
    "commands": (zmq.ROUTER, zmq.ROUTER_MANDATORY),
    "replay": (zmq.ROUTER, zmq.ROUTER_MANDATORY),
}


def open_door(context: zmq.SyncContext, door: Door) -> zmq.SyncSocket:
    """A socket through which others come in, not bound yet."""
    kind, option = _DOORS[door]
    socket = open_socket(context, kind)
    socket.setsockopt(option, 1)
    return socket


def open_socket(context: zmq.SyncContext, kind: int) -> zmq.SyncSocket:
    """A socket with the options of the bus; LINGER is 0 until somebody has something to flush."""
    socket = context.socket(kind)
    facts = kind in (zmq.XPUB, zmq.SUB)
    high_water_mark = FACTS_HIGH_WATER_MARK if facts else HIGH_WATER_MARK
    for option, value in (
        (zmq.LINGER, 0),
        (zmq.MAXMSGSIZE, FRAME_BYTES_MAX),
        (zmq.SNDHWM, high_water_mark),
        (zmq.RCVHWM, high_water_mark),
        (zmq.HEARTBEAT_IVL, 0 if kind == zmq.SUB else HEARTBEAT_MS),
        (zmq.HEARTBEAT_TIMEOUT, FACTS_TIMEOUT_MS if facts else HEARTBEAT_TIMEOUT_MS),
        (zmq.HEARTBEAT_TTL, 0 if facts else HEARTBEAT_TIMEOUT_MS),
        (zmq.CONNECT_TIMEOUT, CONNECT_TIMEOUT_MS),
        (zmq.RECONNECT_IVL, RECONNECT_MS),
        (zmq.RECONNECT_IVL_MAX, RECONNECT_MS_MAX),
        (zmq.HANDSHAKE_IVL, HANDSHAKE_MS),
    ):
        socket.setsockopt(option, value)
    return socket


def attach(how: Callable[[str], object], socket: zmq.SyncSocket, address: str) -> str:
    """Bind or connect (how: the socket's own method); the address as it came out, a port of `*` filled in.

    Raises: zmq.ZMQError.
    """
    socket.setsockopt(zmq.IPV6, int("[" in address))
    how(address)
    return socket.getsockopt_string(zmq.LAST_ENDPOINT)


def read_rest(socket: zmq.SyncSocket, first: bytes, most: int) -> list[bytes]:
    """All frames of the message whose first one was read; those beyond `most` are read and thrown away, except one.

    A result longer than `most` therefore means: too many.
    """
    frames = [first]
    while socket.getsockopt(zmq.RCVMORE):
        frame = socket.recv()
        if len(frames) <= most:
            frames.append(frame)
    return frames
