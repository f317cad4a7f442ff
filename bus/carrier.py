"""The seam between the bus of one process and what carries messages to other processes.

What others build on: Peer (where another process is), PeerState (how it is), Carrier.peers, connect and drop. A node
may be several processes; each is a peer of its own with the node's name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Protocol

import msgspec

from bus.access import Caller
from bus.codec import Header
from bus.envelope import Envelope, RawCommand, RawReply
from bus.message import Stream

Answer = Callable[[RawReply], None]
Since = Literal["now", "start"]
"""Where to begin with a publisher that was there before us: with the last values of states and what comes from now
on, or with the oldest fact it still has."""


class Peer(msgspec.Struct, frozen=True):
    """Another process. facts, commands, replay: its addresses, empty for none.

    targets: actors it has, until its heartbeat tells; None for any. replay: where facts are asked again; when empty,
    where its heartbeat says. key: its public key (Z85), for addresses that are tcp.
    """

    node: str
    facts: str = ""
    commands: str = ""
    targets: frozenset[str] | None = None
    replay: str = ""
    key: str = ""
    since: Since = "now"


class PeerState(msgspec.Struct, frozen=True, kw_only=True):
    """How a peer is, by its heartbeats. peer: what connect() was given.

    node, epoch, pid, targets, draining: as it says itself. heard: whether it ever said anything; alive: whether it did
    in the last 3 heartbeats. age_s: seconds since the last one. lag: facts it has sent that were not delivered here
    yet, by stream name in lower case.
    """

    peer: Peer
    node: str
    epoch: int = 0
    pid: int = 0
    targets: frozenset[str] = frozenset()
    heard: bool = False
    alive: bool = False
    age_s: float = 0.0
    lag: dict[str, int] = {}
    draining: bool = False


class Lost(msgspec.Struct, frozen=True):
    """Facts of a publisher that nobody can give us any more; first and last are both included."""

    node: str
    stream: Stream
    epoch: int
    first: int
    last: int


class Receiver(Protocol):
    """What the bus offers its carrier. Called from the carrier's thread; no method blocks or raises."""

    def receive_facts(self, topic: str, header: Header, body: bytes, skip: int) -> None:
        """A message of facts came in; skip: so many of its first came before. Raises: MalformedFrame."""

    def receive_command(self, raw: RawCommand, answer: Answer, caller: Caller | None = None) -> None:
        """A command came in; answer is called once, from any thread.

        caller: who sent it over tcp, as its key proved; None over ipc, where the directory lets only us in.
        """

    def receive_lost(self, lost: Lost) -> None:
        """Facts are gone for good."""

    def behind(self) -> bool:
        """Whether readers here have so much waiting that no more facts should be given for now."""

    @property
    def targets(self) -> dict[str, list[str]]:
        """The verbs of every target served here, for the heartbeat."""


class Carrier(Protocol):
    """Carries facts and commands between processes. Every method may be called from any thread and never blocks."""

    def start(self, receiver: Receiver) -> None:
        """Open the sockets and begin. Raises BusError when an endpoint is taken or not permitted."""

    def send(self, topic: str, stream: Stream, envelope: Envelope[Any]) -> None:
        """Queue a fact for every listener elsewhere; order per stream is kept."""

    def listen(self, prefix: str) -> None:
        """Want facts from elsewhere whose topic begins with prefix."""

    def command(self, raw: RawCommand, answer: Answer, *, node: str | None) -> bool:
        """Send a command on; False when no peer is known that serves its target."""

    def peers(self) -> list[PeerState]:
        """How every peer is."""

    def connect(self, peer: Peer) -> None:
        """Add a peer while running; nothing happens when it is there. Raises BusError for an address not permitted."""

    def drop(self, node: str, facts: str = "") -> None:
        """Part from every process of a node, or from the one whose facts are at that address."""

    def announce(self, *, draining: bool | None = None) -> None:
        """Send a heartbeat soon, because targets changed. draining: what it says from now on; None as before."""

    def close(self) -> None:
        """Send what is queued (within a second), close the sockets, end the thread."""
