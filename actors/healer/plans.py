"""Which remedies are tried for an issue, and in which order. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable
from typing import Any, Final

import msgspec

from actors.healer.issues import LIFE, WARNING, Issue
from actors.healer.remedies import parse
from actors.healer.repair_kinds import REPAIRS
from actors.healer.rulebook import Rulebook
from actors.settings import Workload
from actors.settings.rules import REPAIRS as ALL_REPAIRS
from bus.messages.healer import IssueKind

TEXT_MAX: Final = 8192
"""Letters of the evidence that a condition may ask about: the last ones."""

_ENDED: Final = re.compile(r"exited with code (-?\d+)|ended by signal ([A-Z0-9]+)")

_TOLD_ONLY: dict[IssueKind, str] = {
    "forecast": "a warning; nothing is done before the limit is reached",
    "drift": "only a person can say which of the two is right",
}


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """remedies: in order. tell_first: people are told before the first of them. told_only: why none is tried.

    rule: which decided; `heal` for the plan of the workload's own config; empty when none did.
    """

    rule: str = ""
    remedies: tuple[str, ...] = ()
    tell_first: bool = False
    told_only: str = ""


def plan_for(issue: Issue, workload: Workload | None, book: Rulebook) -> Plan:
    """The operator's own plan for the kind of issue, or what the rulebook says; the action of a threshold is first."""
    plan, action = _planned(issue, workload, book), issue.cause.action
    if not action or workload is None or workload.spec.heal.get(issue.kind) == []:
        return plan
    others = tuple(each for each in plan.remedies if each != action)
    return Plan(rule=plan.rule or "action", remedies=(action, *others))


def _planned(issue: Issue, workload: Workload | None, book: Rulebook) -> Plan:
    if (fixed := without_rules(issue, workload)) is not None or workload is None:
        return fixed or Plan()
    rule = book.decide(names_of(issue, workload))
    if rule is None:
        return Plan(told_only="no rule says what to do")
    if rule.escalate is not None:
        return Plan(rule=rule.rule, told_only=rule.escalate)
    remedies = expanded(rule.do, issue, workload)
    return Plan(
        rule=rule.rule,
        remedies=remedies,
        tell_first=rule.tell_first,
        told_only="" if remedies else f"nothing that rule {rule.rule} would do is in the workload's config",
    )


def without_rules(issue: Issue, workload: Workload | None) -> Plan | None:
    """What is decided before any rule is asked; None when the rulebook decides."""
    if issue.kind == "actor":
        return Plan(told_only="its supervisor tries again by itself")
    if issue.cause.scope != "workload" or workload is None:
        return Plan(told_only=f"no remedy is allowed on the {issue.cause.scope}")
    if issue.kind == "foreseen":
        why = left_out(issue.cause.remedy, workload)
        return Plan(rule="foreseen", remedies=() if why else (issue.cause.remedy,), told_only=why)
    own = workload.spec.heal.get(issue.kind)
    if own is None:
        return Plan(told_only=_TOLD_ONLY[issue.kind]) if issue.kind in WARNING else None
    return Plan(rule="heal", remedies=tuple(own), told_only="" if own else "its plan in the config is empty")


def expanded(do: Iterable[str], issue: Issue, workload: Workload) -> tuple[str, ...]:
    """The remedies of a rule that this issue can have; each stands where it is named first."""
    found: list[str] = []
    for item in do:
        names = _repairs(issue, workload) if item == ALL_REPAIRS else [item]
        before = set(found)
        found += [name for name in names if name not in before and not unfit(name, issue, workload, before)]
    return tuple(found)


def unfit(name: str, issue: Issue, workload: Workload, before: Collection[str]) -> str:
    """Why a remedy of a rule is none for this issue; empty when it is one. before: those ahead of it."""
    if name == "await_restart" and issue.kind != "crash":
        return "only after a crash is it restarted by its policy"
    if name == "restart" and "await_restart" in before:
        return "its policy restarts it"
    if name == "fallback" and issue.kind == "crash":
        return "its policy restarts it; another stands in when that does not help"
    return left_out(name, workload)


def left_out(name: str, workload: Workload) -> str:
    """Why a remedy is none of this workload; empty when it is one."""
    remedy = parse(name)
    if remedy is None:
        return "there is no such remedy"
    if remedy.verb == "hook" and remedy.argument not in workload.spec.hooks:
        return f"it declares no hook {remedy.argument}"
    if remedy.verb == "fallback" and workload.spec.fallback is None:
        return "it declares no fallback"
    if remedy.verb == "wait_dependency" and not workload.spec.depends_on:
        return "it depends on nothing"
    if remedy.verb == "repair" and not REPAIRS[remedy.name].allowed(workload.spec):
        return "its config allows it nothing"
    return ""


def _repairs(issue: Issue, workload: Workload) -> tuple[str, ...]:
    """The repairs made for this class of failure that its config allows; each looks for itself whether it applies."""
    return tuple(
        name
        for name, kind in REPAIRS.items()
        if (not kind.failures or issue.failure in kind.failures) and kind.allowed(workload.spec)
    )


def names_of(issue: Issue, workload: Workload) -> dict[str, Any]:
    """What the conditions of rules may ask about; see actors.settings.conditions."""
    ended = next(filter(None, (_ENDED.search(text) for text in (*reversed(issue.evidence), issue.summary))), None)
    code, signal = ended.groups() if ended is not None and issue.kind in LIFE else (None, None)
    return {
        "kind": issue.kind,
        "failure": issue.failure,
        "severity": issue.severity,
        "subject": issue.subject,
        "workload": workload.config_name,
        "mode": workload.mode,
        "tags": workload.spec.tags,
        "critical": workload.spec.critical,
        "count": issue.count,
        "age": max(0.0, issue.last_seen - issue.first_seen),
        "attempts": issue.attempts,
        "rounds": issue.rounds,
        "metric": issue.cause.metric,
        "value": issue.cause.value,
        "limit": issue.cause.limit,
        "probe": issue.cause.probe,
        "exit_code": float(code) if code else math.nan,
        "signal": signal or "",
        "text": _text(issue),
    }


def _text(issue: Issue) -> str:
    """The end of the evidence and the trace, which says the most."""
    return "\n".join((issue.summary, *issue.evidence, issue.trace))[-TEXT_MAX:]
