"""Whether the level or the spread of a series has changed for good, by two-sided Page-Hinkley sums. Pure.

The first readings teach what is usual; readings are then taken in blocks, whose mean is judged against the usual level
and whose mean distance from it against the usual spread, both in standard errors that were learned from blocks, so that
neighbours which are alike raise no alarm. Blocks are winsorised; after an alarm the new state is learned anew, and what
was usual before is kept, so that a return to it is seen.
"""

from __future__ import annotations

import math
from typing import Final, Literal

import msgspec
from msgspec import Struct, field

Kind = Literal["level", "spread"]

BLOCK: Final = 10  # Readings per block.
LEARN: Final = 60  # Blocks that teach what is usual.
SLACK: Final = 0.5  # Standard errors of a block by which it may lie off all the time; half of what is to be found.
ALARM: Final = 14.0  # Height of the sum, in standard errors, that is a drift.
CLIP: Final = 4.0  # Standard errors beyond which a block counts no more: one odd block is no drift.
HOME: Final = 20  # Blocks in a row whose mean has to be back at the usual for the series to have returned.
HUGE: Final = 1e140  # Readings beyond it are ignored, as their squares are no numbers.


class Drift(Struct, frozen=True):
    """What has changed: before and after are means of the readings (level), or of their distances from it (spread)."""

    kind: Kind
    before: float
    after: float
    since_s: float


class Return(Struct, frozen=True):
    """The series is back at what was usual before its last drift. now: the mean of the newest blocks."""

    kind: Kind
    now: float


class Usual(Struct, frozen=True):
    """What one statistic of the learned blocks was: its mean and the standard error of a block."""

    mean: float
    error: float

    def off(self, value: float) -> float:
        """How far a block is off, in standard errors, clipped."""
        off = value - self.mean
        if not off:
            return 0.0
        return max(-CLIP, min(CLIP, off / self.error)) if self.error > 0 else math.copysign(CLIP, off)


def usual(learned: list[float]) -> Usual:
    """The mean and error of the learned blocks; no finer than what rounding makes of readings that are all the same."""
    count = len(learned)
    mean = sum(learned) / count
    off = sum((one - mean) * (one - mean) for one in learned) / (count - 1)
    return Usual(mean, max(math.sqrt(off) * (1 + 1 / math.sqrt(count)), 1e-9 * abs(mean)))


class Sum(Struct):
    """A Page-Hinkley sum to one side of the usual: its height, and the blocks since it was last 0."""

    height: float = 0.0
    blocks: int = 0
    total: float = 0.0
    since_s: float = 0.0

    def add(self, value: float, signed: float, time_s: float) -> bool:
        """Take in a block that is so many standard errors off to this side; tells whether it is a drift now."""
        height = self.height + signed - SLACK
        if height <= 0:
            self.height, self.blocks, self.total = 0.0, 0, 0.0
            return False
        if not self.blocks:
            self.since_s = time_s
        self.height = height
        self.blocks += 1
        self.total += value
        return height > ALARM


class Statistic(Struct):
    """Level or spread of the series: what is usual, and the sums to both sides."""

    usual: Usual
    up: Sum = field(default_factory=Sum)
    down: Sum = field(default_factory=Sum)

    def add(self, value: float, time_s: float) -> Sum | None:
        """Take in a block; the sum that says there is a drift, if one does."""
        off = self.usual.off(value)
        found = [one for one, signed in ((self.up, off), (self.down, -off)) if one.add(value, signed, time_s)]
        return found[0] if found else None


class Left(Struct):
    """What was usual before the last drift, and how far off the newest blocks are from it."""

    kind: Kind
    usual: Usual
    centre: float
    values: list[float] = field(default_factory=list)

    def add(self, value: float) -> Return | None:
        """Take in a block; a return when the newest are usual again."""
        self.values.append(value)
        del self.values[:-HOME]
        if len(self.values) < HOME or abs(sum(map(self.usual.off, self.values))) > SLACK * HOME:
            return None
        return Return(self.kind, sum(self.values) / HOME)


class DriftState(Struct):
    """All that a detector knows. Times in seconds."""

    first: list[float] = field(default_factory=list)
    centre: float = 0.0
    total: float = 0.0
    distance: float = 0.0
    left_distance: float = 0.0
    count: int = 0
    began_s: float = 0.0
    learned: list[tuple[float, float]] = field(default_factory=list)
    level: Statistic | None = None
    spread: Statistic | None = None
    left: Left | None = None


class DriftDetector:
    """Watches one series. Times are seconds, ascending; a reading that is no number is ignored.

    saved: what save() of another gave. Raises ValueError when it is nothing of the kind.
    Source: Page (1954), Hinkley (1971); the slack and height as in Montgomery, Statistical Quality Control.
    """

    __slots__ = ("_at",)

    def __init__(self, saved: bytes | None = None) -> None:
        try:
            self._at = DriftState() if saved is None else msgspec.msgpack.decode(saved, type=DriftState)
        except msgspec.MsgspecError as error:
            raise ValueError(f"no saved detector: {error}") from error

    def save(self) -> bytes:
        """What it knows, as MessagePack; a detector made from it goes on as this one would."""
        return msgspec.msgpack.encode(self._at)

    @property
    def away(self) -> bool:
        """Whether the series drifted and has not returned."""
        return self._at.left is not None

    def update(self, time_s: float, value: float) -> Drift | Return | None:
        """Take in a reading; a drift is told once, at the reading that made it sure, and so is the return from it."""
        if not abs(value) < HUGE or not math.isfinite(time_s):
            return None
        at = self._at
        if len(at.first) < BLOCK:
            at.first.append(value)
            at.centre = sorted(at.first)[len(at.first) // 2]
            return None
        if not at.count:
            at.began_s = time_s
        at.total += value
        at.distance += abs(value - at.centre)
        if at.left is not None:
            at.left_distance += abs(value - at.left.centre)
        at.count += 1
        if at.count < BLOCK:
            return None
        return self._block()

    def _block(self) -> Drift | Return | None:
        """A block is whole."""
        at = self._at
        mean, distance, left_distance = at.total / BLOCK, at.distance / BLOCK, at.left_distance / BLOCK
        at.total = at.distance = at.left_distance = 0.0
        at.count = 0
        back = None if at.left is None else at.left.add(mean if at.left.kind == "level" else left_distance)
        if back is not None:
            self._at = DriftState()
            return back
        if at.level is None or at.spread is None:
            self._learn(mean, distance)
            return None
        found = at.level.add(mean, at.began_s)
        if found is not None:
            return self._drifted("level", at.level.usual, found)
        found = at.spread.add(distance, at.began_s)
        if found is None:
            return None
        moved = max(at.level.up, at.level.down, key=lambda one: one.height)
        if moved.height > ALARM / 2:  # another level is another distance from the old centre as well
            return self._drifted("level", at.level.usual, moved)
        return self._drifted("spread", at.spread.usual, found)

    def _learn(self, mean: float, distance: float) -> None:
        at = self._at
        at.learned.append((mean, distance))
        if len(at.learned) == LEARN:
            at.level = Statistic(usual([one for one, _ in at.learned]))
            at.spread = Statistic(usual([one for _, one in at.learned]))
            at.learned = []

    def _drifted(self, kind: Kind, before: Usual, found: Sum) -> Drift:
        """Begin anew; of drifts that follow one another, the first says what the series has to return to."""
        left = self._at.left or Left(kind, before, self._at.centre)
        self._at = DriftState(left=left)
        return Drift(kind, before.mean, found.total / found.blocks, found.since_s)
