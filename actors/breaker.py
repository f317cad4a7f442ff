"""A circuit breaker: opens after failures in a row, lets one attempt through after a while, closes when it helps. Pure.

Times are seconds of whichever clock its user keeps to.
"""

from __future__ import annotations

from typing import Literal

BreakerState = Literal["closed", "open", "half-open"]


class Breaker:
    """failures: in a row. opened_s: when it opened. trying: one attempt is under way while it is half-open."""

    def __init__(self, failures: int = 0, opened_s: float | None = None, *, trying: bool = False) -> None:
        self.failures = failures
        self.opened_s = opened_s
        self._trying = trying

    def state(self, now_s: float, open_s: float) -> BreakerState:
        """closed: attempts pass. open: none does. half-open: one does, and decides."""
        if self.opened_s is None:
            return "closed"
        return "half-open" if now_s - self.opened_s >= open_s else "open"

    def left_s(self, now_s: float, open_s: float) -> float:
        """Seconds until an attempt passes; 0 when one does now."""
        if self.opened_s is None:
            return 0.0
        if self._trying:
            return open_s
        return max(0.0, self.opened_s + open_s - now_s)

    def started(self, now_s: float, open_s: float) -> None:
        """An attempt begins; the only one while half-open."""
        self._trying = self.state(now_s, open_s) == "half-open"

    def failed(self, now_s: float, failures_max: int) -> None:
        """An attempt did not help."""
        self.failures += 1
        self._trying = False
        if self.failures >= failures_max:
            self.opened_s = now_s

    def helped(self) -> None:
        """An attempt was verified."""
        self.failures = 0
        self.opened_s = None
        self._trying = False

    def dropped(self) -> None:
        """An attempt ended without a verdict."""
        self._trying = False
