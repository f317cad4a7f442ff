"""What a fact means for people: something to be told, or the end of it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from actors.notifier.model import Over, Seen
from bus.message import Fact
from bus.messages import (
    ActorFailed,
    ActorStarted,
    ApprovalAnswered,
    ApprovalAsked,
    ConfigRejected,
    ConfigSetBack,
    EmergencyDeclared,
    EmergencyEnded,
    GapUnfillable,
    IssueEscalated,
    IssueRaised,
    IssueResolved,
    NodeGone,
    NodeReturned,
    QueueSetAside,
    TaskEnded,
    TaskLate,
)

HEALER: Final = "healer"
"""The actor that raises issues about the others, and so cannot raise one about itself."""

EMERGENCY: Final = "emergency"
ISSUE: Final = "issue:"
"""How the keys of issues begin."""


def issue_key(subject: str, fingerprint: str) -> str:
    """An issue that comes back is the same alert."""
    return f"{ISSUE}{subject}:{fingerprint}"


def approval_key(issue: str, remedy: str) -> str:
    """Each remedy is a question of its own."""
    return f"approval:{issue}:{remedy}"


def _raised(fact: IssueRaised) -> Seen:
    return Seen(
        key=issue_key(fact.subject, fact.fingerprint),
        alert_type=fact.issue_kind,
        severity=fact.severity,
        subject=fact.subject,
        summary=fact.summary,
        issue=fact.issue,
    )


def _escalated(fact: IssueEscalated) -> Seen:
    """Of an issue that was not heard of: the key is found by its id."""
    return Seen(
        key="",
        alert_type=fact.issue_kind,
        severity="critical",
        subject=fact.subject,
        summary=fact.why,
        issue=fact.issue,
        urgent=fact.why,
    )


def approval(issue: str, subject: str, remedy: str, why: str) -> Seen:
    """A question to a person."""
    return Seen(
        key=approval_key(issue, remedy),
        alert_type="approval",
        severity="warning",
        subject=subject,
        summary=f"asks for {remedy}: {why}",
        issue=issue,
        urgent=f"gyrostat approve {issue}, or gyrostat reject {issue}",
    )


def node_gone(name: str, why: str) -> Seen:
    """Another node is silent."""
    return Seen(
        key=f"node:{name}",
        alert_type="node",
        severity="critical",
        subject=name,
        summary=f"node {name} is heard no more: {why}",
    )


def emergency(node: str, incident: str, places: list[str]) -> Seen:
    """Several places are critical at once."""
    where = f": {', '.join(places)}" if places else ""
    return Seen(
        key=EMERGENCY,
        alert_type="emergency",
        severity="critical",
        subject=node,
        summary=f"emergency, incident {incident}{where}",
    )


def _gone(fact: NodeGone) -> Seen | None:
    return None if fact.said else node_gone(fact.subject, fact.why)


def healer_failed(error: str) -> Seen:
    """Nobody raises issues."""
    return Seen(
        key=f"component:{HEALER}",
        alert_type="component",
        severity="critical",
        subject=HEALER,
        summary=f"the healer is given up, nothing is repaired: {error}",
    )


def _actor_failed(fact: ActorFailed) -> Seen | None:
    return healer_failed(fact.error) if fact.given_up and fact.subject == HEALER else None


def _actor_started(fact: ActorStarted) -> Over | None:
    return Over(key=f"component:{HEALER}") if fact.subject == HEALER else None


def _task_ended(fact: TaskEnded) -> Seen | None:
    if fact.outcome != "dead":
        return None
    return Seen(
        key=f"task:{fact.task}",
        alert_type="task",
        severity="warning",
        subject=fact.subject,
        summary=f"task {fact.task} failed for good: {fact.error}",
        once=True,
    )


def _task_late(fact: TaskLate) -> Seen | None:
    if fact.then != "escalate":
        return None
    return Seen(
        key=f"late:{fact.task}",
        alert_type="task",
        severity="critical",
        subject=fact.subject,
        summary=f"task {fact.task} passed its deadline before it was started",
        once=True,
    )


def _unfillable(fact: GapUnfillable) -> Seen:
    return Seen(
        key=f"gap:{fact.subject}:{fact.key}",
        alert_type="task",
        severity="warning",
        subject=fact.subject,
        summary=f"{fact.key} is {fact.gap} and cannot be filled: {fact.why}",
        once=True,
    )


def _rejected(fact: ConfigRejected) -> Seen:
    return Seen(
        key=f"config:{fact.subject}",
        alert_type="node",
        severity="warning",
        subject=fact.subject,
        summary=f"a new config was refused: {fact.faults[0] if fact.faults else 'no reason given'}",
        once=True,
    )


def _set_back(fact: ConfigSetBack) -> Seen:
    return Seen(
        key=f"setback:{fact.subject}:{fact.mode}",
        alert_type="node",
        severity="warning",
        subject=fact.subject,
        summary=f"did not get ready with its new config; put back: {', '.join(fact.instances)}",
        once=True,
    )


def _set_aside(fact: QueueSetAside) -> Seen:
    return Seen(
        key=f"queue:{fact.kept}",
        alert_type="component",
        severity="critical",
        subject=fact.subject,
        summary=f"the queue of tasks was broken and begins anew, the old one is {fact.kept}: {fact.why}",
        once=True,
    )


_MEANINGS: Final[Mapping[type[Fact], Callable[[Any], Seen | Over | None]]] = {
    IssueRaised: _raised,
    IssueEscalated: _escalated,
    IssueResolved: lambda fact: Over(issue=fact.issue),
    ApprovalAsked: lambda fact: approval(fact.issue, fact.subject, fact.remedy, fact.why),
    ApprovalAnswered: lambda fact: Over(key=approval_key(fact.issue, fact.remedy)),
    EmergencyDeclared: lambda fact: emergency(fact.subject, fact.incident, fact.places),
    EmergencyEnded: lambda _: Over(key=EMERGENCY),
    NodeGone: _gone,
    NodeReturned: lambda fact: Over(key=f"node:{fact.subject}"),
    ActorFailed: _actor_failed,
    ActorStarted: _actor_started,
    TaskEnded: _task_ended,
    TaskLate: _task_late,
    GapUnfillable: _unfillable,
    ConfigRejected: _rejected,
    ConfigSetBack: _set_back,
    QueueSetAside: _set_aside,
}

HEARD: Final = tuple(_MEANINGS)
"""Facts that mean something."""


def meaning(fact: Fact) -> Seen | Over | None:
    """What is to be told, or is over; None when it concerns nobody."""
    return _MEANINGS[type(fact)](fact)
