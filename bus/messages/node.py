"""Messages of the node itself: its actors, its config, its end."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from bus.message import Command, Done, Fact, Reply, Stream

ActorState = Literal["starting", "running", "restarting", "given_up", "stopped"]


class NodeStarted(Fact, frozen=True, kw_only=True):
    """A node is up. epoch: its start, the `epoch` of its frames. mode: sandbox, live or dual."""

    kind = "node.started"
    pid: int
    epoch: int
    mode: str
    release: str
    actors: list[str]


class NodeStopping(Fact, frozen=True, kw_only=True):
    """A node is going down. keeps_workloads: they go on running and are adopted by the next start."""

    kind = "node.stopping"
    why: str
    keeps_workloads: bool


class ActorStarted(Fact, frozen=True, kw_only=True):
    """An actor began to work; restarts counts how often it was made anew since the node started."""

    kind = "actor.started"
    restarts: int


class ActorFailed(Fact, frozen=True, kw_only=True):
    """A handler raised; the message went to the dead letters and the behaviour is made anew in place.

    while_handling: the type of the message, or on_start. given_up: the restart intensity was exceeded; the node goes
    on without this actor and tries again after retry_s seconds.
    """

    kind = "actor.failed"
    stream = Stream.DURABLE
    error: str
    while_handling: str
    failures: int
    given_up: bool
    retry_s: float | None = None


class ConfigReloaded(Fact, frozen=True, kw_only=True):
    """A new config is in force. changed, added, removed: names of workloads."""

    kind = "config.reloaded"
    stream = Stream.DURABLE
    revision: str
    added: list[str]
    removed: list[str]
    changed: list[str]


class ConfigRejected(Fact, frozen=True, kw_only=True):
    """A new config has faults; the old one stays in force. faults: one line each."""

    kind = "config.rejected"
    faults: list[str]


class PeerRejected(Fact, frozen=True, kw_only=True):
    """Somebody wanted in over tcp and may not. subject: this node.

    address: without port; empty when it could not be learned. key: fingerprint of the key; empty when none was proven.
    door: facts, commands or replay. untold: earlier ones of that address that are only counted.
    """

    kind = "node.peer_rejected"
    address: str
    key: str
    door: str
    why: str
    untold: int = 0


class ActorRow(msgspec.Struct, frozen=True, kw_only=True):
    """One actor. handled, failures, dead_letters, dropped, refused: counts since the node started.

    waiting: messages in its inbox now. last_error: of the latest failure. failed_s: seconds since that failure.
    """

    name: str
    state: ActorState
    handled: int
    failures: int
    restarts: int
    dead_letters: int
    dropped: int
    conflated: int
    refused: int
    waiting: int
    last_error: str = ""
    failed_s: float | None = None


class NodeInfo(Reply, frozen=True, kw_only=True):
    """The node and its actors. level: healthy, or degraded when an actor is given up."""

    node: str
    pid: int
    mode: str
    release: str
    uptime_s: float
    revision: str
    config: str
    actors: list[ActorRow]
    cpu_percent: float
    memory_bytes: int


class GetNode(Command, frozen=True, kw_only=True):
    """The node and its actors."""

    target = "node"
    verb = "get_node"
    reply = NodeInfo


class ChangeRow(msgspec.Struct, frozen=True, kw_only=True):
    """One key whose value is another one. before, after: as JSON; - where it is absent, *** for a secret."""

    key: str
    before: str
    after: str


class PlanRow(msgspec.Struct, frozen=True, kw_only=True):
    """One workload, actor or the node itself that another config changes, and what is done.

    action: take_over puts it in force and restarts nothing; later: in force after a restart of the node.
    """

    subject: str
    action: Literal["start", "stop", "restart", "add", "take_over", "later"]
    mode: str = ""
    changes: list[ChangeRow] = []
    note: str = ""


class ReloadResult(Reply, frozen=True, kw_only=True):
    """What a reload did. faults: one line each; when there are any, nothing was changed.

    revision: of the config that was read. plan: what is different, and what is done about it. untouched: workloads that
    are as they were.
    """

    faults: list[str]
    added: list[str] = []
    removed: list[str] = []
    changed: list[str] = []
    revision: str = ""
    plan: list[PlanRow] = []
    untouched: int = 0


class ReloadConfig(Command, frozen=True, kw_only=True):
    """Read the config file again; refused whole when it has a fault.

    dry_run: tell what would be done, and do nothing. revision: do it only when that is still the config's, so that
    what was shown to a person is what is done.
    """

    target = "node"
    verb = "reload_config"
    reply = ReloadResult
    dry_run: bool = False
    revision: str = ""


class ConfigRow(msgspec.Struct, frozen=True, kw_only=True):
    """One key in effect. value: *** for a secret. where: file:line, or the environment variable."""

    key: str
    value: Any
    origin: Literal["default", "file", "environment", "flags"]
    where: str = ""


class ConfigTable(Reply, frozen=True, kw_only=True):
    """The config in force, key by key, every default filled in. file: absolute; empty without one."""

    file: str
    revision: str
    rows: list[ConfigRow]


class GetConfig(Command, frozen=True, kw_only=True):
    """The config in force, and where each value comes from."""

    target = "node"
    verb = "get_config"
    reply = ConfigTable


class StopNode(Command, frozen=True, kw_only=True):
    """End the node. keep_workloads: leave them running for the next start to adopt."""

    target = "node"
    verb = "stop_node"
    reply = Done
    keep_workloads: bool = False
    why: str = "asked"
