"""Who is there: from what the bus hears of its peers to states of nodes and what is to be told. Pure; given now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from bus.carrier import PeerState
from bus.message import Fact
from bus.messages import NodeGone, NodeReturned, NodeRow, NodeSeen, NodeState, NodeStatus

SILENT = "three heartbeats missed"


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """What is heard of a node now, of all its processes together. epochs: of those that live."""

    alive: bool = False
    age_s: float | None = None
    epochs: frozenset[int] = frozenset()
    targets: frozenset[str] = frozenset()
    draining: bool = False
    lag: Mapping[str, int] = {}


class Sight(msgspec.Struct, kw_only=True):
    """What is known of a node. why: what it said when it began to stop. Times are monotonic seconds."""

    state: NodeState = "unheard"
    since_s: float
    heard: Heard = Heard()
    epochs: frozenset[int] = frozenset()
    why: str = ""
    status: NodeStatus | None = None
    status_s: float = 0.0


class Table:
    """The nodes by name. own: this one, which has a row of its own and is never gone."""

    def __init__(self, own: str, now_s: float) -> None:
        self.own = own
        self.nodes: dict[str, Sight] = {own: Sight(state="here", since_s=now_s)}

    @property
    def alone(self) -> bool:
        """Whether there is no other node to know of."""
        return len(self.nodes) == 1

    def see(self, peers: Iterable[PeerState], now_s: float) -> list[Fact]:
        """Take in how the peers are; what is to be told of it. A node that is no peer any more is forgotten."""
        heard = together(peers)
        for name in [name for name in self.nodes if name != self.own and name not in heard]:
            del self.nodes[name]
        told: list[Fact] = []
        for name, now in heard.items():
            sight = self.nodes.setdefault(name, Sight(since_s=now_s))
            if name != self.own:
                told += _move(name, sight, now, now_s)
            sight.heard = now
        return told

    def said_stopping(self, name: str, why: str, now_s: float) -> None:
        """A node says that it stops."""
        sight = self.nodes.get(name)
        if sight is not None and name != self.own and sight.state == "here":
            sight.state, sight.since_s, sight.why = "stopping", now_s, why

    def said_status(self, status: NodeStatus, now_s: float) -> None:
        """A node tells how it is; of one that is no peer nothing is kept."""
        sight = self.nodes.get(status.subject)
        if sight is not None:
            sight.status, sight.status_s = status, now_s

    def rows(self, now_s: float) -> list[NodeRow]:
        """This node first, then the others by name."""
        names = [self.own, *sorted(name for name in self.nodes if name != self.own)]
        return [_row(name, self.nodes[name], now_s, own=name == self.own) for name in names]


def together(peers: Iterable[PeerState]) -> dict[str, Heard]:
    """What is heard of every node: a node lives while one of its processes does.

    A peer goes by the name it says itself, until then by that of the config.
    """
    found: dict[str, Heard] = {}
    for peer in peers:
        name = peer.node or peer.peer.node
        before = found.get(name, Heard())
        if not peer.heard:
            found[name] = before
            continue
        lag = {
            stream: before.lag.get(stream, 0) + peer.lag.get(stream, 0) for stream in sorted({*before.lag, *peer.lag})
        }
        found[name] = Heard(
            alive=before.alive or peer.alive,
            age_s=peer.age_s if before.age_s is None else min(before.age_s, peer.age_s),
            epochs=before.epochs | {peer.epoch} if peer.alive else before.epochs,
            targets=before.targets | peer.targets if peer.alive else before.targets,
            draining=before.draining or (peer.alive and peer.draining),
            lag=lag,
        )
    return found


def _move(name: str, sight: Sight, now: Heard, now_s: float) -> list[Fact]:
    """Bring one node to the state that follows; what is to be told."""
    anew = now.alive and bool(sight.epochs) and not (now.epochs & sight.epochs)
    was, since_s = sight.state, sight.since_s
    match was:
        case "unheard" if now.alive:
            _enter(sight, "here", now, now_s)
            return [NodeSeen(subject=name, epoch=max(now.epochs), targets=sorted(now.targets))]
        case "gone" | "left" if now.alive:
            _enter(sight, "here", now, now_s)
            return [NodeReturned(subject=name, away_s=now_s - since_s, restarted=anew)]
        case "here" | "stopping" if anew:  # so quickly that no silence was noticed
            _enter(sight, "here", now, now_s)
            return [NodeReturned(subject=name, away_s=0.0, restarted=True)]
        case "here" | "stopping" if not now.alive:
            said = was == "stopping"
            why = sight.why if said else SILENT
            _enter(sight, "left" if said else "gone", now, now_s)
            return [NodeGone(subject=name, said=said, why=why, silent_s=now.age_s or 0.0)]
    if now.alive:
        sight.epochs = now.epochs
    return []


def _enter(sight: Sight, state: NodeState, now: Heard, now_s: float) -> None:
    sight.state, sight.since_s = state, now_s
    if now.alive:
        sight.epochs, sight.why = now.epochs, ""


def _row(name: str, sight: Sight, now_s: float, *, own: bool) -> NodeRow:
    status, heard = sight.status, sight.heard
    return NodeRow(
        name=name,
        state=sight.state,
        own=own,
        since_s=now_s - sight.since_s,
        heard_s=None if own else heard.age_s,
        draining=heard.draining or (status is not None and status.draining),
        targets=sorted(heard.targets),
        lag=dict(heard.lag),
        status=status,
        status_s=now_s - sight.status_s if status is not None else None,
    )
