"""Which readings of a workload are told: those that say something new, and all while something is wrong. Pure."""

from __future__ import annotations

from typing import Final

SAME_S_MAX: Final = 60.0
"""Seconds for which readings that are the same are left out, so that a late reader knows them too."""


class Samples:
    """What was told of one subject. Times are monotonic seconds.

    Readings are known by a metric that is always read with the others.
    """

    __slots__ = ("_same_s", "_told_s")

    def __init__(self) -> None:
        self._told_s: dict[str, float] = {}
        self._same_s: dict[str, float] = {}

    def leaves_out(self, group: str, now_s: float) -> bool:
        """Whether a reading that is the same as the one told last need not be told."""
        told_s = self._told_s.get(group)
        if told_s is None or not 0 <= now_s - told_s < SAME_S_MAX:
            return False
        self._same_s[group] = now_s
        return True

    def told(self, group: str, now_s: float) -> float:
        """A reading is told now; gives the seconds after the former one through which those left out were the same."""
        told_s, self._told_s[group] = self._told_s.get(group), now_s
        same_s = self._same_s.pop(group, told_s)
        return same_s - told_s if same_s is not None and told_s is not None else 0.0
