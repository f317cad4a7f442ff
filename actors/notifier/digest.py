"""The summary of a day: what went wrong, what was repaired without anybody, what is left. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, Final

from msgspec import Struct

from actors.notifier.wording import counted, lasted
from bus.errors import CommandError
from bus.message import Command
from bus.messages import (
    ApprovalList,
    GetHealth,
    GetTaskStats,
    HealthReport,
    IssueList,
    IssueRow,
    ListApprovals,
    ListIssues,
    TaskStats,
)

DAY_S: Final = 86_400.0
ISSUES_MAX: Final = 5000
SHOWN_MAX: Final = 10

QUESTIONS: Final[Mapping[str, Command]] = {
    "issues": ListIssues(open_only=False, limit=ISSUES_MAX),
    "approvals": ListApprovals(),
    "health": GetHealth(),
    "tasks": GetTaskStats(window_s=DAY_S),
}
"""What is asked for it, by a word."""


class Summed(Struct, frozen=True):
    """A summary. title: in one line."""

    title: str
    text: str


def summed(answers: Mapping[str, Any], sent: Mapping[str, int], now_s: float) -> Summed:
    """Put the answers into words. answers: by the words of QUESTIONS. sent: messages of the day by channel."""
    issues = answers.get("issues")
    rows = list(issues.issues) if isinstance(issues, IssueList) else []
    began = [row for row in rows if now_s - row.first_seen <= DAY_S]
    left = [row for row in rows if row.state != "resolved"]
    level = _level(answers.get("health"))
    lines = [
        *_health(answers.get("health")),
        *(_issues(began) if isinstance(issues, IssueList) else ["issues: the healer gives no answer"]),
        *_left(left, now_s),
        *_approvals(answers.get("approvals")),
        *_tasks(answers.get("tasks")),
        f"messages: {counted(Counter(sent)) or 'none'}",
    ]
    number = len(began)
    title = f"the last day: {level}, {number} issue{'' if number == 1 else 's'}, {len(left)} open"
    return Summed(title, "\n".join(lines))


def _level(health: HealthReport | CommandError | None) -> str:
    return health.whole.level if isinstance(health, HealthReport) else "health unknown"


def _health(health: HealthReport | CommandError | None) -> list[str]:
    if not isinstance(health, HealthReport):
        return ["health: the monitor gives no answer"]
    why = f": {'; '.join(health.whole.why)}" if health.whole.why else ""
    return [f"health: {health.whole.level}{why}"]


def _issues(began: Sequence[IssueRow]) -> list[str]:
    if not began:
        return ["issues: none began"]
    solved = [row for row in began if row.state == "resolved"]
    times = [row.time_to_repair_s for row in solved if row.time_to_repair_s is not None]
    lines = [
        f"issues: {len(began)} began: {counted(Counter(row.issue_kind for row in began))}",
        f"  of workloads: {counted(Counter(row.subject for row in began[:ISSUES_MAX]))}",
    ]
    if solved:
        typical = f", half of them within {lasted(median(times))}" if times else ""
        lines.append(f"  repaired: {len(solved)}{typical}")
    remedies = Counter(remedy for row in solved for remedy in row.remedies)
    if remedies:
        lines.append(f"  by: {counted(remedies)}")
    return lines


def _left(left: Sequence[IssueRow], now_s: float) -> list[str]:
    if not left:
        return ["open: none"]
    lines = [f"open: {len(left)}"]
    lines += [
        f"  {row.subject} {row.issue_kind.replace('_', ' ')}, {row.state}, for {lasted(now_s - row.first_seen)}:"
        f" gyrostat issues {row.issue}"
        for row in sorted(left, key=lambda row: (row.state != "escalated", row.first_seen))[:SHOWN_MAX]
    ]
    if len(left) > SHOWN_MAX:
        lines.append(f"  and {len(left) - SHOWN_MAX} more: gyrostat issues")
    return lines


def _approvals(found: ApprovalList | CommandError | None) -> list[str]:
    if not isinstance(found, ApprovalList) or not found.approvals:
        return []
    return [f"waiting for a person's word: {len(found.approvals)}: gyrostat approve"]


def _tasks(stats: TaskStats | CommandError | None) -> list[str]:
    if not isinstance(stats, TaskStats):
        return []
    ended: Counter[str] = Counter()
    for row in stats.ended:
        ended[row.state] += row.number
    waiting = sum(row.number for row in stats.waiting)
    if not ended and not waiting:
        return []
    return [f"tasks: {counted(ended) or 'none ended'}; {waiting} wait or run"]
