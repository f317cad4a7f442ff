"""Which remedies are tried for an issue, and in which order. Pure."""

from __future__ import annotations

import msgspec

from actors.healer.fingerprints import says_left_over
from actors.healer.issues import SERVICE, WARNING, Issue
from actors.settings import Workload
from bus.messages.healer import IssueKind

REPAIR = "repair"
"""Hook that an operator declares to repair what keeps a workload from starting or staying up."""
RELIEVE = "relieve"
"""Hook that an operator declares to lessen memory without a restart."""


_TOLD_ONLY: dict[IssueKind, str] = {
    "forecast": "a warning; nothing is done before the limit is reached",
    "drift": "only a person can say which of the two is right",
}


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """remedies: in order. tell_first: people are told before the first of them. told_only: why none is tried."""

    remedies: tuple[str, ...] = ()
    tell_first: bool = False
    told_only: str = ""


def plan_for(issue: Issue, workload: Workload | None) -> Plan:
    """The operator's own plan for the kind of issue, or the built-in one."""
    if issue.kind == "actor":
        return Plan(told_only="its supervisor tries again by itself")
    if issue.cause.scope != "workload" or workload is None:
        return Plan(told_only=f"no remedy is allowed on the {issue.cause.scope}")
    own, action = workload.spec.heal.get(issue.kind), issue.cause.action
    if own is not None and not own:
        return Plan(told_only="its plan in the config is empty")
    if own is None and issue.kind in WARNING:
        return Plan(told_only=_TOLD_ONLY[issue.kind])
    remedies = _built_in(issue, workload) if own is None else tuple(own)
    if action:
        return Plan(remedies=(action, *(each for each in remedies if each != action)))
    return Plan(remedies=remedies, tell_first=own is None and issue.kind in SERVICE and issue.severity != "critical")


def _built_in(issue: Issue, workload: Workload) -> tuple[str, ...]:
    strays = says_left_over(issue.evidence)
    plans: dict[IssueKind, tuple[str, ...]] = {
        "crash": ("await_restart",),
        "crash_loop": (*_hook(workload, REPAIR), *(("end_strays",) if strays else ()), "restart"),
        "port_in_use": ("end_strays", "restart"),
        "start_failed": (*_hook(workload, REPAIR), "restart"),
        "not_working": (*(("wait_dependency",) if workload.spec.depends_on else ()), "restart"),
        "memory": (*_hook(workload, RELIEVE), "restart"),
    }
    return plans.get(issue.kind, ("restart",))


def _hook(workload: Workload, name: str) -> tuple[str, ...]:
    return (f"hook:{name}",) if name in workload.spec.hooks else ()
