"""Messages about workloads as a fleet: several instances of one, their processes, and why each is as it is."""

from __future__ import annotations

import msgspec

from bus.message import Command, Done, Fact, Reply
from bus.messages.process_manager import ProcessState


class ReleaseProcess(Command, frozen=True, kw_only=True):
    """End the hold of a workload; it is started if it is one that starts with the node. Nothing else is changed."""

    target = "process_manager"
    verb = "release_process"
    reply = Done
    name: str
    why: str = "asked"


class RollStarted(Fact, frozen=True, kw_only=True):
    """The instances of a workload are being restarted one after the other. subject: the workload's key in the config.

    keep_ready: so many stay ready all the while.
    """

    kind = "roll.started"
    mode: str
    instances: list[str]
    keep_ready: int
    why: str


class RollEnded(Fact, frozen=True, kw_only=True):
    """A roll is over. ok: every instance was restarted and is ready; else why says what was in the way.

    restarted: are ready anew. left: were not touched, and run what they ran. set_back: were restarted, did not get
    ready, and are put back to their former config. took_s: seconds.
    """

    kind = "roll.ended"
    mode: str
    ok: bool
    restarted: list[str]
    left: list[str]
    why: str
    took_s: float
    set_back: list[str] = []


class ConfigSetBack(Fact, frozen=True, kw_only=True):
    """Instances did not get ready with a changed config. subject: the workload's key in the config.

    instances: are put back to the config they were ready with. done: run the new one, and are ready. left: were not
    restarted, and keep the former one. It is tried again when the config changes, or a person asks for a roll.
    """

    kind = "config.set_back"
    mode: str
    instances: list[str]
    done: list[str]
    left: list[str]
    why: str


class RollWorkload(Command, frozen=True, kw_only=True):
    """Restart the instances of a workload one after the other; answered when all are ready again, or it ended early.

    name: the workload's key in the config. mode: live or sandbox; empty: the only one it runs in here. keep_ready: so
    many stay ready; None: as the config says. An instance that does not become ready ends the roll: the others go on.
    """

    target = "process_manager"
    verb = "roll_workload"
    reply = Done
    name: str
    mode: str = ""
    keep_ready: int | None = None
    why: str = "asked"


class FamilyRow(msgspec.Struct, frozen=True, kw_only=True):
    """One process of a workload. depth: 0 for the main process, its children 1; a child follows its parent.

    cpu_s: processor time so far, seconds. apart: a process of it that is no descendant any more.
    """

    workload: str
    pid: int
    parent: int
    depth: int
    argv: list[str]
    memory_bytes: int
    cpu_s: float
    threads: int
    age_s: float
    apart: bool = False


class FamilyTable(Reply, frozen=True, kw_only=True):
    """The processes of the workloads: in config order, of each the main process first."""

    rows: list[FamilyRow]


class ListFamilies(Command, frozen=True, kw_only=True):
    """Every process of the workloads, as trees. names: only these; empty for all. Reads /proc."""

    target = "process_manager"
    verb = "list_families"
    reply = FamilyTable
    names: list[str] = []


class MoveRow(msgspec.Struct, frozen=True, kw_only=True):
    """One change of state. ago_s: seconds before now. pid: of the process it had then."""

    ago_s: float
    before: ProcessState
    state: ProcessState
    why: str
    pid: int | None


class StoryRow(msgspec.Struct, frozen=True, kw_only=True):
    """How one workload came to its state. moves: the last ones, the newest first.

    unmet: what it waits for, in words. because_of: of these, the workloads whose stories follow. next_s: seconds until
    it is started again. log_tail: last lines of its last ended run. overrides: what it is started with instead of what
    its config says, by key. scaled_away: as in ProcessRow.
    """

    name: str
    state: ProcessState
    why: str
    since_s: float
    wanted: bool
    held: bool
    declared: bool
    restarts: int
    exit_code: int | None
    signal: str | None
    moves: list[MoveRow]
    unmet: list[str]
    because_of: list[str]
    next_s: float | None
    log_tail: list[str]
    overrides: dict[str, str] = {}
    scaled_away: bool = False


class ProcessStories(Reply, frozen=True, kw_only=True):
    """The story of a workload, then those of what it waits for, and so on. draining: the node is drained."""

    stories: list[StoryRow]
    draining: bool


class ExplainProcess(Command, frozen=True, kw_only=True):
    """Why a workload is in its present state: the chain of causes."""

    target = "process_manager"
    verb = "explain_process"
    reply = ProcessStories
    name: str


class ScaleWorkload(Command, frozen=True, kw_only=True):
    """Run so many instances of a workload from now on, also after a restart of the node; answered when it is in force.

    name: its key in the config. instances: None goes back to what the config says. It holds until the config says
    another number.
    """

    target = "node"
    verb = "scale_workload"
    reply = Done
    name: str
    instances: int | None = None
    why: str = "asked"
