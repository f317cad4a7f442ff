"""The process this runs in, and what measuring itself costs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import psutil


class OwnSource:
    """Reads the process this runs in. clock: monotonic seconds.

    Made in the thread of the Monitor, whose CPU it reads.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._process = psutil.Process()
        self._thread_clock = getattr(time, "pthread_getcpuclockid", lambda _: None)(threading.get_ident())
        self._readings_s = 0.0
        self._before: tuple[float, float, float | None] | None = None

    def add_reading(self, cpu_s: float) -> None:
        """A reading took so many CPU seconds of its thread."""
        self._readings_s += cpu_s

    def read(self) -> dict[str, float]:
        """Read it: resident memory in bytes, threads, fds; from the second call on also cpu and monitor_cpu.

        Both are in percent of one core; monitor_cpu is the part of the Monitor's own thread and of its readings, absent
        where the system does not say.
        """
        now = (self._clock(), time.process_time(), self._monitor_s())
        before, self._before = self._before, now
        values = {
            "memory": float(self._process.memory_info().rss),
            "threads": float(self._process.num_threads()),
            "fds": float(self._process.num_fds()),
        }
        if before is not None and now[0] > before[0]:
            passed_s = now[0] - before[0]
            values["cpu"] = max(0.0, 100.0 * (now[1] - before[1]) / passed_s)
            if now[2] is not None and before[2] is not None:
                values["monitor_cpu"] = max(0.0, 100.0 * (now[2] - before[2]) / passed_s)
        return values

    def _monitor_s(self) -> float | None:
        if self._thread_clock is None:
            return None
        try:
            return time.clock_gettime(self._thread_clock) + self._readings_s
        except OSError:  # the thread has ended
            return None
