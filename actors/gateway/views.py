"""What is answered where one actor alone does not know it all: the shapes, and how they are put together. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from bus.message import Reply
from bus.messages import (
    AlteredRow,
    HealthReport,
    HealthRow,
    HealthStory,
    IssueDetail,
    IssueRow,
    NodeInfo,
    PhaseRow,
    ProcessRow,
    ProcessStories,
    ProcessTable,
    RuleDecision,
    StoryRow,
    TaskList,
    TaskStats,
)
from bus.status import Status

_NOT_YET = frozenset({"starting", "restarting"})
LEVELS = ("healthy", "degraded", "unhealthy", "critical", "failing")
"""From best to worst, as HealthLevel."""


class Outcomes(Struct, frozen=True):
    """What came of questions. replies: by part. missing: why a part has none. at: Unix seconds of the answer."""

    replies: Mapping[str, Any]
    missing: dict[str, str]
    at: float


class View(Reply, frozen=True, kw_only=True):
    """Put together from several actors. at: Unix seconds. missing: parts that are null, and why."""

    at: float
    missing: dict[str, str] = {}


class WorkloadSummary(Struct, frozen=True, kw_only=True):
    """One workload: its process, and its health as far as it is known."""

    process: ProcessRow
    health: HealthRow | None = None


class WorkloadsView(View, frozen=True, kw_only=True):
    """Every workload, in config order. none: names of the config without an instance now."""

    workloads: list[WorkloadSummary]
    draining: bool = False
    none: list[str] = []


class ProbeView(Struct, frozen=True, kw_only=True):
    """A declared probe and its newest run. what: what it asks. at: Unix seconds; None: not run since the start."""

    probe: str
    what: str
    at: float | None = None
    ok: bool | None = None
    latency_s: float | None = None
    detail: str = ""


class WorkloadView(View, frozen=True, kw_only=True):
    """All that is known of one workload. story: how it came to its state. issues: open ones. changes: newest first."""

    process: ProcessRow | None = None
    health: HealthRow | None = None
    story: StoryRow | None = None
    phase: PhaseRow | None = None
    issues: list[IssueRow] = []
    changes: list[AlteredRow] = []
    probes: list[ProbeView] = []


class HistoryView(View, frozen=True, kw_only=True):
    """How a workload came to its state, what it waits for, and why its health is as it is."""

    stories: ProcessStories | None = None
    health: HealthStory | None = None


class IssueView(View, frozen=True, kw_only=True):
    """An issue from evidence to verification. decision: which rule decides, which were looked at, and the plan."""

    detail: IssueDetail | None = None
    decision: RuleDecision | None = None


class Decision(Struct, frozen=True, kw_only=True):
    """One thing that was altered, and the issue because of which it was."""

    change: AlteredRow
    issue: IssueRow | None = None


class DecisionsView(View, frozen=True, kw_only=True):
    """What the system altered by itself and why, and what people took back; newest first."""

    decisions: list[Decision] = []


class TasksView(View, frozen=True, kw_only=True):
    """The queue in its order, what ended lately, and both in numbers."""

    queue: TaskList | None = None
    ended: TaskList | None = None
    stats: TaskStats | None = None


class Check(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that was looked at, as application/health+json has it."""

    status: Literal["pass", "warn", "fail"]
    output: str = ""


class HealthDocument(Reply, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """The health of the node as application/health+json. status: pass, warn (degraded), or fail, which is answered 503.

    output: why it is not pass. checks: by subject, those that are not pass, and the whole.
    """

    status: Literal["pass", "warn", "fail"]
    version: str = ""
    service_id: str = ""
    description: str = ""
    output: str = ""
    checks: dict[str, list[Check]] = {}


def status(found: Outcomes) -> Status:
    """Every part that gave an answer."""
    return Status(at=found.at, missing=found.missing, **found.replies)


def workloads(found: Outcomes) -> WorkloadsView:
    """Processes and their health side by side."""
    table: ProcessTable = found.replies["processes"]
    levels = _health_rows(found)
    rows = [WorkloadSummary(process=row, health=levels.get(row.name)) for row in table.processes]
    return WorkloadsView(at=found.at, missing=found.missing, workloads=rows, draining=table.draining, none=table.none)


def workload(name: str, found: Outcomes, probes: list[ProbeView]) -> WorkloadView:
    """Of all answers what is about this workload."""
    stories = getattr(found.replies.get("stories"), "stories", [])
    phases = getattr(found.replies.get("phases"), "workloads", [])
    return WorkloadView(
        at=found.at,
        missing=found.missing,
        process=process_of(found.replies["processes"], name),
        health=_health_rows(found).get(name),
        story=next((story for story in stories if story.name == name), None),
        phase=next((phase for phase in phases if phase.name == name), None),
        issues=[row for row in getattr(found.replies.get("issues"), "issues", []) if row.subject == name],
        changes=getattr(found.replies.get("changes"), "changes", []),
        probes=probes,
    )


def process_of(table: ProcessTable, name: str) -> ProcessRow | None:
    """The row of a workload, or None when there is none of that name."""
    return next((row for row in table.processes if row.name == name), None)


def history(found: Outcomes) -> HistoryView:
    """Both stories."""
    return HistoryView(at=found.at, missing=found.missing, **found.replies)


def issue(found: Outcomes) -> IssueView:
    """The issue with the decision about it."""
    return IssueView(at=found.at, missing=found.missing, **found.replies)


def decisions(found: Outcomes) -> DecisionsView:
    """Each change beside its issue."""
    issues = {row.issue: row for row in getattr(found.replies.get("issues"), "issues", [])}
    changes: list[AlteredRow] = getattr(found.replies.get("changes"), "changes", [])
    rows = [Decision(change=change, issue=issues.get(change.issue)) for change in changes]
    return DecisionsView(at=found.at, missing=found.missing, decisions=rows)


def tasks(found: Outcomes) -> TasksView:
    """The three answers of the Executor."""
    return TasksView(at=found.at, missing=found.missing, **found.replies)


def health(found: Outcomes) -> HealthDocument:
    """How well everything is, for a balancer or a person. Without a Monitor the node itself is all that is known."""
    info: NodeInfo | None = found.replies.get("node")
    report: HealthReport | None = found.replies.get("health")
    checks = {} if report is None else {"whole": [_check(report.whole)]}
    if report is not None:
        rows = [report.node, report.host, *report.workloads]
        checks |= {f"{row.scope}:{row.subject}": [_check(row)] for row in rows if row.level != "healthy"}
    checks |= {f"part:{part}": [Check(status="warn", output=why)] for part, why in found.missing.items()}
    for row in info.actors if info is not None else ():
        if row.state == "given_up":
            checks[f"actor:{row.name}"] = [Check(status="warn", output=row.last_error)]
    worst: Literal["pass", "warn", "fail"] = "pass"
    if any(each.status != "pass" for found_ in checks.values() for each in found_):
        worst = "warn"
    if info is None or (report is not None and checks["whole"][0].status == "fail"):
        worst = "fail"
    return HealthDocument(
        status=worst,
        version=info.release if info is not None else "",
        service_id=info.node if info is not None else "",
        description="gyrostat node" + (f", mode {info.mode}" if info is not None else ""),
        output="; ".join(each.output for rows_ in checks.values() for each in rows_ if each.output)[:2000],
        checks=checks,
    )


def readiness(found: Outcomes, *, stopping: bool) -> HealthDocument:
    """Whether the node is up and takes on work."""
    info: NodeInfo | None = found.replies.get("node")
    table: ProcessTable | None = found.replies.get("processes")
    why = [f"actor {row.name} is {row.state}" for row in (info.actors if info else ()) if row.state in _NOT_YET]
    why += ["the node stops"] if stopping else []
    why += ["the node is drained"] if table is not None and table.draining else []
    why += [] if info is not None else ["the node gives no answer"]
    return HealthDocument(status="fail" if why else "pass", output="; ".join(why))


def _check(row: HealthRow) -> Check:
    place = LEVELS.index(row.level)
    said: Literal["pass", "warn", "fail"] = "pass" if place == 0 else "warn" if place == 1 else "fail"
    return Check(status=said, output="" if place == 0 else ", ".join([row.level, *row.why]))


def _health_rows(found: Outcomes) -> dict[str, HealthRow]:
    report: HealthReport | None = found.replies.get("health")
    return {row.subject: row for row in report.workloads} if report is not None else {}
