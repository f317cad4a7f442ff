"""Error budgets: how many errors an hour are borne, how fast they are used up, and what follows from that. Pure.

A burn rate of 1 uses up just the budget. What follows needs both windows: the long one shows that it is much, the short
one that it has not ended. Times are monotonic seconds. Source: multi-window burn rates, Site Reliability Workbook 5.
"""

from __future__ import annotations

from collections import deque
from typing import Final, Literal

import msgspec

from actors.healer.settings import BudgetSettings
from actors.settings.repair import FailureClass

Verdict = Literal["tolerate", "heal", "degrade", "stop"]
Trend = Literal["rising", "steady", "falling"]

_HOUR_S: Final = 3600.0
_ERRORS_KEPT: Final = 1024
_RISING: Final = 1.5
_FALLING: Final = 0.5


class Burn(msgspec.Struct, frozen=True, kw_only=True):
    """How fast the budget of one class of failure at one subject is used up.

    long, short: burn rates. subjects: how many suffer from the class now. systemic: whether it is no matter of one.
    """

    verdict: Verdict
    long: float
    short: float
    trend: Trend
    subjects: tuple[str, ...]
    systemic: bool

    def says(self) -> str:
        """In one line, for people."""
        who = f"systemic: {len(self.subjects)} workloads" if self.systemic else "transient or its own"
        return f"error budget burns {self.long:.1f} and {self.short:.1f} times as fast as allowed, {self.trend}; {who}"


class Budgets:
    """Errors by subject and class of failure; bounded."""

    def __init__(self, settings: BudgetSettings) -> None:
        self.settings = settings
        self._errors: dict[tuple[str, FailureClass], deque[float]] = {}

    def note(self, subject: str, failure: FailureClass, now_s: float) -> None:
        """One error. failure: its class."""
        errors = self._errors.setdefault((subject, failure), deque(maxlen=_ERRORS_KEPT))
        errors.append(now_s)

    def burn(self, subject: str, failure: FailureClass, now_s: float) -> Burn:
        """How its budget stands."""
        settings = self.settings
        allowed = settings.classes.get(failure, settings.per_hour)
        long = self._rate(subject, failure, settings.long, allowed, now_s)
        short = self._rate(subject, failure, settings.short, allowed, now_s)
        both = min(long, short)
        limits: dict[Verdict, float] = {"stop": settings.stop, "degrade": settings.degrade, "heal": 1.0}
        verdict: Verdict = next((name for name, limit in limits.items() if both >= limit), "tolerate")
        trend: Trend = "rising" if short > long * _RISING else "falling" if short < long * _FALLING else "steady"
        subjects = self._suffering(failure, now_s)
        systemic = len(subjects) >= settings.systemic and trend != "falling"
        return Burn(verdict=verdict, long=long, short=short, trend=trend, subjects=subjects, systemic=systemic)

    def _rate(self, subject: str, failure: FailureClass, window_s: float, allowed: float, now_s: float) -> float:
        errors = self._errors.get((subject, failure), ())
        return sum(now_s - at_s <= window_s for at_s in errors) / (allowed * window_s / _HOUR_S)

    def _suffering(self, failure: FailureClass, now_s: float) -> tuple[str, ...]:
        """Who had such an error within the short window. What nothing is known of says nothing in common."""
        if failure == "unknown":
            return ()
        return tuple(
            subject
            for (subject, name), errors in self._errors.items()
            if name == failure and errors and now_s - errors[-1] <= self.settings.short
        )
