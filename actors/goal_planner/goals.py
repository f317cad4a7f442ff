"""What a goal is, and how far it is along. Pure."""

from __future__ import annotations

from typing import Literal

import msgspec

from bus.messages import GoalKind, GoalState

Direction = Literal["at_least", "at_most"]
OPEN: tuple[GoalState, ...] = ("pending", "in_progress")


class Goal(msgspec.Struct, frozen=True, kw_only=True):
    """One goal as it is kept.

    number: counts all goals ever set. state: pending until a sample came after it was set, then in progress, then how
    it ended. target, baseline, value: in the metric's unit; value is the latest one measured. window_s: seconds.
    set_at, ended_at: Unix seconds. why: of being set; ended_why: of having ended.
    """

    number: int
    subject: str
    goal_kind: GoalKind
    priority: int
    state: GoalState
    metric: str
    direction: Direction
    target: float
    baseline: float
    window_s: float
    set_at: float
    why: str
    value: float | None = None
    ended_at: float | None = None
    ended_why: str = ""

    @property
    def name(self) -> str:
        """What people and messages call it."""
        return f"goal-{self.number}"


def meets(value: float, direction: Direction, target: float) -> bool:
    """Whether a value is on the good side of the target; the target itself is."""
    return value >= target if direction == "at_least" else value <= target


def progress(goal: Goal) -> float:
    """How far the latest value is from baseline to target: 0 to 1; 1 for a completed goal, 0 with no sample."""
    if goal.state == "completed":
        return 1.0
    if goal.value is None:
        return 0.0
    way = goal.target - goal.baseline
    gone = (goal.value - goal.baseline) / way if way else float(meets(goal.value, goal.direction, goal.target))
    return min(max(gone, 0.0), 1.0)
