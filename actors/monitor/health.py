"""How well a subject is, and why: levels from state, thresholds, probes and dependencies. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal

from msgspec import Struct

from actors.settings.wording import duration, said

Level = Literal["healthy", "degraded", "unhealthy", "critical", "failing"]
LEVELS: Final[tuple[Level, ...]] = ("healthy", "degraded", "unhealthy", "critical", "failing")
"""From best to worst."""
RANK: Final[Mapping[Level, int]] = {level: rank for rank, level in enumerate(LEVELS)}

UP: Final = frozenset({"running", "ready", "unhealthy"})
"""States in which there is a process that is past its spawn."""
DOWN: Final = frozenset({"backing_off", "exited", "crash_loop"})
"""States in which a workload that is wanted has no process."""
_PROBE_LEVELS: Final[Mapping[str, Level]] = {
    "startup": "healthy",
    "liveness": "unhealthy",
    "work": "unhealthy",
    "readiness": "degraded",
}
_SEVERITY_LEVELS: Final[Mapping[str, Level]] = {"warning": "degraded", "critical": "unhealthy"}
_OTHERS: Final[Mapping[Level, Level]] = {
    "healthy": "healthy",
    "degraded": "degraded",
    "unhealthy": "degraded",
    "critical": "unhealthy",
    "failing": "unhealthy",
}
"""Level of a workload that is not critical -> what it makes of the whole."""


class Reason(Struct, frozen=True):
    """One thing that decided, as a sentence. A reason that is healthy is a note.

    rule: what makes it count, in words. key: where that is said, beneath the workload, or empty. metric: the reading.
    lasted_s: seconds it has been so, when that is known. because: the subject it comes from.
    """

    level: Level
    text: str
    rule: str = ""
    key: str = ""
    metric: str = ""
    lasted_s: float | None = None
    because: str = ""


class Verdict(Struct, frozen=True):
    """The level, and the reasons, worst first; notes only when it is healthy."""

    level: Level
    why: list[str]


class Crossing(Struct, frozen=True, kw_only=True):
    """A threshold that is crossed now. value: the latest reading. lasted_s: seconds it has been beyond its limit."""

    metric: str
    value: float
    limit: float
    direction: str
    severity: str
    lasted_s: float
    unit: str = ""


WELL: Final = Verdict("healthy", [])
"""Of what is ready, with nothing to say against it."""


class Condition(Struct, frozen=True, kw_only=True):
    """What is known of one workload.

    state: of the life cycle, or unknown before the ProcessManager was heard. in_state_s: seconds it has been in it.
    idle: it waits for its time or window. expected_end: it ended as its policy calls success. failing: probe -> detail.
    failing_s: probe -> seconds since its first failure in a row. missing: dependency -> its state, for those that are
    not what the workload needs. grace_s: seconds a start may take.
    """

    state: str
    in_state_s: float
    grace_s: float
    held: bool = False
    idle: bool = False
    expected_end: bool = False
    note: str = ""
    failing: Mapping[str, str] = {}
    failing_s: Mapping[str, float] = {}
    missing: Mapping[str, str] = {}
    crossings: Sequence[Crossing] = ()


def judge(reasons: Iterable[Reason]) -> Verdict:
    """The worst level of all reasons; healthy when there are none."""
    ordered = sorted(reasons, key=lambda reason: -RANK[reason.level])
    level: Level = ordered[0].level if ordered else "healthy"
    shown = [reason.text for reason in ordered if reason.level != "healthy" or level == "healthy"]
    return Verdict(level, shown)


def judge_workload(condition: Condition) -> Verdict:
    """How well one workload is."""
    return judge(workload_reasons(condition))


def workload_reasons(condition: Condition) -> list[Reason]:
    """What speaks for a workload's level. One that is down for good, or on purpose, is judged by its state alone."""
    reasons = [_state_reason(condition)]
    if condition.state in {"starting", "adopted", "waiting", *UP} and not condition.idle:
        reasons += [_missing_reason(name, state) for name, state in condition.missing.items()]
    if condition.state in UP:
        reasons += [
            _probe_reason(probe, detail, condition.failing_s.get(probe)) for probe, detail in condition.failing.items()
        ]
    if condition.state in {"starting", "adopted", *UP, *DOWN} and not condition.expected_end:
        reasons += crossing_reasons(condition.crossings)
    return [reason for reason in reasons if reason.text]


def crossing_reasons(crossings: Iterable[Crossing]) -> list[Reason]:
    """A sentence for each crossed threshold: memory 212 MB above 200 MB for 31 s."""
    return [
        Reason(
            _SEVERITY_LEVELS[one.severity],
            f"{one.metric} {said(one.metric, one.value, one.unit)} {_against(one)}"
            f"{said(one.metric, one.limit, one.unit)} for {duration(one.lasted_s)}",
            rule=f"a {one.severity} threshold that is crossed is {_SEVERITY_LEVELS[one.severity]}",
            key=f"thresholds.{one.metric}",
            metric=one.metric,
            lasted_s=one.lasted_s,
        )
        for one in crossings
    ]


def judge_node(given_up: Mapping[str, str], troubles: Iterable[str]) -> Verdict:
    """How well the node itself is. given_up: actor -> its last error. troubles: sentences about the measuring."""
    return judge(node_reasons(given_up, troubles))


def node_reasons(given_up: Mapping[str, str], troubles: Iterable[str]) -> list[Reason]:
    """What speaks against the node."""
    actors = [
        Reason("degraded", f"actor {name} is given up{f': {error}' if error else ''}", "an actor given up is degraded")
        for name, error in given_up.items()
    ]
    return [*actors, *(Reason("degraded", trouble, "measuring that is hindered is degraded") for trouble in troubles)]


def judge_whole(
    node: Verdict, host: Verdict, workloads: Mapping[str, tuple[Verdict, str]], critical: frozenset[str]
) -> Verdict:
    """How well everything together is."""
    return judge(whole_reasons(node, host, workloads, critical))


def whole_reasons(
    node: Verdict, host: Verdict, workloads: Mapping[str, tuple[Verdict, str]], critical: frozenset[str]
) -> list[Reason]:
    """What speaks against the whole.

    workloads: name -> its verdict and state. critical: names of the critical ones: one that is down makes the whole
    critical, all that are wanted down makes it failing. The others take the whole to unhealthy at most.
    """
    reasons = [
        *(
            Reason(part.level, f"{name}: {_first(part)}", f"the {name} counts as it is", because=name)
            for name, part in (("node", node), ("host", host))
        ),
        *(
            _part_reason(name, verdict, state, critical=name in critical)
            for name, (verdict, state) in workloads.items()
            if verdict.level != "healthy"
        ),
    ]
    wanted = [verdict for verdict, state in workloads.values() if state not in {"stopped", "held", "unknown"}]
    if wanted and all(verdict.level == "failing" for verdict in wanted):
        reasons.append(Reason("failing", "every workload is down", "with every workload down the whole is failing"))
    return [reason for reason in reasons if reason.level != "healthy"]


def _part_reason(name: str, verdict: Verdict, state: str, *, critical: bool) -> Reason:
    level = _share_of(verdict, state, critical=critical)
    which = "a critical workload" if critical else "a workload not declared critical"
    rule = f"{which}, {verdict.level}{' and down' if critical and state in DOWN else ''}, makes the whole {level}"
    return Reason(level, f"{name}: {_first(verdict)}", rule, key="critical", because=name)


def _share_of(verdict: Verdict, state: str, *, critical: bool) -> Level:
    if not critical:
        return _OTHERS[verdict.level]
    return "critical" if verdict.level != "healthy" and state in DOWN else verdict.level


def _state_reason(condition: Condition) -> Reason:
    state, lasted = condition.state, duration(condition.in_state_s)
    late: Level = "degraded" if condition.in_state_s > condition.grace_s else "healthy"
    note = f": {condition.note}" if condition.note else ""
    if state == "exited" and condition.expected_end:
        return Reason("healthy", f"ended as expected{note}", "an end that its policy calls success is healthy")
    if state == "waiting" and condition.idle:
        return Reason("healthy", condition.note or "waits for its time", "waiting for its time is healthy")
    on_time = f"to take longer than starting_grace ({duration(condition.grace_s)}) is degraded"
    reasons: Mapping[str, tuple[Level, str, str]] = {
        "exited": ("failing", f"ended {lasted} ago{note}", "to have ended for good is failing"),
        "crash_loop": ("failing", f"in a crash loop for {lasted}{note}", "a crash loop is failing"),
        "waiting": ("degraded", f"waiting for {lasted}{note}", "to wait for what it depends on is degraded"),
        "backing_off": ("degraded", f"backing off for {lasted}{note}", "to wait for the next start is degraded"),
        "unhealthy": ("unhealthy", f"does not answer for {lasted}{note}", "a failing liveness probe is unhealthy"),
        "starting": (late, f"not ready after {lasted}", on_time),
        "adopted": (late, f"not ready after {lasted}", on_time),
        "running": (late, f"not ready after {lasted}", on_time),
        "unknown": (late, f"nothing is known of it for {lasted}", on_time),
        "stopped": ("healthy", f"{'held' if condition.held else 'stopped'} on purpose{note}", "on purpose is healthy"),
        "held": ("healthy", f"held on purpose{note}", "on purpose is healthy"),
        "stopping": ("healthy", "stops", "on purpose is healthy"),
    }
    level, text, rule = reasons.get(state, ("healthy", "", ""))
    return Reason(level, text, rule, lasted_s=condition.in_state_s)


def _missing_reason(name: str, state: str) -> Reason:
    rule = "a dependency that is not what it needs is degraded"
    return Reason("degraded", f"needs {name}, which is {_worded(state)}", rule, f"depends_on.{name}", because=name)


def _probe_reason(probe: str, detail: str, lasted_s: float | None) -> Reason:
    level = _PROBE_LEVELS.get(probe, "degraded")
    rule = f"a failing {probe} probe is {level}"
    text = f"{probe} probe fails{f': {detail}' if detail else ''}"
    return Reason(level, text, rule, f"probes.{probe}", lasted_s=lasted_s)


def _against(one: Crossing) -> str:
    """How the reading stands to its limit: between limit and clear value it is no longer beyond it."""
    beyond = one.value > one.limit if one.direction == "above" else one.value < one.limit
    if beyond:
        return f"{one.direction} "
    return "not clear of " if one.value != one.limit else "at "


def _worded(state: str) -> str:
    return {"backing_off": "backing off", "crash_loop": "in a crash loop", "waiting": "waiting"}.get(state, state)


def _first(verdict: Verdict) -> str:
    return verdict.why[0] if verdict.why else verdict.level
