"""What is to be read when. Pure."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from msgspec import Struct

TOGETHER_S: Final = 0.05
"""Readings that are due this close to one another are taken at once."""


class Due(Struct, frozen=True):
    """What is due: everything, or these workloads only."""

    everything: bool
    names: frozenset[str]


class Schedule:
    """Times of the next readings: of everything, and earlier ones of single workloads. Times are monotonic seconds."""

    def __init__(self, now_s: float) -> None:
        self._everything_s = now_s
        self._single_s: dict[str, float] = {}

    @property
    def next_s(self) -> float:
        """When the next reading is due."""
        return min([self._everything_s, *self._single_s.values()])

    def take(self, now_s: float) -> Due:
        """What is due now; single readings given out are struck off."""
        if self._everything_s <= now_s + TOGETHER_S:
            self._single_s.clear()
            return Due(everything=True, names=frozenset())
        names = frozenset(name for name, due_s in self._single_s.items() if due_s <= now_s + TOGETHER_S)
        for name in names:
            del self._single_s[name]
        return Due(everything=False, names=names)

    def again(self, now_s: float, interval_s: float) -> None:
        """Everything was read: the next time is one interval after it was due, or after now when that is past."""
        planned_s = self._everything_s + interval_s
        self._everything_s = planned_s if now_s < planned_s <= now_s + interval_s else now_s + interval_s

    def change(self, now_s: float, interval_s: float) -> None:
        """Another interval is in force: it counts from now when it is the shorter one."""
        self._everything_s = min(self._everything_s, now_s + interval_s)

    def bring_forward(self, due_s: float, name: str | None = None) -> None:
        """Read a workload (everything when none is named) not later than due_s."""
        if name is None:
            self._everything_s = min(self._everything_s, due_s)
        elif due_s < self._everything_s:
            self._single_s[name] = min(due_s, self._single_s.get(name, due_s))

    def keep(self, names: Collection[str]) -> None:
        """Forget workloads that are not among these."""
        self._single_s = {name: due_s for name, due_s in self._single_s.items() if name in names}
