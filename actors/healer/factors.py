"""The six factors of the confidence in one remedy for one issue. Pure.

Clarity, reversibility and impact are said here; history, recency and what people said are counted in `past_of`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from actors.healer.confidence import Factors, Past, faded
from actors.healer.issues import Issue
from actors.healer.records import Outcome, Word
from actors.healer.remedies import UP, Planned, Remedy, Seen
from actors.healer.repair_kinds import REPAIRS
from actors.settings import Workload
from actors.settings.repair import FailureClass
from bus.messages.healer import IssueKind

_OWN_PLAN: Final = 0.85
_MADE_FOR: Final = 0.9
_FOR_ANY: Final = 0.8
_UNKNOWN: Final = 0.75
_VERBS: Final[Mapping[str, float]] = MappingProxyType(
    {"hook": 0.8, "task": 0.8, "end_strays": 0.85, "signal": 0.7, "roll": 0.7, "hold": 0.8, "fallback": 0.85}
)
_RESTART: Final[Mapping[IssueKind, float]] = MappingProxyType(
    {"unresponsive": 0.8, "memory": 0.75, "cpu": 0.75, "resource": 0.75, "not_working": 0.7}
)
_RESTART_OTHERWISE: Final = 0.6
_NO_RESTART_CURES: Final[frozenset[FailureClass]] = frozenset(
    ("import", "syntax", "config", "file_missing", "permission", "tls", "db_corrupt", "db_schema", "type_bug", "auth")
)
_UNCURED: Final = 0.3

_REACH: Final[Mapping[str, float]] = MappingProxyType({"file": 0.1, "process": 0.2, "workload": 0.0, "host": 0.6})
"""Impact beyond the process of the workload itself, by blast radius."""
_DOWN: Final = 0.05
_SPOILT: Final[Mapping[IssueKind, float]] = MappingProxyType({"unresponsive": 0.15, "not_working": 0.3})
_WELL: Final = 0.5
_CRITICAL: Final = 1.4

_TAKEN_BACK: Final[Mapping[str, float]] = MappingProxyType(
    {"restart": 0.7, "roll": 0.7, "signal": 0.6, "end_strays": 0.3, "hold": 1.0, "fallback": 1.0, "task": 0.4}
)


def factors_of(remedy: Remedy, issue: Issue, workload: Workload, seen: Seen, past: Past) -> Factors:
    """All six, for an attempt that could begin now."""
    planned = seen.planned.get(remedy.name)
    plan = planned if isinstance(planned, Planned) else None
    return Factors(
        clarity=clarity(remedy, issue, workload),
        past=past,
        reversible=_reversible(remedy, workload, plan),
        impact=_impact(remedy, issue, workload, seen, plan),
    )


def clarity(remedy: Remedy, issue: Issue, workload: Workload) -> float:
    """How plainly the failure calls for the remedy: the operator's own word, its class, or its kind only."""
    if remedy.name in workload.spec.heal.get(issue.kind, ()):
        return _OWN_PLAN
    if remedy.verb == "repair":
        made_for = REPAIRS[remedy.name].failures
        if issue.failure == "unknown":
            return _UNKNOWN
        return _MADE_FOR if issue.failure in made_for else _FOR_ANY
    if remedy.verb == "restart":
        return _UNCURED if issue.failure in _NO_RESTART_CURES else _RESTART.get(issue.kind, _RESTART_OTHERWISE)
    return _VERBS.get(remedy.verb, _RESTART_OTHERWISE)


def _reversible(remedy: Remedy, workload: Workload, planned: Planned | None) -> float:
    if planned is not None:
        return 1.0 if planned.undo else 0.6
    if remedy.verb == "hook":
        hook = workload.spec.hooks.get(remedy.argument)
        return 1.0 if hook is not None and hook.undo is not None else 0.4
    return _TAKEN_BACK.get(remedy.verb, 0.6)


def _impact(remedy: Remedy, issue: Issue, workload: Workload, seen: Seen, planned: Planned | None) -> float:
    """What it could spoil: nothing runs that could be lost, or something that does no work, or something well."""
    reach = _REACH[REPAIRS[remedy.name].blast] if remedy.verb == "repair" else 0.0
    if planned is not None and not (planned.restarts or planned.down_first):
        return reach
    own = _DOWN if seen.row.state not in UP else _SPOILT.get(issue.kind, _WELL)
    return min(1.0, max(reach, own) * (_CRITICAL if workload.spec.critical else 1.0))


def past_of(remedy: Remedy, issue: Issue, outcomes: Iterable[Outcome], words: Iterable[Word], wall_s: float) -> Past:
    """What is known of the remedy, each piece weighted by its likeness and its age. wall_s: Unix seconds."""
    helped = failed = approved = rejected = 0.0
    for outcome in outcomes:
        if outcome.remedy == remedy.name:
            weight = _likeness(issue, outcome) * faded(wall_s - outcome.ended_at)
            helped, failed = helped + weight * outcome.helped, failed + weight * (not outcome.helped)
    for word in words:
        if word.remedy == remedy.name and issue.subject == word.subject:
            weight = (1.0 if word.fingerprint == issue.fingerprint else 0.5) * faded(wall_s - word.time)
            approved, rejected = approved + weight * word.approved, rejected + weight * (not word.approved)
    return Past(helped, failed, approved, rejected)


def _likeness(issue: Issue, outcome: Outcome) -> float:
    if outcome.fingerprint == issue.fingerprint:
        return 1.0
    if (outcome.kind, outcome.failure) != (issue.kind, issue.failure):
        return 0.1
    return 0.6 if outcome.subject == issue.subject else 0.3


def was_rejected(remedy: Remedy, issue: Issue, words: Iterable[Word]) -> bool:
    """Whether the last that a person said of this remedy for this very failure was no. words: newest first."""
    said = (
        word.approved
        for word in words
        if (word.remedy, word.fingerprint, word.subject) == (remedy.name, issue.fingerprint, issue.subject)
    )
    return next(said, True) is False
