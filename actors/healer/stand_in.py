"""Where a workload is that another stands in for, and when it is tried again. Pure. Times are Unix seconds."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from actors.settings.doubling import doubled
from actors.settings.healing import Fallback

Move = Literal["wait", "held", "try", "noticed", "return"]

SOON_S: Final = 3600.0
"""A stand-in that is needed again within this time of its end ended too early."""


class StandIn(msgspec.Struct, frozen=True, kw_only=True):
    """One that stands in. since: when it began. phase_at: when the phase began.

    phase: `begun`, the first is about to be held; `instead`, it is; `trial`, it is started beside the other to see
    whether it is well again. started: the standby did not run before, so that it is stopped in the end. relapses:
    trials that did not last.
    """

    standby: str
    since: float
    phase_at: float
    started: bool
    phase: Literal["begun", "instead", "trial"] = "begun"
    relapses: int = 0


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of one workload. now: None when nobody stands in. left: when the last one ended, after how many."""

    now: StandIn | None = None
    left: float = -SOON_S
    relapses: int = 0

    def begun(self, standby: str, wall_s: float, *, started: bool) -> Record:
        """Another stands in from now on; while one does already, or did lately, that is a relapse."""
        if self.now is not None:
            now = msgspec.structs.replace(
                self.now, phase="begun", phase_at=wall_s, relapses=self.now.relapses + 1, standby=standby
            )
        else:
            relapses = self.relapses + 1 if wall_s - self.left < SOON_S else 0
            now = StandIn(standby=standby, since=wall_s, phase_at=wall_s, started=started, relapses=relapses)
        return msgspec.structs.replace(self, now=now)

    def held(self) -> Record:
        """The first was seen to be held."""
        now = msgspec.structs.replace(self.now, phase="instead") if self.now is not None else None
        return msgspec.structs.replace(self, now=now)

    def tried(self, wall_s: float) -> Record:
        """The first runs again, beside the other."""
        now = msgspec.structs.replace(self.now, phase="trial", phase_at=wall_s) if self.now is not None else None
        return msgspec.structs.replace(self, now=now)

    def ended(self, wall_s: float) -> Record:
        """The first is back for good."""
        return Record(left=wall_s, relapses=self.now.relapses if self.now is not None else 0)


def wait_s(now: StandIn, fallback: Fallback) -> float:
    """Seconds from the change until the first is tried again."""
    return doubled(fallback.back_after, now.relapses, fallback.back_after_max)


def next_move(now: StandIn, fallback: Fallback, wall_s: float, *, held: bool, well_s: float) -> Move:
    """What is to be done. held: the first is. well_s: seconds for which the first is ready with no open issue.

    noticed: somebody started the first, or it never was held, as the node ended before.
    """
    due = wall_s - now.phase_at >= wait_s(now, fallback)
    if now.phase == "begun":
        return "held" if held else "noticed" if due else "wait"
    if now.phase == "instead":
        return "noticed" if not held else "try" if due else "wait"
    return "return" if not held and well_s >= fallback.well_for else "wait"
