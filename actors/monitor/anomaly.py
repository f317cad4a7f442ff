"""Whether a reading is unlike everything its series has shown before: novelty of the value, its level and its season.

Pure and streaming: one global set of parameters, no training. An alarm is evidence for a rule, never an action's cause.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from typing import Final

import msgspec
from msgspec import Struct

ALARM: Final = 0.5
"""Score from which a reading is an alarm."""

REMEMBERED_MAX: Final = 100
"""Values a memory holds; the one not met for longest makes room."""

SPREAD_SHARE: Final = 0.25
"""Share of the standard deviation within which a remembered value makes a new one familiar."""

DISTANCE_SHARE: Final = 0.03
"""Share of the distance from the mean added to that radius: in a heavy tail gaps grow with the distance."""

KEEP_SHARE: Final = 0.5
"""Share of the radius from which a value is remembered beside its neighbour."""

SPREAD_HORIZON: Final = 5000
"""Points after which mean and spread forget."""

YOUNG_POINTS: Final = 50
"""Points at which the radius of a young memory is still doubled; no alarm comes before."""

NOVELTY_MAX: Final = 50.0
"""Novelty is cut here: a flat series has no radius to divide by."""

LEVEL_SHARE: Final = 0.05
"""Weight of the newest value in the level, about 20 points of memory."""

LEVEL_POINTS: Final = 1.0 / LEVEL_SHARE
"""Points until which the level is the plain mean."""

RECENT_SHARE: Final = 0.2
"""Weight of the newest value in the recent average, about 5 points."""

VALUE_WEIGHT: Final = 1.2
LEVEL_WEIGHT: Final = 1.6
RECENT_WEIGHT: Final = 0.7
SEASON_WEIGHT: Final = 1.0
"""How much each channel's novelty counts."""

EXPLAINED_SHARE: Final = 0.2
"""Variance of a residual, as a share of what it was taken from, under which the average or season is believed."""

DAY_S: Final = 86400.0
SEASON_BINS: Final = 48
"""Bins of the time of day, half an hour each."""

BINS_PER_S: Final = SEASON_BINS / DAY_S

SEASON_SHARE: Final = 0.2
"""Weight of the newest day in a bin."""

VALUE_MAX: Final = 1e150
"""Values are cut here: their squares must be finite."""

RESTING_MAX: Final = 0.49
"""Score of a novelty while no alarm is allowed."""

REST_POINTS: Final = 40
"""Points without an alarm after an alarm: one event is told once."""

CAUTION: Final = 0.6
"""What an alarm adds to the threshold (which is 1 at rest)."""

CAUTION_POINTS: Final = 500.0
CAUTION_S: Final = 150_000.0
"""The caution fades with the slower of these two time constants: series of 10 s are not allowed 30 times the alarms."""

USUAL_STEP_S: Final = 300.0
STEP_SHARE: Final = 0.02
"""Weight of the newest step in the mean step."""

STEP_MIN_S: Final = 0.1

HASTE: Final = 0.15
"""What e times the points of USUAL_STEP_S add to the threshold: more points a day, more extremes a day."""


class SavedMemory(Struct, frozen=True, array_like=True):
    """A memory as plain data. values, met: machine bytes of the arrays."""

    values: bytes
    met: bytes
    count: int
    mean: float
    variance: float


class NoveltyMemory:
    """Values met so far, thinned out, in ascending order, with when each was last met (point number)."""

    __slots__ = ("count", "mean", "met", "values", "variance")

    def __init__(self, saved: SavedMemory | None = None) -> None:
        self.values = array("d", b"" if saved is None else saved.values)
        self.met = array("q", b"" if saved is None else saved.met)
        if len(self.values) != len(self.met):
            raise ValueError("a memory has as many times as values")
        self.count = 0 if saved is None else saved.count
        self.mean = 0.0 if saved is None else saved.mean
        self.variance = 0.0 if saved is None else saved.variance

    def save(self) -> SavedMemory:
        """What it knows."""
        return SavedMemory(self.values.tobytes(), self.met.tobytes(), self.count, self.mean, self.variance)

    def novelty(self, value: float, point: int) -> float:
        """Distance to the nearest remembered value in radii (1 and above: unlike any); then remembers this one."""
        values = self.values
        self.count = count = self.count + 1
        if not values:
            values.append(value)
            self.met.append(point)
            self.mean = value
            return 0.0
        mean, variance = self.mean, self.variance
        place = nearest = bisect_left(values, value)
        if place == len(values):
            nearest = place - 1
            gap = value - values[nearest]
        else:
            gap = values[place] - value
            if place and value - values[place - 1] < gap:
                nearest = place - 1
                gap = value - values[nearest]
        away = value - mean
        share = 1.0 / count if count < SPREAD_HORIZON else 1.0 / SPREAD_HORIZON
        self.mean = mean + share * away
        self.variance = (1.0 - share) * (variance + share * away * away)
        if gap == 0.0:
            self.met[nearest] = point
            return 0.0
        radius = (SPREAD_SHARE * math.sqrt(variance) + DISTANCE_SHARE * abs(away)) * (1.0 + YOUNG_POINTS / count)
        novelty = gap / max(radius, 1e-9 * (abs(value) + abs(mean)), 1e-300)
        if novelty > KEEP_SHARE:
            self._remember(value, place, point)
            return min(novelty, NOVELTY_MAX)
        self.met[nearest] = point
        return novelty

    def _remember(self, value: float, place: int, point: int) -> None:
        values, met = self.values, self.met
        if len(values) >= REMEMBERED_MAX:
            oldest = met.index(min(met))
            del values[oldest], met[oldest]
            place -= oldest < place
        values.insert(place, value)
        met.insert(place, point)


class Progress(Struct, array_like=True):
    """Where a detector is in its series. Times in seconds, points are counted."""

    bin: int = -1
    bin_sum: float = 0.0
    bin_count: int = 0
    points: int = 0
    time_s: float = 0.0
    step_s: float = USUAL_STEP_S
    level_now: float = 0.0
    recent_now: float = 0.0
    caution: float = 0.0
    alarm_point: int = -REST_POINTS


class SavedDetector(Struct, frozen=True, array_like=True):
    """A detector as plain data. memories: value, level, recent, season. day, day_counts: machine bytes of arrays."""

    progress: Progress
    memories: tuple[SavedMemory, SavedMemory, SavedMemory, SavedMemory]
    day: bytes
    day_counts: bytes


class AnomalyDetector:
    """Scores the readings of one series, in order.

    Four channels ask the same question, whether anything like this was met before: the value, its running level, its
    departure from the recent average, and the level's departure from the usual one at this time of day. The last two
    count only where the average or the season describes the series. After an alarm it rests, and then asks for more.

    saved: what save() of another gave on a machine of the same kind. Raises ValueError when it is nothing of the kind.
    """

    __slots__ = ("_at", "_day", "_day_counts", "_level", "_recent", "_season", "_value")

    def __init__(self, saved: bytes | None = None) -> None:
        if saved is None:
            self._at = Progress()
            self._value, self._level, self._recent, self._season = (NoveltyMemory() for _ in range(4))
            self._day, self._day_counts = array("d", bytes(8 * SEASON_BINS)), array("q", bytes(8 * SEASON_BINS))
            return
        try:
            known = msgspec.msgpack.decode(saved, type=SavedDetector)
        except msgspec.MsgspecError as error:
            raise ValueError(f"no saved detector: {error}") from error
        self._at = known.progress
        self._value, self._level, self._recent, self._season = map(NoveltyMemory, known.memories)
        self._day, self._day_counts = array("d", known.day), array("q", known.day_counts)
        if not len(self._day) == len(self._day_counts) == SEASON_BINS:
            raise ValueError(f"a day has {SEASON_BINS} bins")

    def save(self) -> bytes:
        """What it knows, as MessagePack; a detector made from it goes on as this one would."""
        memories = (self._value.save(), self._level.save(), self._recent.save(), self._season.save())
        known = SavedDetector(self._at, memories, self._day.tobytes(), self._day_counts.tobytes())
        return msgspec.msgpack.encode(known)

    def update(self, time_s: float, value: float) -> float:
        """Score of one reading, 0-1; ALARM and above is an alarm. 0 for what is no finite number, which is left out.

        time_s: any clock whose days are 86400 s, for the season; may be uneven or step back.
        """
        if not (math.isfinite(value) and math.isfinite(time_s)):
            return 0.0
        value = min(max(value, -VALUE_MAX), VALUE_MAX)
        at = self._at
        at.points = point = at.points + 1
        if point == 1:
            at.time_s, at.level_now, at.recent_now = time_s, value, value
        novelty = self._novelty(time_s, value, point)
        threshold = 1.0 + self._fade(time_s)
        score = novelty / (novelty + threshold)
        if score >= ALARM:
            if point > YOUNG_POINTS and point - at.alarm_point > REST_POINTS:
                at.alarm_point = point
                at.caution += CAUTION
                return score
            score = RESTING_MAX
        return score

    def _fade(self, time_s: float) -> float:
        """Lets time pass; what the threshold is above 1 now."""
        at = self._at
        passed_s = max(time_s - at.time_s, 0.0)
        at.time_s = time_s
        at.caution *= 1.0 - min(passed_s / CAUTION_S, 1.0 / CAUTION_POINTS)
        step_s = at.step_s = at.step_s + STEP_SHARE * (min(passed_s, DAY_S) - at.step_s)
        if step_s < USUAL_STEP_S:
            return at.caution + HASTE * math.log(USUAL_STEP_S / max(step_s, STEP_MIN_S))
        return at.caution

    def _novelty(self, time_s: float, value: float, point: int) -> float:
        at = self._at
        memory = self._value
        found = VALUE_WEIGHT * memory.novelty(value, point)

        recent = value - at.recent_now
        at.recent_now += RECENT_SHARE * recent
        new = RECENT_WEIGHT * self._recent.novelty(recent, point)
        if new > found and self._recent.variance < EXPLAINED_SHARE * memory.variance:
            found = new

        share = 1.0 / point if point < LEVEL_POINTS else LEVEL_SHARE
        at.level_now = level = at.level_now + share * (value - at.level_now)
        new = LEVEL_WEIGHT * self._level.novelty(level, point)
        found = max(found, new)

        place = min(int(time_s % DAY_S * BINS_PER_S), SEASON_BINS - 1)  # -1e-20 % DAY_S is DAY_S
        if place != at.bin:
            self._close_bin(place)
        at.bin_sum += level
        at.bin_count += 1
        if self._day_counts[place]:
            new = SEASON_WEIGHT * self._season.novelty(level - self._day[place], point)
            if new > found and self._season.variance < EXPLAINED_SHARE * self._level.variance:
                found = new
        return found

    def _close_bin(self, place: int) -> None:
        """Takes the finished bin into the usual day and opens the bin at `place`."""
        at = self._at
        if at.bin_count:
            done = at.bin
            self._day_counts[done] = days = self._day_counts[done] + 1
            self._day[done] += max(1.0 / days, SEASON_SHARE) * (at.bin_sum / at.bin_count - self._day[done])
        at.bin, at.bin_sum, at.bin_count = place, 0.0, 0
