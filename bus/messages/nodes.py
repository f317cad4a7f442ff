"""Messages about nodes: who is there, how each is, and taking one out of service."""

from __future__ import annotations

from typing import Literal

import msgspec

from bus.message import Command, Done, Fact, Reply, Stream

NodeState = Literal[
    "here",  # its heartbeats come
    "stopping",  # it said that it stops, and its heartbeats still come
    "left",  # it said that it stops, and then fell silent
    "gone",  # three heartbeats were missed, and it had said nothing
    "unheard",  # in the config, and not heard since this node started
]


class NodeSeen(Fact, frozen=True, kw_only=True):
    """A peer is heard for the first time since this node started. subject: the peer."""

    kind = "node.seen"
    epoch: int
    targets: list[str] = []


class NodeGone(Fact, frozen=True, kw_only=True):
    """A peer is heard no more. said: it had told that it stops. silent_s: seconds since its last heartbeat."""

    kind = "node.gone"
    said: bool
    why: str
    silent_s: float


class NodeReturned(Fact, frozen=True, kw_only=True):
    """A peer is heard again. away_s: seconds since it was declared gone. restarted: it is another start of it."""

    kind = "node.returned"
    away_s: float
    restarted: bool


class NodeDraining(Fact, frozen=True, kw_only=True):
    """A node stops its workloads and starts none until it is undrained, also over restarts of the node."""

    kind = "node.draining"
    stream = Stream.DURABLE
    why: str


class NodeUndrained(Fact, frozen=True, kw_only=True):
    """A node takes up its workloads again."""

    kind = "node.undrained"
    stream = Stream.DURABLE
    why: str


class WorkloadBrief(msgspec.Struct, frozen=True, kw_only=True):
    """One workload of a node in short. level: of its health, empty when that is not known."""

    name: str
    state: str
    pid: int | None = None
    restarts: int = 0
    level: str = ""
    why: str = ""


class NodeStatus(Fact, frozen=True, kw_only=True):
    """How a node is, in short; told by itself again and again. level: of its health, empty when nobody measures.

    issues: open ones, escalated: those of them that need a person; None when no healer answers. missing: actors that
    gave no answer.
    """

    kind = "node.status"
    stream = Stream.STATE
    mode: str = ""
    level: str = ""
    why: list[str] = []
    workloads: list[WorkloadBrief] = []
    issues: int | None = None
    escalated: int | None = None
    draining: bool = False
    missing: list[str] = []


class NodeRow(msgspec.Struct, frozen=True, kw_only=True):
    """One node as this one knows it. own: it is this node. since_s: seconds in its state.

    heard_s: seconds since its last heartbeat. targets: its actors, in all its processes. lag: facts of it not delivered
    here yet, by stream. status_s: seconds since the status came in.
    """

    name: str
    state: NodeState
    own: bool = False
    since_s: float = 0.0
    heard_s: float | None = None
    draining: bool = False
    targets: list[str] = []
    lag: dict[str, int] = {}
    status: NodeStatus | None = None
    status_s: float | None = None


class NodeTable(Reply, frozen=True, kw_only=True):
    """This node first, then the others by name."""

    nodes: list[NodeRow]


class ListNodes(Command, frozen=True, kw_only=True):
    """Every node this one knows, with the last status each has told."""

    target = "nodes"
    verb = "list_nodes"
    reply = NodeTable


class DrainNode(Command, frozen=True, kw_only=True):
    """Stop the node's workloads, dependants first, and start none; answered when all are down."""

    target = "process_manager"
    verb = "drain_node"
    reply = Done
    why: str = "asked"


class UndrainNode(Command, frozen=True, kw_only=True):
    """Take the workloads up again that the drain stopped, and those that start with the node."""

    target = "process_manager"
    verb = "undrain_node"
    reply = Done
    why: str = "asked"
