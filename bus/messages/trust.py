"""Messages of the Healer about how far it may go: phases, approvals, what it altered, and taking that back."""

from __future__ import annotations

from typing import Literal

import msgspec

from bus.message import Command, Done, Fact, Reply, Stream

PhaseName = Literal["observe", "advise", "act", "autonomous"]


class PhaseChanged(Fact, frozen=True, kw_only=True):
    """How far healing goes by itself was changed at run time. subject: a workload, or the node for all of it."""

    kind = "phase.changed"
    stream = Stream.DURABLE
    phase: PhaseName
    before: PhaseName
    by: str


class ApprovalAsked(Fact, frozen=True, kw_only=True):
    """A person is asked whether a remedy may be begun. why: what it is for, and how sure the Healer is of it.

    confidence: from 0 to 1. until: Unix seconds. otherwise: what no answer counts as.
    """

    kind = "approval.asked"
    stream = Stream.DURABLE
    issue: str
    remedy: str
    why: str
    confidence: float
    until: float
    otherwise: Literal["approve", "reject"]


class ApprovalAnswered(Fact, frozen=True, kw_only=True):
    """A person answered, or the time was over. by: `person` or `time-out`."""

    kind = "approval.answered"
    stream = Stream.DURABLE
    issue: str
    remedy: str
    approved: bool
    by: str
    note: str = ""


DegradationLevel = Literal["full", "minor", "moderate", "severe", "minimal"]


class DegradationChanged(Fact, frozen=True, kw_only=True):
    """A workload goes on with less, or returns. steps: taken, in order. quality_loss: share lost, from 0 to 1."""

    kind = "degradation.changed"
    stream = Stream.DURABLE
    level: DegradationLevel
    before: DegradationLevel
    steps: list[str]
    quality_loss: float


class DegradedRow(msgspec.Struct, frozen=True, kw_only=True):
    """A workload that goes on with less. since: of its first step, Unix seconds."""

    name: str
    level: DegradationLevel
    quality_loss: float
    steps: list[str]
    since: float


class StandInChanged(Fact, frozen=True, kw_only=True):
    """A standby stands in for a workload from now on, or, when active is false, not any more."""

    kind = "stand_in.changed"
    stream = Stream.DURABLE
    standby: str
    active: bool
    why: str


class StandInRow(msgspec.Struct, frozen=True, kw_only=True):
    """A workload that a standby stands in for. since: Unix seconds. trial: it runs beside the standby, to be tried."""

    name: str
    standby: str
    since: float
    trial: bool = False


class PhaseRow(msgspec.Struct, frozen=True, kw_only=True):
    """How far healing goes for one workload. set_by: node, workload (both in the config), or person."""

    name: str
    phase: PhaseName
    set_by: Literal["node", "workload", "person"]


class PhaseTable(Reply, frozen=True, kw_only=True):
    """node: the phase of the node itself. workloads: in config order."""

    node: PhaseRow
    workloads: list[PhaseRow]


class ListPhases(Command, frozen=True, kw_only=True):
    """How far healing goes, for the node and for each workload."""

    target = "healer"
    verb = "list_phases"
    reply = PhaseTable


class SetPhase(Command, frozen=True, kw_only=True):
    """Set how far healing goes from now on, also over restarts of the node.

    name: a workload; empty for the node, which then is the most that any workload may do. phase: None for what the
    config says.
    """

    target = "healer"
    verb = "set_phase"
    reply = Done
    name: str = ""
    phase: PhaseName | None = None
    by: str = "person"


class ApproveRemedy(Command, frozen=True, kw_only=True):
    """Let the remedy begin that is asked for. issue: an id or a prefix."""

    target = "healer"
    verb = "approve_remedy"
    reply = Done
    issue: str
    note: str = ""


class RejectRemedy(Command, frozen=True, kw_only=True):
    """Do not let the remedy begin that is asked for; the next of the plan has its turn. issue: an id or a prefix."""

    target = "healer"
    verb = "reject_remedy"
    reply = Done
    issue: str
    note: str = ""


class ApprovalRow(msgspec.Struct, frozen=True, kw_only=True):
    """A remedy that a person is asked about. asked_at, until: Unix seconds."""

    issue: str
    subject: str
    remedy: str
    why: str
    confidence: float
    asked_at: float
    until: float
    otherwise: str


class ApprovalList(Reply, frozen=True, kw_only=True):
    """What waits for a person's word, oldest first."""

    approvals: list[ApprovalRow]


class ListApprovals(Command, frozen=True, kw_only=True):
    """What waits for a person's word."""

    target = "healer"
    verb = "list_approvals"
    reply = ApprovalList


class AlteredRow(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was altered. time: Unix seconds. change: acted, undone, restored, phase. by: healer or person."""

    time: float
    subject: str
    change: str
    what: str
    by: str
    issue: str = ""


class ChangeList(Reply, frozen=True, kw_only=True):
    """What was altered, newest first."""

    changes: list[AlteredRow]


class ListChanges(Command, frozen=True, kw_only=True):
    """What the system altered by itself, and what people took back. subject: of one workload only; empty: of all."""

    target = "healer"
    verb = "list_changes"
    reply = ChangeList
    subject: str = ""
    limit: int = 50


class UndoIssue(Command, frozen=True, kw_only=True):
    """Take back what the last remedy of an issue did, as far as it can be. issue: an id or a prefix."""

    target = "healer"
    verb = "undo_issue"
    reply = Done
    issue: str
    note: str = ""
