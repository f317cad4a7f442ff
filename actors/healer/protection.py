"""What keeps healing from doing harm: cool-downs, circuit breakers, and a limit for the whole node. Pure.

Times are monotonic seconds; a key is (remedy, subject).
"""

from __future__ import annotations

from collections import deque

import msgspec

from actors.breaker import Breaker
from actors.healer.settings import HealerSettings
from actors.settings.doubling import doubled

_MINUTE_S = 60.0
_STARTS_KEPT = 16
"""The cool-down has long reached its maximum by then."""


class Hold(msgspec.Struct, frozen=True):
    """An attempt has to wait. for_s: seconds."""

    why: str
    for_s: float


class Protection:
    """Remembers attempts; `hold` says whether one has to wait. Forgets what no longer matters."""

    def __init__(self, settings: HealerSettings) -> None:
        self.settings = settings
        self._breakers: dict[tuple[str, str], Breaker] = {}
        self._starts: dict[tuple[str, str], deque[tuple[float, str]]] = {}
        self._disruptive_s: deque[float] = deque(maxlen=4096)

    def hold(self, remedy: str, subject: str, fingerprint: str, now_s: float) -> Hold | None:
        """Why a disruptive attempt has to wait, the longest wait first; None when it may begin."""
        holds = [
            Hold(f"circuit breaker of {remedy} is open", self._breaker_left_s(remedy, subject, now_s)),
            Hold(f"cool-down of {remedy}", self._cool_left_s(remedy, subject, fingerprint, now_s)),
            Hold("too many remedies on this node within a minute", self._node_left_s(now_s)),
        ]
        longest = max(holds, key=lambda hold: hold.for_s)
        return longest if longest.for_s > 0 else None

    def started(self, remedy: str, subject: str, fingerprint: str, now_s: float) -> None:
        """A disruptive attempt begins."""
        key = (remedy, subject)
        self._starts.setdefault(key, deque(maxlen=_STARTS_KEPT)).append((now_s, fingerprint))
        self._breakers.setdefault(key, Breaker()).started(now_s, self.settings.breaker_open)
        self._disruptive_s.append(now_s)

    def failed(self, remedy: str, subject: str, now_s: float) -> None:
        """It did not help."""
        self._breakers.setdefault((remedy, subject), Breaker()).failed(now_s, self.settings.breaker_failures)

    def helped(self, remedy: str, subject: str) -> None:
        """It was verified."""
        self._breakers.pop((remedy, subject), None)

    def dropped(self, remedy: str, subject: str) -> None:
        """It ended without a verdict: a person stepped in, or the issue became another."""
        if (remedy, subject) in self._breakers:
            self._breakers[remedy, subject].dropped()

    def _breaker_left_s(self, remedy: str, subject: str, now_s: float) -> float:
        breaker = self._breakers.get((remedy, subject))
        return breaker.left_s(now_s, self.settings.breaker_open) if breaker else 0.0

    def _cool_left_s(self, remedy: str, subject: str, fingerprint: str, now_s: float) -> float:
        starts = self._starts.get((remedy, subject))
        while starts and now_s - starts[0][0] > self.settings.repeat_window:
            starts.popleft()
        if not starts:
            return 0.0
        repeats = sum(mark == fingerprint for _, mark in starts)
        wait_s = doubled(self.settings.cool_down, repeats - 1, self.settings.cool_down_max)
        return max(0.0, starts[-1][0] + wait_s - now_s)

    def _node_left_s(self, now_s: float) -> float:
        while self._disruptive_s and now_s - self._disruptive_s[0] >= _MINUTE_S:
            self._disruptive_s.popleft()
        over = len(self._disruptive_s) - self.settings.disruptive_per_minute
        return self._disruptive_s[over] + _MINUTE_S - now_s if over >= 0 else 0.0


def retry_s(rounds: int, settings: HealerSettings) -> float:
    """Seconds from an escalation to the next try. rounds: how often the plan was spent before."""
    return doubled(settings.retry, rounds, settings.retry_max)
