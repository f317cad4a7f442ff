"""What other actors say when they are asked: all that is to be told of one domain. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from msgspec import Struct

from actors.notifier.heard import ISSUE, approval, emergency, healer_failed, issue_key, node_gone
from actors.notifier.model import Seen
from actors.settings import format_duration
from actors.settings.alerts import Backlog
from bus.message import Command
from bus.messages import (
    ApprovalList,
    GetNode,
    GetTaskStats,
    IncidentList,
    IssueList,
    ListApprovals,
    ListIncidents,
    ListIssues,
    ListNodes,
    NodeInfo,
    NodeTable,
    TaskStats,
)

ISSUES_MAX: Final = 20_000
"""Open issues that are asked for. When there are more, none of those known is taken to be over."""

BACKLOG: Final = "backlog"


class Found(Struct, frozen=True):
    """All alerts of a domain. whole: what is known of it and not found here is over. domain: how its keys begin."""

    domain: str
    seen: tuple[Seen, ...]
    whole: bool = True


def _issues(reply: IssueList) -> Found:
    rows = [row for row in reply.issues if row.state != "resolved"]
    seen = tuple(
        Seen(
            key=issue_key(row.subject, row.fingerprint),
            alert_type=row.issue_kind,
            severity="critical" if row.state == "escalated" else row.severity,
            subject=row.subject,
            summary=row.summary,
            since=row.first_seen,
            issue=row.issue,
            urgent="it is left to a person" if row.state == "escalated" else "",
        )
        for row in rows
    )
    return Found(ISSUE, seen, whole=len(reply.issues) < ISSUES_MAX)


def _approvals(reply: ApprovalList) -> Found:
    return Found("approval:", tuple(approval(row.issue, row.subject, row.remedy, row.why) for row in reply.approvals))


def _nodes(reply: NodeTable) -> Found:
    gone = (row for row in reply.nodes if row.state == "gone" and not row.own)
    return Found("node:", tuple(node_gone(row.name, "no heartbeat") for row in gone))


def _actors(reply: NodeInfo) -> Found:
    failed = (row for row in reply.actors if row.name == "healer" and row.state == "given_up")
    return Found("component:", tuple(healer_failed(row.last_error) for row in failed))


def _incidents(reply: IncidentList, node: str) -> Found:
    if not reply.emergency:
        return Found("emergency", ())
    return Found("emergency", (emergency(node, reply.emergency, []),))


def backlog(stats: TaskStats, limit: Backlog, node: str) -> Found:
    """Whether more tasks wait than may, or one for longer."""
    waiting = [row for row in stats.waiting if row.state == "queued"]
    number, oldest_s = sum(row.number for row in waiting), max((row.oldest_s for row in waiting), default=0.0)
    why = []
    if limit.tasks is not None and number > limit.tasks:
        why.append(f"{number} tasks wait, {limit.tasks} may")
    if limit.age is not None and oldest_s > limit.age:
        why.append(f"one waits for {format_duration(round(oldest_s))}, {format_duration(limit.age)} is allowed")
    seen = Seen(key=BACKLOG, alert_type="backlog", severity="warning", subject=node, summary="; ".join(why))
    return Found(BACKLOG, (seen,) if why else ())


def questions(node: str, limit: Backlog) -> list[tuple[Command, Callable[[Any], Found]]]:
    """What is asked, and what each answer says. node: this one."""
    asked: list[tuple[Command, Callable[[Any], Found]]] = [
        (ListIssues(open_only=True, limit=ISSUES_MAX), _issues),
        (ListApprovals(), _approvals),
        (ListNodes(), _nodes),
        (GetNode(), _actors),
        (ListIncidents(open_only=True, limit=1), lambda reply: _incidents(reply, node)),
    ]
    if limit.tasks is not None or limit.age is not None:
        asked.append((GetTaskStats(), lambda reply: backlog(reply, limit, node)))
    return asked


def lacking(found: Found, there: Collection[str], known: Mapping[str, float], asked: float) -> list[str]:
    """Keys of alerts that are over, as they were not found.

    there: keys of those that were. known: key -> time of its last news. asked: when the question was put.
    """
    if not found.whole:
        return []
    return [key for key, news in known.items() if key.startswith(found.domain) and key not in there and news < asked]
