"""Which instances of a workload are restarted next, so that enough stay ready. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from msgspec import Struct

from bus.messages import ProcessState

BROKEN: Final[frozenset[ProcessState]] = frozenset({"backing_off", "crash_loop", "exited", "unhealthy"})
"""An instance in such a state serves nobody, and is restarted without regard to the others."""

OVER: Final[frozenset[ProcessState]] = frozenset({"backing_off", "crash_loop", "exited", "stopped", "held"})
"""An instance that was restarted and came to this is not coming up."""

Turn = Literal["ahead", "under_way", "done"]


class Seat(Struct, kw_only=True):
    """One instance in a roll; changed by the shell as it goes.

    life: the incarnation it is to have at the end; an older one is on its way out, a newer one means that it ended
    again by itself. asked_s, ready_s: monotonic seconds, of its restart and since when it is ready.
    """

    name: str
    state: ProcessState
    incarnation: int
    turn: Turn = "ahead"
    life: int = 0
    asked_s: float = 0.0
    ready_s: float | None = None

    def see(self, state: ProcessState, incarnation: int, now_s: float) -> None:
        """Take in what it is now."""
        self.state, self.incarnation = state, incarnation
        new = self.turn == "ahead" or incarnation >= self.life
        if state != "ready" or not new:
            self.ready_s = None
        elif self.ready_s is None:
            self.ready_s = now_s

    def ask(self, now_s: float) -> None:
        """It is restarted now."""
        self.turn, self.life, self.asked_s, self.ready_s = "under_way", self.incarnation + 1, now_s, None


class Pace(Struct, frozen=True, kw_only=True):
    """How a roll goes. keep_ready: instances. ready_within_s, settle_s: seconds."""

    keep_ready: int
    ready_within_s: float
    settle_s: float


class Next(Struct, frozen=True):
    """Restart these now; none: look again later."""

    names: list[str]


class Over(Struct, frozen=True):
    """The roll has ended. trouble: what was in the way; empty when all went well."""

    trouble: str = ""


def keep_of(asked: int | None, said: int | None, count: int) -> int:
    """How many stay ready: as asked, else as the config says, else all but one.

    Raises: ValueError when that leaves none to restart.
    """
    keep = asked if asked is not None else said
    if keep is None:
        return max(0, count - 1)
    if not 0 <= keep < count:
        raise ValueError(f"{keep} of {count} instances cannot stay ready; allowed: 0 to {count - 1}")
    return keep


def next_step(seats: Sequence[Seat], pace: Pace, began_s: float, now_s: float) -> Next | Over:
    """Give what is to be done now. began_s: of the roll, or of its last step forward, monotonic seconds."""
    for seat in seats:
        if seat.turn == "under_way":
            trouble = _trouble(seat, pace, now_s)
            if trouble:
                return Over(trouble)
            if seat.ready_s is not None and now_s - seat.ready_s >= pace.settle_s:
                seat.turn = "done"
    ahead = [seat for seat in seats if seat.turn == "ahead"]
    under_way = [seat for seat in seats if seat.turn == "under_way"]
    if not ahead and not under_way:
        return Over()
    broken = [seat.name for seat in ahead if seat.state in BROKEN]
    if broken:
        # The first alone: what is broken may be broken by what it would be restarted to.
        return Next([] if under_way else broken[:1])
    ready = [seat for seat in ahead if seat.state == "ready"]
    spare = len(ready) + sum(seat.turn == "done" and seat.state == "ready" for seat in seats) - pace.keep_ready
    chosen = [seat.name for seat in ready[: max(0, spare)]]
    if not chosen and ahead and not under_way and now_s - began_s >= pace.ready_within_s:
        count = spare + pace.keep_ready
        return Over(
            f"only {count} of {len(seats)} are ready after {pace.ready_within_s:g} s, {pace.keep_ready} are kept"
        )
    return Next(chosen)


def _trouble(seat: Seat, pace: Pace, now_s: float) -> str:
    if seat.incarnation > seat.life:
        return f"{seat.name} ended by itself after its restart"
    if seat.state in OVER:
        return f"{seat.name} is {seat.state.replace('_', ' ')} after its restart"
    if seat.ready_s is None and now_s - seat.asked_s >= pace.ready_within_s:
        return f"{seat.name} is not ready {pace.ready_within_s:g} s after its restart"
    return ""
