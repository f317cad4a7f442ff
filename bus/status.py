"""Everything at a glance, asked of all actors at once. Pure."""

from __future__ import annotations

from typing import Any

import msgspec

from bus.message import Command, Reply
from bus.messages import (
    ApprovalList,
    DriftReport,
    ExperimentList,
    GetDrift,
    GetHealth,
    GetNode,
    GetTaskStats,
    GoalList,
    HealthReport,
    IssueList,
    ListApprovals,
    ListExperiments,
    ListGoals,
    ListIssues,
    ListProcesses,
    NodeInfo,
    ProcessTable,
    TaskStats,
)


class Status(Reply, frozen=True, kw_only=True):
    """Everything at a glance. at: Unix seconds of the answer. missing: part that is null -> why."""

    at: float
    node: NodeInfo | None = None
    processes: ProcessTable | None = None
    health: HealthReport | None = None
    issues: IssueList | None = None
    approvals: ApprovalList | None = None
    drift: DriftReport | None = None
    goals: GoalList | None = None
    experiments: ExperimentList | None = None
    tasks: TaskStats | None = None
    missing: dict[str, str] = msgspec.field(default_factory=dict)


def questions() -> dict[str, Command]:
    """Part -> what is asked for it."""
    return {
        "node": GetNode(),
        "processes": ListProcesses(),
        "health": GetHealth(),
        "issues": ListIssues(),
        "approvals": ListApprovals(),
        "drift": GetDrift(),
        "goals": ListGoals(),
        "experiments": ListExperiments(limit=10),
        "tasks": GetTaskStats(),
    }


def status_of(asked: dict[str, Command], outcomes: list[Any], at: float) -> Status:
    """Put the outcomes together. outcomes: replies, or errors in their place, in the order of what was asked."""
    parts: dict[str, Any] = {}
    missing: dict[str, str] = {}
    for (part, question), outcome in zip(asked.items(), outcomes, strict=True):
        if isinstance(outcome, Exception):
            missing[part] = f"{question.target}: {outcome}"
        else:
            parts[part] = outcome
    return Status(at=at, missing=missing, **parts)
