"""The bounded past of a subject: what is read together shares its times, and a value that stays is kept once. Pure."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping

from msgspec import Struct

Points = tuple["array[float]", "array[float]"]
"""Times (monotonic seconds, ascending) and values, of equal length; copies."""


class Stretch(Struct, frozen=True):
    """What was read together. values: metric -> a value for each time, or one that held all the time; copies."""

    times: array[float]
    values: dict[str, float | array[float]]


class Runs:
    """The values of one metric as runs of equal ones. firsts: the number of the reading that each run begins with."""

    __slots__ = ("firsts", "values")

    def __init__(self) -> None:
        self.firsts: array[int] | tuple[int, ...] = ()
        self.values: array[float] | tuple[float, ...] = ()

    def add(self, number: int, value: float) -> None:
        """Take in the value of a reading."""
        if not self.values:
            self.firsts, self.values = (number,), (value,)
        elif self.values[-1] != value:
            if isinstance(self.firsts, tuple) or isinstance(self.values, tuple):
                self.firsts, self.values = array("q", self.firsts), array("d", self.values)
            self.firsts.append(number)
            self.values.append(value)

    def forget(self, number: int) -> None:
        """Nobody asks for readings before this one any more."""
        firsts, values = self.firsts, self.values
        while (
            not isinstance(firsts, tuple) and not isinstance(values, tuple) and len(firsts) > 1 and firsts[1] <= number
        ):
            del firsts[0], values[0]

    def between(self, first: int, end: int) -> array[float]:
        """The value of each reading from first up to, not with, end."""
        found = array("d")
        for place in range(max(0, bisect_right(self.firsts, first) - 1), len(self.firsts)):
            until = self.firsts[place + 1] if place + 1 < len(self.firsts) else end
            found.extend(self.values[place : place + 1] * (min(until, end) - max(self.firsts[place], first)))
        return found


class Track:
    """The last readings of metrics that are read together, at least step_s seconds apart. Times are monotonic seconds.

    Grows with what is put in up to `capacity` readings; then the oldest gives way. A metric may join later.
    """

    __slots__ = ("_dropped", "_moved", "_times", "capacity", "runs", "step_s")

    def __init__(self, capacity: int, step_s: float, metrics: Iterable[str]) -> None:
        self.capacity = capacity
        self.step_s = step_s
        self.runs = {metric: Runs() for metric in metrics}
        self._times = array("d")
        self._dropped = 0
        self._moved = True

    def __len__(self) -> int:
        return len(self._times)

    @property
    def begin_s(self) -> float:
        """The time of the oldest reading. Raises IndexError when there is none."""
        return self._times[0]

    def takes(self, time_s: float) -> bool:
        """Whether a reading is long enough after the last; a clock that went backwards counts as long."""
        passed_s = time_s - self._times[-1] if self._times else -1.0
        return passed_s < 0 or passed_s >= self.step_s * 0.9  # a timer that is a little early loses no point

    def add(self, time_s: float, values: Mapping[str, float], *, moved: bool = True) -> bool:
        """Keep a reading of every metric of the track unless it comes too soon; tells whether it was kept.

        moved: whether a value differs from that of the reading before, kept or not.
        A clock that went backwards empties the track, as its order would be lost.
        """
        self._moved = self._moved or moved
        if not self.takes(time_s):
            return False
        if self._times and time_s < self._times[-1]:
            self._times, self.runs, self._moved = array("d"), {metric: Runs() for metric in self.runs}, True
        number = self._dropped + len(self._times)
        self._times.append(time_s)
        if self._moved:
            self._moved = False
            for metric, runs in self.runs.items():
                runs.add(number, values[metric])
        if len(self._times) > self.capacity:
            del self._times[0]
            self._dropped += 1
            for runs in self.runs.values():
                runs.forget(self._dropped)
        return True

    def compare_next(self) -> None:
        """The next reading may differ from the last that was kept, whatever is said of it."""
        self._moved = True

    def since(self, metric: str, time_s: float) -> Points:
        """The points of a metric not older than time_s. Raises KeyError."""
        runs, first, end = self.runs[metric], self._first(metric, time_s), self._dropped + len(self._times)
        return self._times[first - self._dropped :], runs.between(first, end)

    def after(self, time_s: float, until_s: float) -> Iterator[Stretch]:
        """The points later than time_s, to until_s: one stretch for the metrics that begin with the same reading."""
        first, end = (self._dropped + bisect_right(self._times, edge_s) for edge_s in (time_s, until_s))
        begun: dict[int, dict[str, float | array[float]]] = {}
        for metric, runs in self.runs.items():
            begin = max(first, runs.firsts[0]) if runs.firsts else end
            if begin < end:
                steady = len(runs.firsts) == 1 or runs.firsts[-1] <= begin
                begun.setdefault(begin, {})[metric] = runs.values[-1] if steady else runs.between(begin, end)
        return (
            Stretch(self._times[begin - self._dropped : end - self._dropped], values) for begin, values in begun.items()
        )

    def recall(self, metric: str, times: array[float], values: array[float]) -> bool:
        """Put the past of one metric into a track that nothing was added to yet; tells whether it has room for it.

        times: as those of the track up to the last, or its first ones are missing.
        """
        if not self._times:
            self._times = times[-self.capacity :]
        missing = len(self._times) - len(values[-self.capacity :])
        if missing < 0 or self._times[missing:] != times[-self.capacity :]:
            return False
        runs = self.runs[metric] = Runs()
        for number, value in enumerate(values[-self.capacity :], missing):
            runs.add(number, value)
        return True

    def steady(self, metric: str, time_s: float) -> tuple[int, float] | None:
        """How many points not older than time_s there are and the seconds they span, when all are equal; else None."""
        first, end = self._first(metric, time_s), self._dropped + len(self._times)
        if first >= end:
            return 0, 0.0
        if self.runs[metric].firsts[-1] > first:
            return None
        return end - first, self._times[-1] - self._times[first - self._dropped]

    def _first(self, metric: str, time_s: float) -> int:
        """The number of the first reading of a metric that is not older than time_s."""
        number, firsts = self._dropped + bisect_left(self._times, time_s), self.runs[metric].firsts
        return max(number, firsts[0]) if firsts else self._dropped + len(self._times)

    def split(self, metrics: Collection[str]) -> Track:
        """Take metrics out, into a track of their own with the same past."""
        other = Track(self.capacity, self.step_s, ())
        other._times, other._dropped = self._times[:], self._dropped
        other.runs = {metric: self.runs.pop(metric) for metric in metrics}
        return other


class History:
    """The past of one subject by metric."""

    def __init__(self, capacity: int, step_s: float) -> None:
        self._capacity = capacity
        self._step_s = step_s
        self._tracks: list[Track] = []
        self._of: dict[str, Track] = {}

    def add(self, time_s: float, values: Iterable[tuple[str, float]], *, moved: bool = True) -> None:
        """Take in one reading of each metric given. moved: whether one differs from the reading before of it."""
        reading = dict(values)
        known = self._of.keys()
        if not reading.keys() <= known:
            self._begin(time_s, reading.keys(), [metric for metric in reading if metric not in known])
        for track in tuple(self._tracks):
            if track.runs.keys() <= reading.keys():
                track.add(time_s, reading, moved=moved)
            elif together := track.runs.keys() & reading.keys():
                self._hold(track.split(together)).add(time_s, reading, moved=moved)

    def _begin(self, time_s: float, read: Collection[str], fresh: list[str]) -> None:
        """Metrics that are new join what is read with them."""
        for track in self._tracks:
            if track.runs.keys() <= set(read) and track.takes(time_s):
                track.runs.update({metric: Runs() for metric in fresh})
                self._of.update(dict.fromkeys(fresh, track))
                return
        self._hold(Track(self._capacity, self._step_s, fresh))

    def _hold(self, track: Track) -> Track:
        self._tracks.append(track)
        self._of.update(dict.fromkeys(track.runs, track))
        return track

    @property
    def oldest_s(self) -> float | None:
        """The time of the oldest reading; None when there is none."""
        return min((track.begin_s for track in self._tracks if len(track)), default=None)

    def after(self, time_s: float, until_s: float) -> Iterator[Stretch]:
        """All points later than time_s, to until_s."""
        for track in self._tracks:
            yield from track.after(time_s, until_s)

    @property
    def metrics(self) -> list[str]:
        """The metrics there are points of."""
        return list(self._of)

    def last(self, metric: str) -> float | None:
        """The value that was kept last; None when none was."""
        track = self._of.get(metric)
        values = track.runs[metric].values if track is not None else None
        return values[-1] if values else None

    def since(self, metric: str, time_s: float) -> Points:
        """The points of one metric not older than time_s. Raises KeyError."""
        return self._of[metric].since(metric, time_s)

    def steady(self, metric: str, time_s: float) -> tuple[int, float] | None:
        """See Track.steady. Raises KeyError."""
        return self._of[metric].steady(metric, time_s)

    def resized(self, capacity: int, step_s: float) -> History:
        """A history of another size with the same points, the newest where not all have room."""
        if (capacity, step_s) == (self._capacity, self._step_s):
            return self
        other = History(capacity, step_s)
        other.follow(self)
        return other

    def follow(self, other: History) -> None:
        """Take in the points of another history of the same subject, all later than those here."""
        points = sorted(
            (time_s, metric, value)
            for metric in other.metrics
            for time_s, value in zip(*other.since(metric, float("-inf")), strict=True)
        )
        readings: dict[float, dict[str, float]] = {}
        for time_s, metric, value in points:
            readings.setdefault(time_s, {})[metric] = value
        for time_s, reading in readings.items():
            self.add(time_s, reading.items())
        for track in self._tracks:
            track.compare_next()

    def recall(self, past: Mapping[str, Points]) -> None:
        """Take in points of before, by metric, into a history that has none yet; the newest where not all have room."""
        for metric, (times, values) in sorted(past.items(), key=lambda one: -len(one[1][0])):
            if not any(track.recall(metric, times, values) for track in self._tracks):
                self._tracks.append(Track(self._capacity, self._step_s, ()))
                self._tracks[-1].recall(metric, times, values)
        for track in self._tracks:
            self._of.update(dict.fromkeys(track.runs, track))
