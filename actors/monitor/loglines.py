"""What the log of one workload says of it: lines per second, the share of error lines, the newest of these. Pure."""

from __future__ import annotations

import math
from collections import deque
from typing import Final

from bus.messages import LogLinesRead

LINES_KEPT: Final = 20
_SPAN_S_MIN: Final = 1.0
"""Seconds over which a rate is reckoned at least: logs are read about once a second."""


class LogLines:
    """The recent lines of the present life of one workload. Times are monotonic seconds; those of one never go back.

    Of what was not read the same is taken as of what was, by bytes.
    """

    def __init__(self, window_s: float) -> None:
        self.window_s = window_s
        self.newest: list[str] = []
        self._reads: deque[tuple[float, float, float]] | None = None
        self._born_s = -math.inf
        self._from_s = 0.0
        self._last_s: float | None = None

    def read(self, fact: LogLinesRead, now_s: float) -> None:
        """Some lines were read of its log."""
        lines, errors = fact.lines - fact.former_lines, fact.errors - fact.former_errors
        share = 1.0 + fact.skipped_bytes / fact.read_bytes if fact.read_bytes and not fact.former_lines else 1.0
        if self._last_s is None or now_s - self._last_s >= self.window_s:
            self._from_s = max(self._born_s, now_s - fact.over_s)
        self._last_s = now_s
        self._reads = self._reads if self._reads is not None else deque()
        self._reads.append((now_s, lines * share, errors * share))
        if errors > 0:
            self.newest = [*self.newest, *(line.text for line in fact.sample[-errors:])][-LINES_KEPT:]

    def reborn(self, now_s: float) -> None:
        """A new life began: what the last one logged is of no more use."""
        self.newest = []
        if self._reads is not None:
            self._reads.clear()
        self._born_s = self._from_s = now_s

    def values(self, now_s: float) -> dict[str, float]:
        """log_rate and error_rate: nothing before the first line, and again when it is quiet for two windows.

        While there is no line in the window both are 0, so that what was crossed ends.
        """
        if self._reads is None or self._last_s is None or now_s - self._last_s > 2 * self.window_s:
            return {}
        while self._reads and self._reads[0][0] < now_s - self.window_s:
            self._reads.popleft()
        lines = sum(read[1] for read in self._reads)
        errors = sum(read[2] for read in self._reads)
        span_s = min(self.window_s, max(now_s - self._from_s, _SPAN_S_MIN))
        return {"log_rate": lines / span_s, "error_rate": 100.0 * errors / lines if lines else 0.0}
