"""Sees who fails at the door of one socket before the handler is even asked: no CURVE, no ZeroMQ, no end in time.

ZeroMQ tells it through the socket's monitor. Lives in the I/O thread.
"""

from __future__ import annotations

import errno
import itertools
import os
import socket as net
import sys
from collections.abc import Callable
from typing import Final

import msgspec
import zmq

from bus.access import Door
from bus.rejections import Rejection

TURN_MAX: Final = 1_024
"""Events read before the other sockets have their turn."""

_MISMATCH: Final = 0x11000001  # ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH
_EVENTS: Final = (
    zmq.EVENT_ACCEPTED
    | zmq.EVENT_DISCONNECTED
    | zmq.EVENT_HANDSHAKE_SUCCEEDED
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
)
_WHY: Final = {
    errno.EPIPE: "left without proving a key (no CURVE, or not ours as server)",
    errno.ECONNRESET: "left without proving a key (no CURVE, or not ours as server)",
    errno.EAGAIN: "no handshake in time",
    errno.EFAULT: "nobody to ask: the handler is gone",
}
"""By errno, as ZeroMQ gives it where it has no more to say."""


_NUMBERS: Final = itertools.count(1)


class _Visit(msgspec.Struct):
    """A connection that is open. address: empty when it was gone before one could look."""

    address: str
    let_in_before: int


class DoorWatch:
    """Watches one listening socket. To be used by the thread that owns it, and closed before it.

    let_in: handshakes that succeeded. turned_away: those that did not, the handler's own refusals included.
    """

    def __init__(self, door: Door, socket: zmq.SyncSocket, rejected: Callable[[Rejection], None]) -> None:
        """To be made before the socket is bound."""
        self._door = door
        self._socket = socket
        self._rejected = rejected
        self._open: dict[int, _Visit] = {}
        self._failure: str | None = None
        self.let_in = 0
        self.turned_away = 0
        # Not id(self): the next watch may get that of one that is gone, while its name is still in use.
        name = f"inproc://door-{door}-{next(_NUMBERS)}"
        socket.monitor(name, _EVENTS)
        self.monitor: zmq.SyncSocket = socket.context.socket(zmq.PAIR)
        self.monitor.setsockopt(zmq.LINGER, 0)
        self.monitor.setsockopt(zmq.RCVHWM, 0)  # a full monitor would stop ZeroMQ's own thread
        try:
            self.monitor.connect(name)
        except BaseException:
            self.close()
            raise

    def read(self) -> None:
        """Take note of what happened at the door."""
        for _ in range(TURN_MAX):
            try:
                event = self.monitor.recv(zmq.NOBLOCK)
            except zmq.Again:
                return
            if self.monitor.getsockopt(zmq.RCVMORE):
                self.monitor.recv()
            self._take(int.from_bytes(event[:2], sys.byteorder), int.from_bytes(event[2:6], sys.byteorder))

    def close(self) -> None:
        """Stop watching. May be called again."""
        if not self.monitor.closed:
            self._socket.disable_monitor()
            self.monitor.close(linger=0)

    def _take(self, event: int, value: int) -> None:
        """The events of one connection come in order, and a failure right before the end it leads to."""
        if event == zmq.EVENT_ACCEPTED:
            self._open[value] = _Visit(_peer_of(value), self.let_in)
        elif event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
            self.let_in += 1
        elif event == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
            self._failure = ""  # the handler, which said no, has told it
        elif event == zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL:
            self._failure = "no CURVE" if value == _MISMATCH else f"handshake broken (protocol error {value:#x})"
        elif event == zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL:
            self._failure = _WHY.get(value) or f"no handshake ({os.strerror(value) if value else 'no reason given'})"
        elif event == zmq.EVENT_DISCONNECTED:
            self._ended(self._open.pop(value, None))

    def _ended(self, visit: _Visit | None) -> None:
        failure, self._failure = self._failure, None
        if failure is None and visit is not None and visit.let_in_before == self.let_in:
            failure = "no ZeroMQ"  # nobody at all was let in since it came: it was not either
        if failure is None:
            return
        self.turned_away += 1
        if failure:
            address = visit.address if visit is not None else ""
            self._rejected(Rejection(address=address, key="", door=self._door, why=failure))


def _peer_of(handle: int) -> str:
    """The address at the other end; empty when it is gone already."""
    try:
        connection = net.socket(fileno=handle)
    except OSError:
        return ""
    try:
        name = connection.getpeername()
    except OSError:
        return ""
    finally:
        connection.detach()
    return str(name[0]) if isinstance(name, tuple) else ""
