"""What becomes of a connecting socket's connections: whether they stand, and new ones for those ZeroMQ gives up.

ZeroMQ comes back from a lost connection, but not from bytes it cannot read: a frame beyond MAXMSGSIZE, or another
program answering at a port while its node is down, ends a session for good (libzmq, session_base_t::engine_error).
Its option IMMEDIATE would keep messages from waiting for a later node, but loses answers that came in just before the
other side closed (measured: 44 of 1,000); so senders ask `connected` here instead.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from typing import Final

import zmq

from bus.heartbeat import GONE_AFTER_S
from bus.sockets import attach

PATIENCE_S: Final = 0.5
"""Seconds after a disconnection within which ZeroMQ's own retry is announced; it is announced at once."""

_ENDED: Final = (
    zmq.EVENT_DISCONNECTED
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
)
_STANDS: Final = zmq.EVENT_HANDSHAKE_SUCCEEDED
_GOES_ON: Final = zmq.EVENT_CONNECT_RETRIED | zmq.EVENT_CONNECT_DELAYED | zmq.EVENT_CONNECTED


class Link:
    """Watches one connecting socket. To be used by the thread that owns it, and closed before it.

    connected: whether the connection stands; only of use to a socket that has one.
    """

    def __init__(self, socket: zmq.SyncSocket, monotonic: Callable[[], float]) -> None:
        """To be made before the socket connects, else what happens until then is not seen."""
        self.connected = False
        self._socket = socket
        self._monotonic = monotonic
        self._ended_s: dict[str, float] = {}
        self._renewed_s = monotonic()
        self.monitor: zmq.SyncSocket = socket.get_monitor_socket(_ENDED | _STANDS | _GOES_ON)
        self.monitor.setsockopt(zmq.LINGER, 0)

    def read(self) -> bool:
        """Take note of what happened; True when a connection that stood was lost.

        What came in over it can still be read from the socket.
        """
        lost = False
        with contextlib.suppress(zmq.Again):
            while True:
                event = int.from_bytes(self.monitor.recv(zmq.NOBLOCK)[:2], sys.byteorder)
                address = self.monitor.recv().decode() if self.monitor.getsockopt(zmq.RCVMORE) else ""
                if event & _ENDED:
                    lost = lost or self.connected
                    self.connected = False
                    self._ended_s[address] = self._monotonic()
                else:
                    self.connected = self.connected or event == _STANDS
                    self._ended_s.pop(address, None)
        return lost

    def mend(self) -> int:
        """Begin anew the connections that have ended for good; how many."""
        self.read()
        now_s = self._monotonic()
        over = [address for address, ended_s in self._ended_s.items() if now_s - ended_s >= PATIENCE_S]
        for address in over:
            self.renew(address)
        return len(over)

    def mend_silent(self, address: str, heard_s: float) -> int:
        """As mend(), and begin anew the connection to an address when its peer has been silent for GONE_AFTER_S.

        A socket that only reads never learns that a cable was cut; the other side's farewell comes when TCP sends it
        again, as long after the mending as the cut lasted. heard_s: when something last came, monotonic seconds.
        """
        renewed = self.mend()
        if self._monotonic() - max(heard_s, self._renewed_s) > GONE_AFTER_S:
            self.renew(address)
            renewed += 1
        return renewed

    def renew(self, address: str) -> None:
        """Give up a connection, with all that waits in it in either direction, and begin it anew."""
        self.connected = False
        self._renewed_s = self._monotonic()
        self._ended_s.pop(address, None)
        with contextlib.suppress(zmq.ZMQError):  # ZeroMQ may have forgotten the address with its session
            self._socket.disconnect(address)
        attach(self._socket.connect, self._socket, address)

    def close(self) -> None:
        """Stop watching."""
        self._socket.disable_monitor()
        self.monitor.close(linger=0)
