"""How the numbers of a source become a metric's value: as they are, per second, or the growth since the last. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping

from msgspec import Struct

from actors.settings.metrics import As


class Count(Struct, frozen=True):
    """The last number of a counter, and the monotonic second it was read at."""

    value: float
    at_s: float


def growth(before: Count | None, now: Count) -> float | None:
    """How much a counter grew; one that fell was set back, and counted from 0. None at the first reading."""
    if before is None:
        return None
    return now.value - before.value if now.value >= before.value else max(0.0, now.value)


def reckoned(how: As, before: Count | None, now: Count) -> float | None:
    """The value of a metric; None when there is nothing to compare with yet, or time has not gone on."""
    if how == "value":
        return now.value
    grown = growth(before, now)
    if grown is None or how == "delta":
        return grown
    span_s = now.at_s - (before.at_s if before is not None else now.at_s)
    return grown / span_s if span_s > 0 else None


class Counters:
    """The last numbers of the metrics of one source."""

    def __init__(self, how: Mapping[str, As]) -> None:
        self._how = how
        self._last: dict[str, Count] = {}

    def reborn(self) -> None:
        """What was counted was counted by a process that is gone."""
        self._last.clear()

    def values(self, read: Mapping[str, float], at_s: float) -> dict[str, float]:
        """The values that follow from numbers of a source; one that is not finite is passed on, to be counted.

        at_s: monotonic second of the reading.
        """
        found: dict[str, float] = {}
        for name, number in read.items():
            if not math.isfinite(number):
                found[name] = number
                continue
            how = self._how.get(name) or self._how.get(name.partition(".")[0], "value")
            now = Count(number, at_s)
            value = reckoned(how, self._last.get(name), now)
            if how != "value":
                self._last[name] = now
            if value is not None:
                found[name] = value
        return found
