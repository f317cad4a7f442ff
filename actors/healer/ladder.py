"""Where a workload stands on its ladder of degradation, and when it may return. Pure. Times are Unix seconds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from actors.healer.settings import DegradationSettings
from actors.settings.doubling import doubled
from actors.settings.healing import DegradeStep
from actors.settings.repair import FailureClass

Level = Literal["full", "minor", "moderate", "severe", "minimal"]

_LEVELS: Final[tuple[tuple[float, Level], ...]] = ((0.0, "full"), (0.25, "minor"), (0.5, "moderate"), (0.75, "severe"))
SOON_S: Final = 3600.0
"""A step that is needed again within this time of its return was taken back too early."""


class Rung(msgspec.Struct, frozen=True, kw_only=True):
    """A step that was taken. since: when. undo: what taking it back needs.

    relapses: how often it was needed again soon after it was taken back.
    """

    step: str
    since: float
    quality_loss: float
    until: str = ""
    undo: dict[str, str] = {}
    relapses: int = 0


class Ladder(msgspec.Struct, frozen=True, kw_only=True):
    """rungs: taken, the first first. left: step -> when it was last taken back, and its relapses."""

    rungs: tuple[Rung, ...] = ()
    left: dict[str, tuple[float, int]] = {}

    @property
    def quality_loss(self) -> float:
        """Share that is lost by all rungs together."""
        return min(1.0, sum(rung.quality_loss for rung in self.rungs))

    @property
    def level(self) -> Level:
        """In a word."""
        return next((name for most, name in _LEVELS if self.quality_loss <= most), "minimal")

    def down(self, step: DegradeStep, undo: dict[str, str], now: float) -> Ladder:
        """One step is taken; soon after its return that was a relapse, so that the next return waits for longer."""
        left_at, relapses = self.left.get(step.step, (-SOON_S, 0))
        relapses = relapses + 1 if now - left_at < SOON_S else 0
        rung = Rung(
            step=step.step,
            since=now,
            quality_loss=float(step.quality_loss),
            until=step.until or "",
            undo=undo,
            relapses=relapses,
        )
        return msgspec.structs.replace(self, rungs=(*self.rungs, rung))

    def up(self, now: float) -> Ladder:
        """The last step is taken back."""
        *rungs, last = self.rungs
        return Ladder(rungs=tuple(rungs), left={**self.left, last.step: (now, last.relapses)})


def next_step(steps: Sequence[DegradeStep], ladder: Ladder, failure: FailureClass) -> DegradeStep | None:
    """The first step against this class of failure that is not taken yet."""
    taken = {rung.step for rung in ladder.rungs}
    left = (each for each in steps if each.step not in taken)
    return next((each for each in left if not each.against or failure in each.against), None)


def back_s(rung: Rung, settings: DegradationSettings) -> float:
    """Seconds for which all has to be well before a step is taken back; doubles with each relapse."""
    return doubled(settings.back_after, rung.relapses, settings.back_after_max)
