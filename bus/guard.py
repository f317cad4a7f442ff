"""The tcp sockets of a process: opened with keys only, watched, and opened anew when a key is revoked.

Lives in the I/O thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final, Protocol

import zmq

from bus.access import DOORS, Caller, Door, caller_of
from bus.doorwatch import DoorWatch
from bus.errors import BusError
from bus.security import Security
from bus.sockets import attach, open_door
from bus.zap import Zap

REBIND_TRIES: Final = 50
REBIND_S: Final = 0.001
"""Between two tries to bind a port that our former socket is just letting go of."""

Reader = tuple[zmq.SyncSocket, Callable[[], None]]


class House(Protocol):
    """Whose doors they are: the I/O thread."""

    def open_door(self, door: Door, socket: zmq.SyncSocket) -> None:
        """Use a socket too."""

    def shut_door(self, door: Door, socket: zmq.SyncSocket) -> None:
        """Use it no longer."""

    def wait_for(self, source: zmq.SyncSocket, read: Callable[[], object]) -> None:
        """Call read() when a socket that is no door has something."""

    def wait_no_more(self, source: zmq.SyncSocket) -> None:
        """Not any more."""


class Guard:
    """Owns the ZAP handler, and opens the tcp sockets at their addresses.

    Revocation closes a socket: ZeroMQ asks for keys only when a connection begins, and unbinding ends none.
    """

    def __init__(self, context: zmq.SyncContext, security: Security, addresses: Mapping[Door, Sequence[str]]) -> None:
        """addresses: tcp, by door; a port of `*` keeps the number it gets. Opens the handler, no door yet."""
        self._context = context
        self._security = security
        self._pause = threading.Event()
        self._watches: dict[Door, DoorWatch] = {}
        self._sockets: dict[Door, zmq.SyncSocket] = {}
        self._shut: set[Door] = set()
        self._house: House | None = None
        self._past = {"let_in": 0, "turned_away": 0}
        self.addresses: dict[Door, list[str]] = {door: list(addresses.get(door, ())) for door in DOORS}
        """As bound, once a door was opened."""
        self.zap = Zap(context, lambda: security.allowed, security.rejected)

    def open(self, door: Door) -> zmq.SyncSocket:
        """A socket that listens at the addresses of a door.

        Raises: BusError when an address cannot be had.
        """
        socket = open_door(self._context, door)
        watch: DoorWatch | None = None
        try:
            self._security.guard(socket, door)
            watch = DoorWatch(door, socket, self._security.rejected)
            self.addresses[door] = [self._bind(socket, address) for address in self.addresses[door]]
        except BaseException as error:
            if watch is not None:
                watch.close()
            socket.close(linger=0)
            if isinstance(error, zmq.ZMQError):
                msg = f"cannot open the door of {door}: {error.strerror}"
                raise BusError(msg) from error
            raise
        self._watches[door], self._sockets[door] = watch, socket
        return socket

    def shut(self, door: Door) -> None:
        """Close a door's socket, and with it every connection that came in there."""
        watch = self._watches.pop(door)
        watch.read()
        self._past["let_in"] += watch.let_in
        self._past["turned_away"] += watch.turned_away
        if self._house is not None:
            self._house.shut_door(door, self._sockets[door])
            self._house.wait_no_more(watch.monitor)
        watch.close()
        self._sockets.pop(door).close(linger=0)

    def attach(self, house: House) -> None:
        """The thread that from now on reads the handler, the monitors and, by itself, the doors that are open."""
        self._house = house
        for source, read in self.readers():
            house.wait_for(source, read)

    def tick(self) -> frozenset[Door]:
        """Read the keys again when they changed; shut the doors that a revoked key may have used, and open them anew.

        The doors that were shut. One whose address cannot be had at once is tried again at the next tick.
        """
        closing = frozenset(door for door in self._security.look() if door in self._sockets)
        for door in closing:
            self.shut(door)
        self._shut |= closing
        for door in sorted(self._shut):
            with suppress(BusError):
                self._reopen(door)
        return closing

    def _reopen(self, door: Door) -> None:
        socket = self.open(door)
        self._shut.discard(door)
        if self._house is not None:
            self._house.open_door(door, socket)
            self._house.wait_for(self._watches[door].monitor, self._watches[door].read)

    def readers(self) -> list[Reader]:
        """What to poll and what to call then; another list after every open() and shut()."""
        return [(self.zap.socket, self.zap.read), *((one.monitor, one.read) for one in self._watches.values())]

    @property
    def counters(self) -> dict[str, int]:
        """let_in: connections whose key was accepted. turned_away: those that were not, for whatever reason."""
        found = dict(self._past)
        for watch in list(self._watches.values()):
            found["let_in"] += watch.let_in
            found["turned_away"] += watch.turned_away
        return found

    def close(self) -> None:
        """Close the handler and the monitors; who has the sockets closes them afterwards. May be called again."""
        for watch in self._watches.values():
            watch.close()
        self.zap.close()

    def _bind(self, socket: zmq.SyncSocket, address: str) -> str:
        for left in range(REBIND_TRIES, -1, -1):
            try:
                return attach(socket.bind, socket, address)
            except zmq.ZMQError as error:
                if error.errno != zmq.EADDRINUSE or not left:
                    msg = f"cannot use {address}: {error.strerror}"
                    raise BusError(msg) from error
                self._pause.wait(REBIND_S)
        raise AssertionError


def caller_in(frame: zmq.Frame) -> Caller | None:
    """Who sent a frame that came in at a guarded socket; None when no handler vouched for it."""
    try:
        user = frame.get("User-Id")
    except zmq.ZMQError:
        return None
    return caller_of(user) if isinstance(user, str) else None
