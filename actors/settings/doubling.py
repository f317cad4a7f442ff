"""Waits that double from one time to the next. Pure."""

from __future__ import annotations

from math import inf

_MOST = 60
"""Further doublings change nothing: every longest wait is reached long before, and floats do not overflow."""


def doubled(first_s: float, times: int, longest_s: float = inf) -> float:
    """Seconds: first_s doubled so many times, none when that is below 0, and at most longest_s."""
    return float(min(longest_s, first_s * 2.0 ** min(max(0, times), _MOST)))
