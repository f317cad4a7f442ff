"""What some samples of a cost say: their middle and how far they scatter. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

__all__ = ["median", "noise", "spread"]


def spread(values: Sequence[float]) -> float:
    """The median absolute deviation from the median; one outlier does not move it. Raises StatisticsError if empty."""
    middle = median(values)
    return median([abs(value - middle) for value in values])


def noise(before: Sequence[float], after: Sequence[float]) -> float:
    """How far apart two medians may lie by chance: the larger of the two spreads."""
    return max(spread(before), spread(after))
