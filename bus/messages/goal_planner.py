"""Messages of the GoalPlanner: what is to become better, and how that is measured."""

from __future__ import annotations

from typing import Literal

import msgspec

from bus.message import Command, Fact, Reply, Stream

GoalKind = Literal["performance", "capability", "knowledge", "reliability"]
GoalState = Literal["pending", "in_progress", "completed", "failed", "cancelled"]


class GoalSet(Fact, frozen=True, kw_only=True):
    """A goal with a measured target. priority: 5 critical to 1 deferred. window_s: seconds the target must hold."""

    kind = "goal.set"
    stream = Stream.DURABLE
    goal: str
    goal_kind: GoalKind
    priority: int
    metric: str
    direction: Literal["at_least", "at_most"]
    target: float
    baseline: float
    window_s: float
    why: str


class GoalCompleted(Fact, frozen=True, kw_only=True):
    """The metric met its target for the whole window. value: the measured one. took_s: seconds since it was set."""

    kind = "goal.completed"
    stream = Stream.DURABLE
    goal: str
    metric: str
    value: float
    took_s: float


class GoalEnded(Fact, frozen=True, kw_only=True):
    """A goal ended without being met: failed at its deadline, or cancelled because it is obsolete."""

    kind = "goal.ended"
    stream = Stream.DURABLE
    goal: str
    state: GoalState
    why: str


class GoalRow(msgspec.Struct, frozen=True, kw_only=True):
    """One goal. progress: 0 to 1, measured between baseline and target. set_at: Unix seconds."""

    goal: str
    subject: str
    goal_kind: GoalKind
    priority: int
    state: GoalState
    metric: str
    direction: Literal["at_least", "at_most"]
    target: float
    baseline: float
    value: float | None
    progress: float
    set_at: float
    why: str


class GoalList(Reply, frozen=True, kw_only=True):
    """Goals, highest priority first."""

    goals: list[GoalRow]


class ListGoals(Command, frozen=True, kw_only=True):
    """Goals that are open, or all."""

    target = "goal_planner"
    verb = "list_goals"
    reply = GoalList
    open_only: bool = True
