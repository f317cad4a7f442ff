"""Messages of the Healer: what is wrong, what was done about it, and whether it helped."""

from __future__ import annotations

from typing import Literal

import msgspec

from bus.message import Command, Done, Fact, Reply, Stream
from bus.messages.trust import DegradedRow, StandInRow

IssueKind = Literal[
    "crash",  # ended by itself, not as expected
    "crash_loop",  # ended too often
    "start_failed",  # could not be spawned
    "unresponsive",  # liveness probe fails
    "not_working",  # readiness or work probe fails though it lives
    "memory",  # memory beyond its limit
    "cpu",  # CPU beyond its limit
    "latency",  # answers too late
    "availability",  # answers too seldom
    "port_in_use",  # cannot bind its address
    "resource",  # any other threshold
    "forecast",  # a metric will reach its limit soon
    "drift",  # the level or spread of a metric changed for good
    "errors",  # error lines in its log that go on, though no probe and no threshold speaks of it
    "actor",  # an actor of the node itself fails
    "foreseen",  # a sign was seen that came before a failure
]
IssueState = Literal["open", "healing", "verifying", "escalated", "resolved"]
Severity = Literal["warning", "critical"]


class IssueRaised(Fact, frozen=True, kw_only=True):
    """A lasting departure of one subject was found. fingerprint: what makes two symptoms the same."""

    kind = "issue.raised"
    stream = Stream.DURABLE
    issue: str
    issue_kind: IssueKind
    severity: Severity
    fingerprint: str
    summary: str
    evidence: list[str] = []
    count: int = 1


class IssueResolved(Fact, frozen=True, kw_only=True):
    """An issue is gone, and that was verified. by: the remedy that did it, or `itself`. time_to_repair_s: seconds."""

    kind = "issue.resolved"
    stream = Stream.DURABLE
    issue: str
    issue_kind: IssueKind
    by: str
    verified: str
    time_to_repair_s: float


class IssueEscalated(Fact, frozen=True, kw_only=True):
    """The system is at its end with an issue; a person is wanted. retry_s: seconds until it tries again, or None."""

    kind = "issue.escalated"
    stream = Stream.DURABLE
    issue: str
    issue_kind: IssueKind
    why: str
    tried: list[str] = []
    retry_s: float | None = None


class RemedyStarted(Fact, frozen=True, kw_only=True):
    """One attempt at an issue begins. remedy: as in restart, signal:HUP, hook:repair, end_strays. attempt: from 1."""

    kind = "remedy.started"
    stream = Stream.DURABLE
    issue: str
    remedy: str
    why: str
    attempt: int


class RemedyDeferred(Fact, frozen=True, kw_only=True):
    """A remedy waits: cool-down, open breaker or an unmet precondition. for_s: seconds until it is looked at again."""

    kind = "remedy.deferred"
    stream = Stream.DURABLE
    issue: str
    remedy: str
    why: str
    for_s: float


class RemedyVerified(Fact, frozen=True, kw_only=True):
    """A remedy helped: what was looked at says so. after_s: seconds since the remedy began."""

    kind = "remedy.verified"
    stream = Stream.DURABLE
    issue: str
    remedy: str
    check: str
    after_s: float


class RemedyFailed(Fact, frozen=True, kw_only=True):
    """A remedy did not help or could not be carried out. undone: what was put back, or empty when nothing was to."""

    kind = "remedy.failed"
    stream = Stream.DURABLE
    issue: str
    remedy: str
    why: str
    undone: str = ""
    after_s: float = 0.0


class IssueRow(msgspec.Struct, frozen=True, kw_only=True):
    """One issue. first_seen and last_seen: Unix seconds. failure: what it is about, such as import, disk or unknown.

    asks: the remedy that waits for a person's word, or empty.
    """

    issue: str
    subject: str
    issue_kind: IssueKind
    severity: Severity
    state: IssueState
    fingerprint: str
    summary: str
    count: int
    first_seen: float
    last_seen: float
    remedies: list[str] = []
    time_to_repair_s: float | None = None
    failure: str = "unknown"
    asks: str = ""


class IssueList(Reply, frozen=True, kw_only=True):
    """Issues, newest first. degraded: workloads that go on with less. stand_ins: those that another stands in for.

    unwritten: changes of their history that wait for room on a full disk. left_out: those that memory had no room for.
    """

    issues: list[IssueRow]
    degraded: list[DegradedRow] = []
    unwritten: int = 0
    left_out: int = 0
    stand_ins: list[StandInRow] = []


class ListIssues(Command, frozen=True, kw_only=True):
    """Issues by state; all of them when open_only is false."""

    target = "healer"
    verb = "list_issues"
    reply = IssueList
    open_only: bool = True
    limit: int = 50


class AuditRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of an issue's history. time: Unix seconds. step: raised, remedy, verified, failed, escalated, ..."""

    time: float
    step: str
    detail: str


class AttemptRow(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt of a remedy, from the reason for it to what came of it.

    why: the place in the plan, the precondition and the confidence. acted: what was done. outcome: verified, failed,
    dropped, or empty while it is under way. check: what was looked at, or why it failed. undone: what was put back.
    Times are Unix seconds; None: not yet.
    """

    number: int
    remedy: str
    why: str
    started_at: float
    confidence: str = ""
    acted: str = ""
    acted_at: float | None = None
    outcome: str = ""
    check: str = ""
    ended_at: float | None = None
    undone: str = ""


class IssueDetail(Reply, frozen=True, kw_only=True):
    """One issue with its evidence, every step taken and every attempt, oldest first. trace: the failure's whole text.

    phase: how far healing goes for its subject.
    """

    row: IssueRow
    evidence: list[str]
    audit: list[AuditRow]
    trace: str = ""
    attempts: list[AttemptRow] = []
    phase: str = ""


class ExplainIssue(Command, frozen=True, kw_only=True):
    """Everything known of one issue: evidence, why each remedy, how each was verified. issue: an id or a prefix."""

    target = "healer"
    verb = "explain_issue"
    reply = IssueDetail
    issue: str


class ResolveIssue(Command, frozen=True, kw_only=True):
    """A person says that an issue is dealt with; ends its escalation."""

    target = "healer"
    verb = "resolve_issue"
    reply = Done
    issue: str
    note: str = ""


class FlowEntered(Fact, frozen=True, kw_only=True):
    """Much is completed and little fails: what can wait, waits. Its subject is the node.

    done, failed: what ended well and ill within the last minute.
    """

    kind = "flow.entered"
    done: int
    failed: int


class FlowLeft(Fact, frozen=True, kw_only=True):
    """The node is not in flow any more; nor is it when the Healer is started. done, failed: within the last minute."""

    kind = "flow.left"
    done: int
    failed: int
