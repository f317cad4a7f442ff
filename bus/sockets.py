"""How every ZeroMQ socket of the bus is set: bounded, watched, and never holding up an end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import zmq

from bus.codec import FRAME_BYTES_MAX

HIGH_WATER_MARK: Final = 10_000
"""Messages kept per peer in each direction; facts beyond it are lost to that peer, commands refused."""
HEARTBEAT_MS: Final = 1_000
"""Between two ZMTP heartbeats."""
HEARTBEAT_TIMEOUT_MS: Final = 3_000
"""Of silence after which a peer counts as gone and is connected anew."""
CONNECT_TIMEOUT_MS: Final = 1_000
"""For one attempt to connect; the default is the kernel's, minutes."""
RECONNECT_MS: Final = 100
RECONNECT_MS_MAX: Final = 1_000
HANDSHAKE_MS: Final = 5_000


def open_socket(context: zmq.SyncContext, kind: int) -> zmq.SyncSocket:
    """A socket with the options of the bus; LINGER is 0 until somebody has something to flush."""
    socket = context.socket(kind)
    for option, value in (
        (zmq.LINGER, 0),
        (zmq.MAXMSGSIZE, FRAME_BYTES_MAX),
        (zmq.SNDHWM, HIGH_WATER_MARK),
        (zmq.RCVHWM, HIGH_WATER_MARK),
        (zmq.HEARTBEAT_IVL, HEARTBEAT_MS),
        (zmq.HEARTBEAT_TIMEOUT, HEARTBEAT_TIMEOUT_MS),
        (zmq.HEARTBEAT_TTL, HEARTBEAT_TIMEOUT_MS),
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
