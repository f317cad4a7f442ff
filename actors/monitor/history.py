"""The bounded past of a metric. Pure."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable

Points = tuple["array[float]", "array[float]"]
"""Times (monotonic seconds, ascending) and values, of equal length; copies."""


class Ring:
    """The last points of one series, at least step_s seconds apart. Times are monotonic seconds.

    Grows with what is put in up to `capacity` points; then the oldest gives way.
    """

    __slots__ = ("_head", "_times", "_values", "capacity", "step_s")

    def __init__(self, capacity: int, step_s: float) -> None:
        self.capacity = capacity
        self.step_s = step_s
        self._times = array("d")
        self._values = array("d")
        self._head = 0

    def __len__(self) -> int:
        return len(self._times)

    def add(self, time_s: float, value: float) -> bool:
        """Keep a reading unless it comes too soon after the last; tells whether it was kept.

        A clock that went backwards empties the ring, as its order would be lost.
        """
        if self._times:
            passed_s = time_s - self._times[self._head - 1]
            if passed_s < 0:
                self._times, self._values, self._head = array("d"), array("d"), 0
            elif passed_s < self.step_s * 0.9:  # a timer that is a little early is no reason to lose a point
                return False
        if len(self._times) < self.capacity:
            self._times.append(time_s)
            self._values.append(value)
            return True
        self._times[self._head] = time_s
        self._values[self._head] = value
        self._head = (self._head + 1) % self.capacity
        return True

    def since(self, time_s: float) -> Points:
        """The points not older than time_s."""
        times = self._times[self._head :] + self._times[: self._head]
        values = self._values[self._head :] + self._values[: self._head]
        first = bisect_left(times, time_s)
        return times[first:], values[first:]


class History:
    """The rings of one subject by metric."""

    def __init__(self, capacity: int, step_s: float) -> None:
        self._capacity = capacity
        self._step_s = step_s
        self._rings: dict[str, Ring] = {}

    def add(self, time_s: float, values: Iterable[tuple[str, float]]) -> None:
        """Take in one reading of each metric given."""
        for metric, value in values:
            ring = self._rings.get(metric)
            if ring is None:
                ring = self._rings[metric] = Ring(self._capacity, self._step_s)
            ring.add(time_s, value)

    @property
    def metrics(self) -> list[str]:
        """The metrics there are points of."""
        return list(self._rings)

    def since(self, metric: str, time_s: float) -> Points:
        """The points of one metric not older than time_s. Raises KeyError."""
        return self._rings[metric].since(time_s)

    def resized(self, capacity: int, step_s: float) -> History:
        """A history of another size with the same points, the newest where not all have room."""
        if (capacity, step_s) == (self._capacity, self._step_s):
            return self
        other = History(capacity, step_s)
        for metric, ring in self._rings.items():
            for time_s, value in zip(*ring.since(float("-inf")), strict=True):
                other.add(time_s, ((metric, value),))
        return other
