"""Time behind one seam: the same actors run on the machine's clock or on one that a test moves by hand."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from typing import Protocol


class Alarm:
    """One pending call; cancel() makes it never happen."""

    __slots__ = ("at_s", "call")

    def __init__(self, at_s: float, call: Callable[[], None]) -> None:
        self.at_s = at_s
        self.call: Callable[[], None] | None = call

    def cancel(self) -> None:
        """Forget the call; harmless when it has happened."""
        self.call = None


class Clock(Protocol):
    """Monotonic seconds for intervals, wall seconds for people, and calls later."""

    def __call__(self) -> float:
        """Monotonic seconds; only differences mean anything."""

    def wall(self) -> float:
        """Unix seconds."""

    def call_later(self, delay_s: float, call: Callable[[], None]) -> Alarm:
        """Make the call after delay_s seconds, from the clock's thread; it must not block."""


class RealClock:
    """The machine's clock with one thread for all alarms. close() ends the thread."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Alarm]] = []
        self._numbers = itertools.count()
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def __call__(self) -> float:
        """Monotonic seconds."""
        return time.monotonic()

    def wall(self) -> float:
        """Unix seconds."""
        return time.time()

    def call_later(self, delay_s: float, call: Callable[[], None]) -> Alarm:
        """Make the call after delay_s seconds, from the clock's thread."""
        alarm = Alarm(time.monotonic() + max(0.0, delay_s), call)
        with self._wake:
            heapq.heappush(self._heap, (alarm.at_s, next(self._numbers), alarm))
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._run, name="clock", daemon=True)
                self._thread.start()
            elif self._heap[0][2] is alarm:
                self._wake.notify()
        return alarm

    def close(self) -> None:
        """End the thread; alarms not yet due never happen."""
        with self._wake:
            self._closed = True
            self._heap.clear()
            self._wake.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._closed and (not self._heap or self._heap[0][0] > time.monotonic()):
                    self._wake.wait(self._heap[0][0] - time.monotonic() if self._heap else None)
                if self._closed:
                    return
                call = heapq.heappop(self._heap)[2].call
            if call is not None:
                call()


class ManualClock:
    """A clock that stands still until advance() is called. wall() is its monotonic time plus wall_start_s."""

    def __init__(self, start_s: float = 1000.0, wall_start_s: float = 1_700_000_000.0) -> None:
        self.now_s = start_s
        self._wall_offset_s = wall_start_s - start_s
        self._heap: list[tuple[float, int, Alarm]] = []
        self._numbers = itertools.count()

    def __call__(self) -> float:
        """Seconds shown now."""
        return self.now_s

    def wall(self) -> float:
        """Unix seconds shown now."""
        return self.now_s + self._wall_offset_s

    def call_later(self, delay_s: float, call: Callable[[], None]) -> Alarm:
        """Make the call when advance() passes its time."""
        alarm = Alarm(self.now_s + max(0.0, delay_s), call)
        heapq.heappush(self._heap, (alarm.at_s, next(self._numbers), alarm))
        return alarm

    def advance(self, seconds: float) -> None:
        """Move on, making every call that falls due, each at its own time, in order."""
        end_s = self.now_s + seconds
        while self._heap and self._heap[0][0] <= end_s:
            at_s, _, alarm = heapq.heappop(self._heap)
            self.now_s = max(self.now_s, at_s)
            if alarm.call is not None:
                alarm.call()
        self.now_s = end_s
