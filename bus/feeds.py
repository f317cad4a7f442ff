"""Where a Subscriber's facts come from: whole streams with nothing lost, or a plain subscription. No thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final, Protocol

import msgspec
import zmq

from bus.addresses import is_tcp
from bus.carrier import Lost, Peer, Since
from bus.codec import decode_header
from bus.curve import Keys, connect_with
from bus.errors import BusError, MalformedFrame
from bus.kit import READER_COUNTERS, Kit, Message, Wishes
from bus.link import Link
from bus.polling import Polling
from bus.reader import Reader
from bus.sockets import attach, open_socket, read_rest

QUEUE_MAX: Final = 10_000
"""Events that wait for the tool; beyond it nothing is read, and what the publisher drops then is replayed."""
NODES_MAX: Final = 256
"""Processes followed at once."""
FRAMES: Final = 3
"""Topic, header, body."""

Deliver = Callable[[Message, int], None]


class Feed(Protocol):
    """Where messages come from.

    lost: facts known to be missing; lag: facts sent and not given on; each None when that cannot be known.
    """

    counters: dict[str, int]

    @property
    def lost(self) -> int | None:
        """Facts known to be missing."""

    @property
    def lag(self) -> int | None:
        """Facts known to have been sent and not given on."""

    @property
    def nodes(self) -> list[str]:
        """Nodes whose heartbeats came."""

    def connect(self, peers: Sequence[Peer]) -> None:
        """Read these publishers, and no other that was named before. Raises: BusError."""

    def wait(self, rest_s: float) -> None:
        """Read what is there, or wait for something for rest_s seconds at most."""

    def tick(self) -> None:
        """See to the connections."""

    def close(self) -> None:
        """Close the sockets. May be called again."""


class _Sockets:
    """A context, and how its sockets connect."""

    def __init__(self, keys: Keys | None) -> None:
        self.context: zmq.SyncContext = zmq.Context()
        self.keys = keys

    def connect(self, socket: zmq.SyncSocket, address: str, peer: Peer) -> None:
        """Raises: BusError."""
        try:
            connect_with(socket, address, self.keys, peer.key)
            attach(socket.connect, socket, address)
        except zmq.ZMQError as error:
            msg = f"cannot use {address}: {error.strerror}"
            raise BusError(msg) from error


class WholeFeed:
    """Whole streams of the publishers, and of every process they say they are connected to."""

    def __init__(self, keys: Keys | None, deliver: Deliver, waiting: Callable[[], int], since: Since) -> None:
        """waiting: how many events wait for the tool."""
        self.counters = dict.fromkeys(READER_COUNTERS, 0)
        self._sockets = _Sockets(keys)
        self._polling = Polling()
        self._kit = Kit(
            partial(open_socket, self._sockets.context),
            self._sockets.connect,
            self._polling,
            time.monotonic,
            self.counters,
        )
        self._wishes = Wishes(lambda _: True, deliver, self._note_lost, lambda: waiting() >= QUEUE_MAX)
        self._waiting = waiting
        self._since: Since = since
        self._named: dict[Peer, Reader] = {}
        self._found: dict[Peer, Reader] = {}
        self.losses: list[Lost] = []

    @property
    def lost(self) -> int:
        """Facts that are gone for good."""
        return self.counters["lost"]

    @property
    def nodes(self) -> list[str]:
        """Nodes whose heartbeats came."""
        return sorted({reader.beat.node for reader in self._readers if reader.beat})

    @property
    def lag(self) -> int:
        """Facts known to have been sent and not given on."""
        return sum(sum(reader.lag().values()) for reader in self._readers)

    def connect(self, peers: Sequence[Peer]) -> None:
        """Read these, and no other that was named before."""
        for peer in [each for each in self._named if each not in peers]:
            self._named.pop(peer).close()
        for peer in peers:
            if peer not in self._named:
                self._named[peer] = self._read(peer)

    def wait(self, rest_s: float) -> None:
        """Read what is there."""
        for reader in self._readers:
            if reader.paused and not self._waiting():
                reader.go_on()
                if self._waiting():
                    return
        for read in self._polling.wait(int(rest_s * 1000) + (rest_s > 0)):
            read()

    def tick(self) -> None:
        """See to the connections, and to processes that are new."""
        for reader in self._readers:
            reader.tick()
        self._part_from_doubles()
        known = {reader.peer.facts for reader in self._readers}
        here = {reader.beat.node for reader in self._readers if reader.beat and not is_tcp(reader.peer.facts)}
        for reader in self._readers:
            for address in reader.beat.peers if reader.beat else ():
                if is_tcp(address.facts) and address.node in here:
                    continue  # the other nodes' way to the one we read over ipc
                if address.facts not in known and self._reachable(address.facts) and len(known) < NODES_MAX:
                    known.add(address.facts)
                    peer = Peer(address.node, address.facts, replay=address.replay, key=address.key)
                    try:
                        self._found[peer] = self._read(peer)
                    except BusError:
                        continue

    def close(self) -> None:
        """Close the sockets."""
        for reader in self._readers:
            reader.close()
        self._sockets.context.term()

    @property
    def _readers(self) -> list[Reader]:
        return [*self._named.values(), *self._found.values()]

    def _read(self, peer: Peer) -> Reader:
        reader = Reader(msgspec.structs.replace(peer, since=self._since), self._kit, self._wishes)
        reader.want_facts()
        return reader

    def _reachable(self, facts: str) -> bool:
        """Whether a process elsewhere may be tried: over tcp with keys, over ipc when it is on this machine."""
        if is_tcp(facts):
            return self._sockets.keys is not None
        try:
            return Path(facts.removeprefix("ipc://")).is_socket()
        except OSError:  # in a directory of another user, or no path at all
            return False

    def _part_from_doubles(self) -> None:
        """A process that is reached by two addresses would tell everything twice."""
        known = {(reader.beat.node, reader.beat.epoch) for reader in self._named.values() if reader.beat}
        for peer, reader in list(self._found.items()):
            who = (reader.beat.node, reader.beat.epoch) if reader.beat else None
            if who in known:
                self._found.pop(peer).close()
            elif who is not None:
                known.add(who)

    def _note_lost(self, lost: Lost) -> None:
        self.losses = [*self.losses[-99:], lost]


class PlainFeed:
    """What ZeroMQ lets through of the wanted prefixes; what it drops is not noticed."""

    lost = None
    lag = None

    def __init__(self, keys: Keys | None, deliver: Deliver, prefixes: Sequence[bytes]) -> None:
        self.counters = {"malformed": 0, "reconnected": 0}
        self.nodes: list[str] = []
        self._deliver = deliver
        self._sockets = _Sockets(keys)
        self._socket = open_socket(self._sockets.context, zmq.SUB)
        self._link = Link(self._socket, time.monotonic)
        self._connected: list[Peer] = []
        for prefix in prefixes:
            self._socket.setsockopt(zmq.SUBSCRIBE, prefix)

    def connect(self, peers: Sequence[Peer]) -> None:
        """Read these, and no other that was named before."""
        for peer in [each for each in self._connected if each not in peers]:
            self._connected.remove(peer)
            self._socket.disconnect(peer.facts)
        for peer in [each for each in peers if each not in self._connected]:
            self._sockets.connect(self._socket, peer.facts, peer)
            self._connected.append(peer)

    def wait(self, rest_s: float) -> None:
        """Read one message."""
        if not self._socket.poll(int(rest_s * 1000) + (rest_s > 0)):
            return
        frames = read_rest(self._socket, self._socket.recv(), FRAMES)
        try:
            header = decode_header(frames[1] if len(frames) == FRAMES else b"")
        except MalformedFrame:
            self.counters["malformed"] += 1
            return
        self._deliver((frames[0].decode("ascii", "replace"), header, frames[2]), 0)

    def tick(self) -> None:
        """See to the connection."""
        self.counters["reconnected"] += self._link.mend()

    def close(self) -> None:
        """Close the socket."""
        if not self._socket.closed:
            self._link.close()
        self._socket.close(linger=0)
        self._sockets.context.term()
