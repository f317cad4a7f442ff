"""One measurement of the cost under one sampling interval: which samples count, and when there are enough. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from actors.optimizer.samples import median

WINDOWS_MAX = 3.0
"""Windows that a measurement may last when samples are few."""


class Measure(msgspec.Struct, kw_only=True):
    """What was measured since since_s (monotonic seconds) under interval_s.

    former_s: the interval before, whose last samples may still arrive; None when nothing was changed. skip: samples to
    be passed by, as the first after a change covers time before it. pace: by what the Monitor multiplies the interval,
    as in force for the samples; None before the first. cpu: of the node in percent of one core, one a sample. host_cpu:
    of the host in percent of all cores.
    """

    interval_s: float
    since_s: float
    former_s: float | None = None
    skip: int = 0
    pace: float | None = None
    cpu: list[float] = msgspec.field(default_factory=list)
    host_cpu: list[float] = msgspec.field(default_factory=list)

    def take(self, cpu: float | None, interval_s: float, pace: float = 1.0) -> bool:
        """Take one sample of the node; False when it shows that somebody else changed the interval.

        interval_s: as asked for. Samples of another pace are not comparable: with a new one it begins afresh.
        """
        if interval_s == self.former_s:
            return True
        if interval_s != self.interval_s:
            return False
        if pace != self.pace:
            if self.cpu:
                self.cpu, self.skip = [], 1
            self.pace = pace
        if self.skip:
            self.skip -= 1
        elif cpu is not None:
            self.cpu.append(cpu)
        return True

    def left_s(self, now_s: float, window_s: float, samples_min: int) -> float:
        """Seconds until it is worth looking again whether the measurement is over; 0 when it is.

        Over: the window is full and the samples are enough, or it has lasted WINDOWS_MAX windows.
        """
        lasted_s = now_s - self.since_s
        if lasted_s < window_s:
            return window_s - lasted_s
        end_s = WINDOWS_MAX * window_s
        if len(self.cpu) >= samples_min or lasted_s >= end_s:
            return 0.0
        return min(self.interval_s, end_s - lasted_s)

    @property
    def host(self) -> float | None:
        """The host's median CPU; None when it was not heard of."""
        return median_or_none(self.host_cpu)


def median_or_none(values: Sequence[float]) -> float | None:
    """The median, or None of nothing."""
    return median(values) if values else None
