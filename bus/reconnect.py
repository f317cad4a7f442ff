"""Connects anew what ZeroMQ gives up: it comes back from a lost connection, but not from bytes it cannot read.

A frame beyond MAXMSGSIZE, or another program answering at a port while its node is down, ends a connecting socket's
session for good (libzmq, session_base_t::engine_error). Told by a monitor: a disconnection with no retry after it.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from typing import Final

import zmq

from bus.sockets import attach

PATIENCE_S: Final = 0.5
"""Seconds after a disconnection within which ZeroMQ's own retry is announced; it is announced at once."""

_ENDED: Final = (
    zmq.EVENT_DISCONNECTED
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
)
_GOES_ON: Final = zmq.EVENT_CONNECT_RETRIED | zmq.EVENT_CONNECT_DELAYED | zmq.EVENT_CONNECTED


class Reconnector:
    """Watches one connecting socket. To be used by the thread that owns it, and closed before it."""

    def __init__(self, socket: zmq.SyncSocket, monotonic: Callable[[], float]) -> None:
        """To be made before the socket connects, else what happens until then is not seen."""
        self._socket = socket
        self._monotonic = monotonic
        self._ended_s: dict[str, float] = {}
        self.monitor: zmq.SyncSocket = socket.get_monitor_socket(_ENDED | _GOES_ON)
        self.monitor.setsockopt(zmq.LINGER, 0)

    def read(self) -> None:
        """Take note of what happened to the connections."""
        with contextlib.suppress(zmq.Again):
            while True:
                event = int.from_bytes(self.monitor.recv(zmq.NOBLOCK)[:2], sys.byteorder)
                address = self.monitor.recv().decode() if self.monitor.getsockopt(zmq.RCVMORE) else ""
                if event & _ENDED:
                    self._ended_s[address] = self._monotonic()
                else:
                    self._ended_s.pop(address, None)

    def mend(self) -> int:
        """Connect anew what has ended for good; how many."""
        self.read()
        now_s = self._monotonic()
        over = [address for address, ended_s in self._ended_s.items() if now_s - ended_s >= PATIENCE_S]
        for address in over:
            del self._ended_s[address]
            self.renew(address)
        return len(over)

    def renew(self, address: str) -> None:
        """Give up a connection and begin it anew."""
        with contextlib.suppress(zmq.ZMQError):  # ZeroMQ may have forgotten the address with its session
            self._socket.disconnect(address)
        attach(self._socket.connect, self._socket, address)

    def close(self) -> None:
        """Stop watching."""
        self._socket.disable_monitor()
        self.monitor.close(linger=0)
