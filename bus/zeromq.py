"""The carrier over ZeroMQ: facts on XPUB/SUB, commands on ROUTER/DEALER, between processes of one machine.

Any thread may call it; it hands over to the one I/O thread that owns the sockets (bus.io_thread).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import msgspec
import zmq

from bus.addresses import Claim, check_address, ipc_paths
from bus.asker import Line
from bus.carrier import Answer, Receiver
from bus.envelope import Envelope, RawCommand
from bus.errors import BusError
from bus.fact_sender import FactSender
from bus.handover import Handover
from bus.io_thread import FLUSH_S, IoThread, Sockets
from bus.link import Link
from bus.message import Stream
from bus.sockets import attach, open_socket

COUNTERS: Final = (
    "sent",  # facts sent
    "batches",  # messages they were sent in
    "unencodable",  # facts that MessagePack cannot say, or larger than a frame
    "received",  # facts received
    "malformed",  # messages of any kind that do not decode
    "commands",  # commands received
    "answered",  # replies sent
    "unanswerable",  # replies whose asker is gone
    "asked",  # commands sent to peers
    "expired",  # commands to peers with no answer before their deadline
    "answers_late",  # replies nobody waits for any more
    "receiver_failed",  # calls of ours into the bus that raised
    "reconnected",  # connections begun anew that ZeroMQ had given up
    "faults",  # turns and jobs of the I/O thread that raised
    "ticks",  # calls of its timer
)


class Listen(msgspec.Struct, frozen=True):
    """Where this process is reached. Addresses `ipc:///…` or `tcp://127.0.0.1:port`, a port of `*` for any."""

    facts: Sequence[str] = ()
    commands: Sequence[str] = ()


class Peer(msgspec.Struct, frozen=True):
    """Another process. facts, commands: its addresses, empty for none. targets: actors it has; None for any."""

    node: str
    facts: str = ""
    commands: str = ""
    targets: frozenset[str] | None = None


class ZeroMQCarrier:
    """Implements bus.carrier.Carrier. Used once: start, then close.

    epoch: a number that grows with every start of the process; facts are numbered anew in it.
    """

    def __init__(self, listen: Listen, peers: Sequence[Peer] = (), *, epoch: int, node: str) -> None:
        """Opens nothing yet. Raises: BusError when an address is not permitted or two peers have one name."""
        self.node = node
        self._epoch = epoch
        self._listen = Listen(
            [check_address(one) for one in listen.facts], [check_address(one) for one in listen.commands]
        )
        self._peers = [_checked(peer) for peer in peers]
        if len({peer.node for peer in self._peers}) < len(self._peers):
            msg = f"node {node} has two peers of one name"
            raise BusError(msg)
        self._counters = dict.fromkeys(COUNTERS, 0)
        self._handover = Handover()
        self._lock = threading.Lock()
        self._thread: IoThread | None = None
        self._sender: FactSender | None = None
        self._subscriber: zmq.SyncSocket | None = None
        self._closed = False
        self.facts: list[str] = []
        """The addresses facts are published at, once started."""
        self.commands: list[str] = []
        """The addresses commands are answered at, once started."""

    @property
    def counters(self) -> dict[str, int]:
        """What was done and what was not, since the start; `dropped_out`: facts not sent because too many waited."""
        return {**self._counters, "dropped_out": self._handover.dropped}

    @property
    def subscriptions(self) -> frozenset[str]:
        """The topic prefixes that readers elsewhere have asked for."""
        for _ in range(3):
            try:
                return frozenset(self._sender.prefixes) if self._sender else frozenset()
            except RuntimeError:  # it grew while being copied; the next look is as good
                continue
        return frozenset()

    def start(self, receiver: Receiver) -> None:
        """Open the sockets and begin.

        Raises: BusError when an address is taken, its directory is not private, or the carrier was started before.
        """
        with self._lock:
            if self._thread is not None or self._closed:
                msg = f"the carrier of node {self.node} was started before"
                raise BusError(msg)
            try:
                claim, sockets = self._claim_and_open()
            except BaseException:
                self._closed = True
                self._handover.close()
                raise
            self._subscriber = sockets.subscriber
            self._sender = FactSender(sockets.facts, self._epoch, self._counters)
            self._thread = IoThread(sockets, self._sender, self._handover, self._counters, receiver, claim=claim)
            self._thread.start()

    def send(self, topic: str, stream: Stream, envelope: Envelope[Any]) -> None:
        """Queue a fact for every listener elsewhere; never blocks, drops and counts when too many wait."""
        self._handover.put_fact(topic, stream, envelope)

    def listen(self, prefix: str) -> None:
        """Want facts of the peers whose topic begins with prefix."""
        if self._subscriber is not None:
            self._handover.put_job(partial(self._subscriber.setsockopt, zmq.SUBSCRIBE, prefix.encode("ascii")))

    def command(self, raw: RawCommand, answer: Answer, *, node: str | None) -> bool:
        """Send a command to the peer of that name, or to the first that has its target; False when there is none.

        answer gets the reply, DeadlineExceeded after raw.timeout_s, or ActorUnavailable when the bus closes.
        """
        if self._thread is None:
            return False
        peer = self._peer_for(raw.target, node)
        if peer is None:
            return False
        return self._handover.put_job(partial(self._thread.askers[peer].ask, raw, answer))

    def close(self) -> None:
        """Send what is queued, for a second at most, and close. May be called again, and from any thread."""
        with self._lock:
            thread, first, self._closed = self._thread, not self._closed, True
        if thread is None:
            self._handover.close()
            return
        if first:
            thread.end()
        if thread is not threading.current_thread():
            thread.join(4 * FLUSH_S)

    def _peer_for(self, target: str, node: str | None) -> str | None:
        able = [peer for peer in self._peers if peer.commands]
        if node is not None:  # told where to: whether the target is there is for that node to say
            return next((peer.node for peer in able if peer.node == node), None)
        named = [peer for peer in able if peer.targets is not None and target in peer.targets]
        return next((peer.node for peer in (*named, *(peer for peer in able if peer.targets is None))), None)

    def _claim_and_open(self) -> tuple[Claim, Sockets]:
        claim = Claim(ipc_paths([*self._listen.facts, *self._listen.commands]))
        try:
            return claim, self._open()
        except BaseException:
            claim.release()
            raise

    def _open(self) -> Sockets:
        context: zmq.SyncContext = zmq.Context()
        sockets = Sockets(context, open_socket(context, zmq.XPUB), open_socket(context, zmq.ROUTER))
        try:
            sockets.commands.setsockopt(zmq.ROUTER_MANDATORY, 1)
            self.facts = [_attach(sockets.facts.bind, sockets.facts, one) for one in self._listen.facts]
            self.commands = [_attach(sockets.commands.bind, sockets.commands, one) for one in self._listen.commands]
            if any(peer.facts for peer in self._peers):
                sockets.subscriber = open_socket(context, zmq.SUB)
                sockets.subscriber_link = Link(sockets.subscriber, time.monotonic)
            for peer in self._peers:
                if peer.facts and sockets.subscriber is not None:
                    _attach(sockets.subscriber.connect, sockets.subscriber, peer.facts)
                if peer.commands:
                    dealer = open_socket(context, zmq.DEALER)
                    sockets.lines.append(Line(peer.node, peer.commands, dealer, Link(dealer, time.monotonic)))
                    _attach(dealer.connect, dealer, peer.commands)
        except BaseException:
            sockets.close(0.0)
            raise
        return sockets


def _checked(peer: Peer) -> Peer:
    facts, commands = (check_address(one) if one else "" for one in (peer.facts, peer.commands))
    return Peer(peer.node, facts, commands, peer.targets)


def _attach(how: Callable[[str], object], socket: zmq.SyncSocket, address: str) -> str:
    try:
        return attach(how, socket, address)
    except zmq.ZMQError as error:
        msg = f"cannot use {address}: {error.strerror}"
        raise BusError(msg) from error
