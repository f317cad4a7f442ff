"""Whether the error lines of a running workload persist, or were a burst that has ended. Pure."""

from __future__ import annotations

from collections import deque

from msgspec import Struct, field

from actors.healer.settings import ErrorSettings
from bus.messages.process_manager import LogLinesRead

_LOOKS = 512
"""Looks at one log that are remembered at most."""


class Burst(Struct):
    """Error lines with no pause. begun_s, newest_s: monotonic. looks: when so many were told."""

    begun_s: float
    newest_s: float
    count: int = 0
    looks: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=_LOOKS))


class Bursts:
    """The present burst of each workload; none when it has been quiet for settings.quiet."""

    def __init__(self, settings: ErrorSettings) -> None:
        self.settings = settings
        self._bursts: dict[str, Burst] = {}

    def read(self, fact: LogLinesRead, now_s: float) -> None:
        """More of its log was read; the lines of a life before do not count."""
        errors = fact.errors - fact.former_errors
        if errors <= 0:
            return
        burst = self._bursts.get(fact.subject)
        if burst is None or now_s - burst.newest_s > self.settings.quiet:
            burst = self._bursts[fact.subject] = Burst(now_s, now_s)
        burst.newest_s = now_s
        burst.count += errors
        burst.looks.append((now_s, errors))

    @property
    def going(self) -> bool:
        """Whether there are error lines to look at."""
        return bool(self._bursts)

    def end(self, subject: str) -> None:
        """Its process is another one."""
        self._bursts.pop(subject, None)

    def lasting(self, now_s: float) -> dict[str, Burst]:
        """Those with enough lines over enough time, and no pause until now."""
        for subject in [name for name, one in self._bursts.items() if now_s - one.newest_s > self.settings.quiet]:
            del self._bursts[subject]
        return {
            subject: one
            for subject, one in self._bursts.items()
            if one.count >= self.settings.lines and one.newest_s - one.begun_s >= self.settings.lasting
        }

    def lately(self, subject: str, now_s: float) -> int:
        """Error lines told within the last settings.quiet seconds."""
        burst = self._bursts.get(subject)
        looks = burst.looks if burst is not None else ()
        return sum(errors for told_s, errors in looks if now_s - told_s <= self.settings.quiet)
