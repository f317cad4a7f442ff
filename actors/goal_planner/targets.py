"""Which metrics of a workload have a target, what it is, and when it becomes a goal or is met. Pure."""

from __future__ import annotations

from typing import Literal

import msgspec

from actors.goal_planner.goals import OPEN, Direction, Goal
from actors.goal_planner.runs import Run, proven
from actors.goal_planner.settings import GoalPlannerSettings
from actors.settings import Workload, format_duration
from bus.messages import GoalKind, Trend

METRICS = ("availability", "latency")
"""The metrics that goals are made of: percent of answered probes, seconds to an answer."""
PRIORITY = 3
PRIORITY_CRITICAL = 5
MISSED_FROM = 3.0
"""Times that a sample may be late before it counts as missed; a busy host is late as well."""


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """What a metric of a workload should be; value in the metric's unit."""

    metric: str
    goal_kind: GoalKind
    direction: Direction
    value: float


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """The latest sample of a metric with what else is known of it. health: why the workload is not healthy."""

    value: float
    trend: Trend | None = None
    health: str = ""


class Ended(msgspec.Struct, frozen=True):
    """A goal is over without being met, and why."""

    state: Literal["failed", "cancelled"]
    why: str


def target_of(workload: Workload, metric: str, settings: GoalPlannerSettings) -> Target:
    """The target of one of METRICS: the workload's own threshold when it declares one, else the setting."""
    declared = workload.spec.thresholds.get(metric)
    if metric == "availability":
        own = declared.below if declared is not None else None
        value = own if own is not None else settings.availability_target
        return Target(metric=metric, goal_kind="reliability", direction="at_least", value=float(value))
    own = declared.above if declared is not None else None
    value = own if own is not None else settings.latency_target
    return Target(metric=metric, goal_kind="performance", direction="at_most", value=float(value))


def gap_max_s(workload: Workload, interval_s: float) -> float:
    """Seconds between two samples of METRICS beyond which some were missed.

    interval_s: seconds between readings. A reading has a latency only when a probe was run since the last one.
    """
    probes = workload.spec.probes
    asked = (probes.startup, probes.liveness, probes.readiness, probes.work)
    return MISSED_FROM * max([interval_s, *(probe.every for probe in asked if probe is not None)])


def goal_wanted(
    workload: Workload, target: Target, run: Run | None, reading: Reading, settings: GoalPlannerSettings
) -> Goal | None:
    """The goal to be set, without its number and time; None while the target is not missed for the whole hold.

    run: the samples of the metric against this target. The baseline is the value measured now.
    """
    if run is None or not proven(run, met=False, for_s=settings.hold, samples_min=settings.samples_min):
        return None
    return Goal(
        number=0,
        subject=workload.name,
        goal_kind=target.goal_kind,
        priority=PRIORITY_CRITICAL if workload.spec.critical else PRIORITY,
        state="pending",
        metric=target.metric,
        direction=target.direction,
        target=target.value,
        baseline=reading.value,
        window_s=float(settings.window),
        set_at=0.0,
        why=_why(target, run, reading),
    )


def completed(goal: Goal, run: Run | None, settings: GoalPlannerSettings) -> bool:
    """Whether the metric met the target in every sample of the goal's whole window."""
    return proven(run, met=True, for_s=goal.window_s, samples_min=settings.samples_min)


def ended(goal: Goal, workload: Workload | None, settings: GoalPlannerSettings, wall_s: float) -> Ended | None:
    """Why an open goal is over without being met: obsolete, or past its deadline. None: it goes on.

    workload: as it is desired now; None when the config no longer has it. wall_s: Unix seconds.
    """
    if goal.state not in OPEN:
        return None
    if workload is None:
        return Ended("cancelled", f"{goal.subject} is no longer in the config")
    target = target_of(workload, goal.metric, settings)
    if target.value != goal.target:
        return Ended("cancelled", f"the config asks for {target.value:g} now, not {goal.target:g}")
    if wall_s - goal.set_at >= settings.deadline:
        measured = f"{goal.value:g}" if goal.value is not None else "nothing"
        return Ended("failed", f"not met within {format_duration(settings.deadline)}; measured last: {measured}")
    return None


def _why(target: Target, run: Run, reading: Reading) -> str:
    side = "below" if target.direction == "at_least" else "above"
    text = f"{target.metric} {side} {target.value:g} in {run.count} samples over {format_duration(round(run.length_s))}"
    text += f", now {reading.value:g}"
    if reading.trend is not None:
        text += f"; {reading.trend}"
    return f"{text}; {reading.health}" if reading.health else text
