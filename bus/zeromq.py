"""The carrier over ZeroMQ: facts on XPUB/SUB, commands on ROUTER/DEALER, facts again on a second ROUTER.

Any thread may call it; it hands over to the one I/O thread that owns the sockets (bus.io_thread).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec
import zmq

from bus.access import Door
from bus.addresses import Claim, check_address, ipc_paths, is_tcp
from bus.archive import Archive
from bus.carrier import Answer, Peer, PeerState, Receiver
from bus.curve import use_keys
from bus.endpoints import REPLAY_NAME
from bus.envelope import Envelope, RawCommand
from bus.errors import BusError
from bus.fact_sender import FactSender
from bus.guard import Guard
from bus.handover import Handover
from bus.heartbeat import Heartbeat
from bus.io_thread import FLUSH_S, IoThread, Parts, Sockets
from bus.journal import Journal
from bus.kit import READER_COUNTERS, Kit
from bus.message import Stream
from bus.peers import Me, Peers
from bus.polling import Polling
from bus.replay import ReplayServer
from bus.security import Security
from bus.sockets import attach, open_door, open_socket
from bus.z85 import check_key

__all__ = ["COUNTERS", "Listen", "Peer", "ZeroMQCarrier"]

COUNTERS: Final = (
    "sent",  # facts sent
    "batches",  # messages they were sent in
    "unencodable",  # facts that MessagePack cannot say, or larger than a frame
    "commits",  # transactions of the journal
    "commits_failed",  # those the disk did not take; their facts wait
    "durable_dropped",  # durable facts dropped because too many wait for the disk
    "replay_requests",  # of readers elsewhere
    "replay_sent",  # messages sent again
    "replay_refused",  # answers to readers that are gone or do not read
    "received",  # facts received and given on
    "commands",  # commands received
    "answered",  # replies sent
    "unanswerable",  # replies whose asker is gone
    "asked",  # commands sent to peers
    "expired",  # commands to peers with no answer before their deadline
    "answers_late",  # replies nobody waits for any more
    "receiver_failed",  # calls of ours into the bus that raised
    "heartbeats",  # of peers
    "doubled_peers",  # peers parted from, because they are ourselves or connected already
    "faults",  # turns and jobs of the I/O thread that raised
    "beats",  # heartbeats sent
    "ticks",  # calls of the thread's timer
    *READER_COUNTERS,
)


class Listen(msgspec.Struct, frozen=True):
    """Where this process is reached. Addresses `ipc:///…`, or `tcp://host:port` with a port of `*` for any.

    replay: where facts are asked again; None for a socket beside that of the facts.
    """

    facts: Sequence[str] = ()
    commands: Sequence[str] = ()
    replay: Sequence[str] | None = None


class ZeroMQCarrier:
    """Implements bus.carrier.Carrier. Used once: start, then close.

    epoch: a number that grows with every start of the process; facts are numbered anew in it. journal: the file of the
    durable stream; None keeps it in memory only.
    """

    def __init__(
        self,
        listen: Listen,
        peers: Sequence[Peer] = (),
        *,
        epoch: int,
        node: str,
        journal: Path | None = None,
        security: Security | None = None,
    ) -> None:
        """Opens nothing yet. security: the keys, without which no address may be tcp.

        Raises: BusError when an address is not permitted or a peer is named twice.
        """
        self._security = security
        keyed = security is not None
        self.node = node
        self._epoch = epoch
        self._journal = journal
        self._listen: dict[Door, list[str]] = {
            "facts": [check_address(one, keyed=keyed) for one in listen.facts],
            "commands": [check_address(one, keyed=keyed) for one in listen.commands],
            "replay": [check_address(one, keyed=keyed) for one in _replay_of(listen)],
        }
        self._peers = [_checked(peer, security) for peer in peers]
        if len({(peer.node, peer.facts, peer.commands) for peer in self._peers}) < len(self._peers):
            msg = f"node {node} has two peers of one name"
            raise BusError(msg)
        self._counters = dict.fromkeys(COUNTERS, 0)
        self._handover = Handover()
        self._lock = threading.Lock()
        self._thread: IoThread | None = None
        self._sender: FactSender | None = None
        self._guard: Guard | None = None
        self._closed = False
        self.facts: list[str] = []
        """The addresses facts are published at, once started."""
        self.commands: list[str] = []
        """The addresses commands are answered at, once started."""
        self.replay: list[str] = []
        """The addresses facts are asked again at, once started."""

    @property
    def counters(self) -> dict[str, int]:
        """What was done and what was not, since the start.

        dropped_out: facts not sent because too many waited. ring_bytes: what is kept for replay. pruned: facts deleted
        from the journal. prunes_failed: times the disk did not take that. let_in, turned_away: connections over tcp
        whose key was accepted, and which were not let in.
        """
        archive = self._sender.archive if self._sender else None
        guard = self._guard
        return {
            **self._counters,
            **(guard.counters if guard is not None else {"let_in": 0, "turned_away": 0}),
            "dropped_out": self._handover.dropped,
            "ring_bytes": sum(ring.size_bytes for ring in archive.rings.values()) if archive else 0,
            "pruned": archive.journal.pruned if archive and archive.journal else 0,
            "prunes_failed": archive.prunes_failed if archive else 0,
        }

    @property
    def journal_set_aside(self) -> Path | None:
        """Where a journal went that was found damaged at the start, and so a new one was begun; None when none was."""
        journal = self._sender.archive.journal if self._sender else None
        return journal.set_aside if journal else None

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
                self._start(receiver)
            except BaseException:
                self._closed = True
                self._handover.close()
                raise

    def send(self, topic: str, stream: Stream, envelope: Envelope[Any]) -> None:
        """Queue a fact for every listener elsewhere; never blocks, drops and counts when too many wait."""
        self._handover.put_fact(topic, stream, envelope)

    def listen(self, prefix: str) -> None:
        """Want facts of the peers whose topic begins with prefix."""
        if self._thread is not None:
            self._handover.put_job(partial(self._thread.peers.listen, prefix))

    def command(self, raw: RawCommand, answer: Answer, *, node: str | None) -> bool:
        """Send a command to the process of that node which has its target, or to any that has; False for none.

        answer gets the reply, DeadlineExceeded after raw.timeout_s, or ActorUnavailable when the bus closes.
        """
        if self._thread is None:
            return False
        asker = self._thread.peers.route(raw.target, node)
        return asker is not None and self._handover.put_job(partial(asker.ask, raw, answer))

    def peers(self) -> list[PeerState]:
        """How every peer is, as of the last heartbeat or tick."""
        return self._thread.peers.states() if self._thread is not None else []

    def connect(self, peer: Peer) -> None:
        """Add a peer while running. Raises: BusError when an address is not permitted."""
        checked = _checked(peer, self._security)
        if self._thread is not None:
            self._handover.put_job(partial(self._thread.peers.connect, checked))

    def drop(self, node: str, facts: str = "") -> None:
        """Part from every process of a node, or from the one whose facts are at that address."""
        if self._thread is not None:
            self._handover.put_job(partial(self._thread.peers.drop, node, facts))

    def announce(self, *, draining: bool | None = None) -> None:
        """Send a heartbeat soon. draining: what it says from now on; None as before."""
        if self._thread is not None:
            self._handover.put_job(partial(self._thread.announce, draining))

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

    # -- opening

    def _start(self, receiver: Receiver) -> None:
        claim = Claim(ipc_paths(address for addresses in self._listen.values() for address in addresses))
        journal: Journal | None = None
        guard: Guard | None = None
        sockets = Sockets(zmq.Context(), {"facts": [], "commands": [], "replay": []})
        try:
            if self._journal is not None:
                journal = Journal(self._journal, self._epoch)
            guard = self._open_doors(sockets)
            parts = self._parts(sockets, claim, journal, receiver)
            parts.guard = guard
            for peer in self._peers:
                parts.peers.connect(peer)
        except BaseException:
            if journal is not None:
                journal.close()
            if guard is not None:
                guard.close()
            sockets.close(0.0)
            claim.release()
            raise
        self._sender, self._guard = parts.sender, guard
        self._thread = IoThread(sockets, parts, self._handover, self._counters, receiver)
        self._thread.start()

    def _parts(self, sockets: Sockets, claim: Claim, journal: Journal | None, receiver: Receiver) -> Parts:
        wall = time.time  # noqa: TID251 - the age of what the journal keeps, over restarts
        archive = Archive(self._epoch, time.monotonic, wall, journal)
        polling = Polling()
        connect = partial(_connect, self._security)
        kit = Kit(partial(open_socket, sockets.context), connect, polling, time.monotonic, self._counters)
        return Parts(
            polling=polling,
            sender=FactSender(sockets.doors["facts"], archive, self._counters),
            replays=ReplayServer(archive, self._counters),
            peers=Peers(Me(self.node, self._epoch), kit, receiver, self._handover.put_job),
            me=Heartbeat(
                node=self.node,
                epoch=self._epoch,
                facts=tuple(self.facts),
                commands=tuple(self.commands),
                replay=tuple(self.replay),
            ),
            claim=claim,
        )

    def _open_doors(self, sockets: Sockets) -> Guard | None:
        bound = {"facts": self.facts, "commands": self.commands, "replay": self.replay}
        for door, addresses in self._listen.items():
            socket = open_door(sockets.context, door)
            sockets.doors[door].append(socket)
            bound[door] += [_attach(socket.bind, socket, one) for one in addresses if not is_tcp(one)]
        if self._security is None:
            return None
        guarded = {door: [one for one in addresses if is_tcp(one)] for door, addresses in self._listen.items()}
        if not any(guarded.values()):
            return None
        guard = Guard(sockets.context, self._security, guarded)
        try:
            for door, addresses in guarded.items():
                if addresses:
                    sockets.doors[door].append(guard.open(door))
                    bound[door] += guard.addresses[door]
        except BaseException:
            guard.close()
            raise
        return guard


def _replay_of(listen: Listen) -> list[str]:
    """Where facts are asked again, when the config does not say it: beside every address of facts."""
    if listen.replay is not None:
        return list(listen.replay)
    return [f"{one.rpartition('/')[0]}/{REPLAY_NAME}" for one in listen.facts if one.startswith("ipc://")]


def _checked(peer: Peer, security: Security | None) -> Peer:
    keyed = security is not None
    facts, commands, replay = (
        check_address(one, keyed=keyed) if one else "" for one in (peer.facts, peer.commands, peer.replay)
    )
    if peer.key:
        check_key(peer.key)
    elif any(is_tcp(one) for one in (facts, commands, replay)):
        msg = f"peer {peer.node} is reached by tcp, which needs its public key"
        raise BusError(msg)
    return msgspec.structs.replace(peer, facts=facts, commands=commands, replay=replay)


def _connect(security: Security | None, socket: zmq.SyncSocket, address: str, peer: Peer) -> str:
    use_keys(socket, address, security.own if security is not None else None, peer.key)
    return _attach(socket.connect, socket, address)


def _attach(how: Callable[[str], object], socket: zmq.SyncSocket, address: str) -> str:
    try:
        return attach(how, socket, address)
    except zmq.ZMQError as error:
        msg = f"cannot use {address}: {error.strerror}"
        raise BusError(msg) from error
