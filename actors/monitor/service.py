"""What probes and life cycle say of the service of one workload: latency, availability, failing probes. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Final, Literal

Standing = Literal["up", "down", "unseen"]
"""unseen: not wanted, or on its way up for the first time; that time counts neither way."""

COUNTED: Final = frozenset({"liveness", "readiness", "work"})
"""Probes that are asked of a workload in service; the start-up probe is expected to fail for a while."""

RUNS_MAX: Final = 10_000
"""Probe runs kept at most; twenty probes a second fill it in the default window."""


class Service:
    """The recent service of one workload. Times are monotonic seconds, those of one record never go back."""

    def __init__(self, window_s: float) -> None:
        self.window_s = window_s
        self._runs: deque[tuple[float, bool]] | None = None
        self._spans: list[tuple[float, float, Standing]] = []
        self._standing: Standing = "unseen"
        self._since_s: float | None = None
        self._latencies: list[float] = []
        self._failing: dict[str, tuple[int, str, float]] = {}

    def stand(self, standing: Standing, now_s: float) -> None:
        """The workload is up, down or out of sight from now on."""
        self._close_span(now_s)
        self._standing = standing

    def probed(self, probe: str, *, ok: bool, latency_s: float, detail: str, now_s: float) -> None:
        """One run of a probe. While it is on its way up, the time counts and not the many runs that wait for it."""
        if probe in COUNTED:
            if self._standing == "up":
                self._runs = self._runs if self._runs is not None else deque(maxlen=RUNS_MAX)
                self._runs.append((now_s, ok))
            if ok:
                self._latencies.append(latency_s)
        if ok:
            self._failing.pop(probe, None)
        else:
            count, _, first_s = self._failing.get(probe, (0, "", now_s))
            self._failing[probe] = (count + 1, detail, first_s)

    def reborn(self) -> None:
        """A new life began: what probes said of the last one is of no more use; availability counts on."""
        self._failing.clear()
        self._latencies.clear()

    @property
    def troubled(self) -> bool:
        """Whether the latest run of some probe failed."""
        return bool(self._failing)

    def failing(self, allowed: Mapping[str, int]) -> dict[str, str]:
        """Probes that failed as often in a row as allowed says -> detail of the last failure."""
        return {probe: detail for probe, (count, detail, _) in self._failing.items() if count >= allowed.get(probe, 1)}

    def failing_s(self, now_s: float) -> dict[str, float]:
        """Probes whose latest run failed -> seconds since the first failure in a row."""
        return {probe: max(0.0, now_s - first_s) for probe, (_, _, first_s) in self._failing.items()}

    def take_latency(self) -> float | None:
        """Mean seconds of the good answers since the last call; None when there were none."""
        latencies, self._latencies = self._latencies, []
        return sum(latencies) / len(latencies) if latencies else None

    def availability(self, now_s: float) -> float | None:
        """Percent of the time in which the workload was wanted that it was up and answered well; None when unseen.

        The time it was up counts with the share of good probe runs (all of it where it has no probes), the time it was
        down as none.
        """
        self._close_span(now_s)
        self._forget(now_s - self.window_s)
        first_s = now_s - self.window_s
        lasted_s = {"up": 0.0, "down": 0.0}
        for from_s, to_s, standing in self._spans:
            lasted_s[standing] += to_s - max(from_s, first_s)
        whole_s = lasted_s["up"] + lasted_s["down"]
        if whole_s <= 0:
            return None
        good = sum(ok for _, ok in self._runs) / len(self._runs) if self._runs else 1.0
        return 100.0 * (lasted_s["up"] * good / whole_s)

    def _close_span(self, now_s: float) -> None:
        from_s, self._since_s = self._since_s, now_s
        if self._standing == "unseen" or from_s is None or now_s <= from_s:
            return
        if self._spans and self._spans[-1][1:] == (from_s, self._standing):
            from_s = self._spans.pop()[0]
        self._spans.append((from_s, now_s, self._standing))

    def _forget(self, before_s: float) -> None:
        while self._runs and self._runs[0][0] < before_s:
            self._runs.popleft()
        while self._spans and self._spans[0][1] <= before_s:
            del self._spans[0]
