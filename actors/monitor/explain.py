"""Why a subject has its level, as a chain: itself, then what its reasons lead to, down to the roots. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from actors.monitor.board import HOST, WHOLE, Board
from actors.monitor.health import RANK, Reason
from actors.monitor.incidents import Incidents
from actors.monitor.settings import MonitorSettings
from actors.monitor.subject import Subject
from actors.monitor.thresholds import CALM, Limit
from actors.settings import Workload
from actors.settings.wording import duration, said
from bus.messages import HealthCause, HealthReason, LimitRow

DEFAULT = "default"
"""The source of a rule that nobody wrote down."""


def explain(board: Board, incidents: Incidents, subject: Subject, now_s: float) -> list[HealthCause]:
    """The links of the chain, each before what explains it; a subject stands where it is met first."""
    chain: list[HealthCause] = []
    waiting = [(subject, 0)]
    seen = {subject.name}
    while waiting:
        one, depth = waiting.pop()
        cause = _link(board, incidents, one, depth, now_s)
        chain.append(cause)
        deeper = []
        for name in [*(reason.because for reason in cause.reasons), cause.because]:
            found = _named(board, name)
            if found is not None and found.name not in seen:
                seen.add(found.name)
                deeper.append((found, depth + 1))
        waiting += reversed(deeper)
    return chain


def _named(board: Board, name: str) -> Subject | None:
    if name in board.members:
        return board.members[name].subject
    return {"node": board.node, HOST: board.host}.get(name)


def _link(board: Board, incidents: Incidents, subject: Subject, depth: int, now_s: float) -> HealthCause:
    incident = incidents.of(subject.name) if subject.name != WHOLE else None
    told = incident if incident is not None and incident.told else None
    member = board.members.get(subject.name)
    workload = member.workload if member is not None and subject is member.subject else None
    reasons = sorted(board.reasons(subject, now_s), key=lambda reason: -RANK[reason.level])
    if subject.verdict.level != "healthy":
        reasons = [reason for reason in reasons if reason.level != "healthy"]
    return HealthCause(
        subject=subject.name,
        scope=subject.scope,
        depth=depth,
        level=subject.verdict.level,
        since_s=max(0.0, now_s - subject.level_since_s),
        reasons=[_reason(reason, subject, board, now_s) for reason in reasons],
        limits=list(_limits(subject, workload, board.settings, now_s)),
        incident=told.incident if told is not None else "",
        because=told.members[subject.name].because if told is not None else "",
    )


def _reason(reason: Reason, subject: Subject, board: Board, now_s: float) -> HealthReason:
    about = board.members.get(reason.because if subject is board.whole else subject.name)
    workload = about.workload if about is not None and subject.scope in {"workload", "whole"} else None
    limit = subject.limits.get(reason.metric)
    read_s = subject.read_at(reason.metric)
    rule, source = reason.rule, ""
    if limit is not None:
        rule = f"{limit.direction} {said(limit.metric, limit.value, limit.unit)}{_hold(limit)}; {rule}"
        source = source_of(limit.metric, workload, board.settings)
    elif workload is not None and reason.key:
        source = f"workloads.{workload.config_name}.{reason.key}"
    return HealthReason(
        level=reason.level,
        text=reason.text,
        rule=rule,
        source=source,
        metric=reason.metric,
        reading=subject.latest(reason.metric),
        read_s=None if read_s is None else max(0.0, now_s - read_s),
        lasted_s=reason.lasted_s,
        because=reason.because,
    )


def _hold(limit: Limit) -> str:
    return f" for {duration(limit.hold_s)}" if limit.hold_s else ""


def source_of(metric: str, workload: Workload | None, settings: MonitorSettings) -> str:
    """The key of the config a threshold comes from, or DEFAULT. workload: None for the host."""
    if workload is None:
        return f"actors.monitor.thresholds.{metric}" if metric in settings.thresholds else DEFAULT
    if metric in workload.spec.thresholds:
        return f"workloads.{workload.config_name}.thresholds.{metric}"
    return f"actors.monitor.workload_thresholds.{metric}" if metric in settings.workload_thresholds else DEFAULT


def _limits(subject: Subject, workload: Workload | None, settings: MonitorSettings, now_s: float) -> Iterator[LimitRow]:
    for metric, limit in subject.limits.items():
        yield _limit(subject, limit, source_of(metric, workload, settings), now_s)


def _limit(subject: Subject, limit: Limit, source: str, now_s: float) -> LimitRow:
    watch = subject.watches.get(limit.metric, CALM)
    return LimitRow(
        metric=limit.metric,
        direction=limit.direction,
        limit=limit.value,
        hold_s=limit.hold_s,
        source=source,
        state="within" if watch.phase == "calm" else watch.phase,
        reading=subject.latest(limit.metric),
        since_s=None if watch.phase == "calm" else max(0.0, now_s - watch.since_s),
    )
