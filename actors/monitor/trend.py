"""Whether a metric gets better or worse over a window: a robust slope, and whether it is more than noise. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import fmean, median
from typing import Final, Literal

from msgspec import Struct

Trend = Literal["improving", "stable", "degrading"]
Bad = Literal["rising", "falling"]

BINS_MAX: Final = 60
"""Points a slope is made of at most; the work grows with the square."""

BINS_MIN: Final = 10
"""Points below which nothing can be said."""

SPAN_SHARE_MIN: Final = 1 / 6
"""Share of the window that the points have to span: a start-up is no trend."""

Z_MIN: Final = 2.576
"""Standard deviations from "no trend" at which it is believed: wrong once in a hundred steady series."""

UNTRENDED: Final = frozenset({"uptime", "restarts", "interval_s", "memory_total", "log_rate"})
"""Metrics whose slope says nothing about how well things are."""

FALLING_IS_BAD: Final = frozenset({"availability"})

_CHANGE_FLOORS: Final = {"availability": 0.5, "cpu": 5.0, "swap": 2.0, "disk": 1.0, "latency": 0.01, "load1": 0.5}
"""Change over the looked-at time, in units of the metric, that is at least needed to call it a trend."""


class Slope(Struct, frozen=True):
    """What was found: the trend, and units of the metric per second (0 when stable)."""

    trend: Trend
    per_s: float


STABLE: Final = Slope("stable", 0.0)


def find_trend(
    times_s: Sequence[float], values: Sequence[float], *, metric: str, bad: Bad, window_s: float, change_min: float
) -> Slope | None:
    """The trend of the points, or None while they are too few or span too little.

    times_s: ascending, all within the window. bad: the direction in which the metric gets worse. change_min: share of
    the metric's level (its median) that it has to move over the span.
    Source: Theil (1950) and Sen (1968) for the slope, Mann (1945) and Kendall (1975) for its significance.
    """
    if not times_s or not enough(len(times_s), times_s[-1] - times_s[0], window_s):
        return None
    times_s, values = binned(times_s, values)
    needed = max(abs(median(values)) * change_min, _CHANGE_FLOORS.get(metric, 0.0))
    if len(values) < BINS_MIN or max(values) - min(values) <= needed or abs(mann_kendall_z(values)) < Z_MIN:
        return STABLE
    per_s = theil_sen(times_s, values)
    if abs(per_s) * (times_s[-1] - times_s[0]) <= needed:
        return STABLE
    rising = per_s > 0
    return Slope("degrading" if rising == (bad == "rising") else "improving", per_s)


def enough(count: int, span_s: float, window_s: float) -> bool:
    """Whether so many points over so many seconds say anything about the window."""
    return count >= BINS_MIN and span_s >= window_s * SPAN_SHARE_MIN


def binned(times_s: Sequence[float], values: Sequence[float]) -> tuple[list[float], list[float]]:
    """At most BINS_MAX points: means of equal stretches of time; an empty stretch gives none."""
    if len(times_s) <= BINS_MAX:
        return list(times_s), list(values)
    first_s, span_s = times_s[0], times_s[-1] - times_s[0]
    bins: dict[int, tuple[list[float], list[float]]] = {}
    for time_s, value in zip(times_s, values, strict=True):
        index = min(BINS_MAX - 1, int((time_s - first_s) / span_s * BINS_MAX)) if span_s else 0
        at_s, found = bins.setdefault(index, ([], []))
        at_s.append(time_s)
        found.append(value)
    return [fmean(at_s) for at_s, _ in bins.values()], [fmean(found) for _, found in bins.values()]


def theil_sen(times_s: Sequence[float], values: Sequence[float]) -> float:
    """The median of the slopes of all pairs, in units per second; 0 when there is no pair apart in time."""
    points = list(zip(times_s, values, strict=True))
    slopes = [
        (later - earlier) / (to_s - from_s)
        for index, (from_s, earlier) in enumerate(points)
        for to_s, later in points[index + 1 :]
        if to_s > from_s
    ]
    return median(slopes) if slopes else 0.0


def mann_kendall_z(values: Sequence[float]) -> float:
    """How far the order of the values is from chance, in standard deviations; positive when they rise.

    Corrected for ties; 0 for fewer than three values or none that differ.
    """
    count = len(values)
    score = sum(
        (later > earlier) - (later < earlier) for index, earlier in enumerate(values) for later in values[index + 1 :]
    )
    variance = _pairs_variance(count) - sum(_pairs_variance(tied) for tied in Counter(values).values())
    if score == 0 or variance <= 0:
        return 0.0
    return (score - math.copysign(1, score)) / math.sqrt(variance / 18)


def _pairs_variance(count: int) -> int:
    return count * (count - 1) * (2 * count + 5)


def bad_direction(metric: str, directions: Iterable[str] = ()) -> Bad:
    """The direction in which a metric gets worse; a threshold of it (above or below) says so, else its nature."""
    for direction in directions:
        return "falling" if direction == "below" else "rising"
    return "falling" if metric in FALLING_IS_BAD else "rising"
