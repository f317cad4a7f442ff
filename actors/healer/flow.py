"""Whether the node is in flow: much is completed and little fails, so that what can wait, waits. Pure.

Times are monotonic seconds.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from actors.healer.settings import FlowSettings

_MINUTE_S: Final = 60.0
_KEPT: Final = 4096


class Flow:
    """What was completed and what failed within the last minute."""

    def __init__(self, settings: FlowSettings) -> None:
        self.settings = settings
        self._done_s: deque[float] = deque(maxlen=_KEPT)
        self._failed_s: deque[float] = deque(maxlen=_KEPT)

    def completed(self, now_s: float, number: int = 1) -> None:
        """Runs or tasks ended well, or a remedy was verified."""
        self._done_s.extend([now_s] * min(number, _KEPT))

    def failed(self, now_s: float, number: int = 1) -> None:
        """Runs, tasks or processes ended ill."""
        self._failed_s.extend([now_s] * min(number, _KEPT))

    def is_on(self, now_s: float) -> bool:
        """More completed than settings.actions a minute, with a share of errors under settings.errors."""
        done, failed = self.lately(now_s)
        return done > self.settings.actions and failed < self.settings.errors * (done + failed)

    def lately(self, now_s: float) -> tuple[int, int]:
        """What ended well and ill within the last minute."""
        return _lately(self._done_s, now_s), _lately(self._failed_s, now_s)


def _lately(times: deque[float], now_s: float) -> int:
    while times and now_s - times[0] > _MINUTE_S:
        times.popleft()
    return len(times)
