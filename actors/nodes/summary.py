"""From the answers of a node's actors to its status in short. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from bus.errors import CommandError
from bus.message import Command
from bus.messages import GetHealth, ListIssues, ListProcesses, NodeStatus, WorkloadBrief

QUESTIONS: Final[Mapping[str, Command]] = {
    "processes": ListProcesses(),
    "health": GetHealth(),
    "issues": ListIssues(),
}
"""What is asked, by the part it gives."""
WHY_MAX: Final = 5
"""Reasons told of a node; the first are the worst."""
WHY_CHARS: Final = 200
WORKLOADS_MAX: Final = 2_000
"""Workloads told of; a status has to fit a frame."""


def summary(node: str, mode: str, answers: Mapping[str, Any]) -> NodeStatus:
    """The status. answers: reply or CommandError by part; what is not there counts as no answer."""
    good = {part: one for part, one in answers.items() if not isinstance(one, CommandError)}
    health, processes, issues = good.get("health"), good.get("processes"), good.get("issues")
    levels = {row.subject: row for row in health.workloads} if health is not None else {}
    rows = processes.processes[:WORKLOADS_MAX] if processes is not None else []
    return NodeStatus(
        subject=node,
        mode=mode,
        level=health.whole.level if health is not None else "",
        why=[why[:WHY_CHARS] for why in health.whole.why[:WHY_MAX]] if health is not None else [],
        workloads=[_brief(row, levels.get(row.name)) for row in rows],
        issues=len(issues.issues) if issues is not None else None,
        escalated=sum(row.state == "escalated" for row in issues.issues) if issues is not None else None,
        draining=processes is not None and processes.draining,
        missing=[QUESTIONS[part].target for part in QUESTIONS if part not in good],
    )


def _brief(row: Any, health: Any) -> WorkloadBrief:
    unwell = health is not None and health.level != "healthy" and bool(health.why)
    why = row.why if row.state not in {"ready", "running"} else (health.why[0] if unwell else "")
    return WorkloadBrief(
        name=row.name,
        state=row.state,
        pid=row.pid,
        restarts=row.restarts,
        level=health.level if health is not None else "",
        why=why[:WHY_CHARS],
    )
