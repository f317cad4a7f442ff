"""The rolls under way: restarts instances as rolling.py says, and tells how it went."""

from __future__ import annotations

from typing import Any, Final

from msgspec import Struct

from actors.process_manager.keeper import Keeper
from actors.process_manager.life import Life
from actors.process_manager.lifecycle import DOWN
from actors.process_manager.means import Means
from actors.process_manager.rolling import Next, Over, Pace, Seat, keep_of, next_step
from actors.process_manager.setback import SetBack
from bus.errors import ActorUnavailable, Refused
from bus.message import Done
from bus.messages import RollEnded, RollStarted, RollWorkload

LOOK_S: Final = 0.05
"""Seconds between two looks at the instances of a roll."""


class Roll(Struct, kw_only=True):
    """One roll. key: config name and mode. moved_s: monotonic seconds of its last step forward."""

    key: tuple[str, str]
    seats: list[Seat]
    pace: Pace
    request: Any
    why: str
    began_s: float
    moved_s: float


class Rolls:
    """At most one roll of each workload at a time; a roll ends with the node or the behaviour that began it."""

    def __init__(self, means: Means, keeper: Keeper, set_back: SetBack) -> None:
        self._means = means
        self._keeper = keeper
        self._set_back = set_back
        self._under_way: dict[tuple[str, str], Roll] = {}

    def begin(self, command: RollWorkload, request: Any) -> None:
        """Begin a roll; the request is answered when it ends.

        Raises: Refused.
        """
        lives = self._members(command)
        first = lives[0].workload
        key = first.group
        if key in self._under_way:
            raise Refused(f"{command.name} is being restarted one by one already: {self._under_way[key].why}")
        if self._keeper.closing is not None:
            raise Refused(f"{command.name} is not restarted: the node is drained or stops")
        policy = first.spec.roll
        try:
            keep = keep_of(command.keep_ready, policy.keep_ready, len(lives))
        except ValueError as error:
            raise Refused(f"{command.name}: {error}") from None
        for life in lives:
            self._set_back.try_anew(life)
        now_s = self._means.clock()
        roll = Roll(
            key=key,
            seats=[Seat(name=life.name, state=life.state, incarnation=life.incarnation) for life in lives],
            pace=Pace(keep_ready=keep, ready_within_s=policy.ready_within, settle_s=policy.settle),
            request=request,
            why=command.why,
            began_s=now_s,
            moved_s=now_s,
        )
        self._under_way[key] = roll
        names = [life.name for life in lives]
        self._means.log.info("roll.started", workload=key[0], mode=key[1], instances=len(names), why=command.why)
        self._means.publish(RollStarted(subject=key[0], mode=key[1], instances=names, keep_ready=keep, why=command.why))
        self._look(roll)

    def close(self, name: str) -> None:
        """The behaviour ends: those who wait are told."""
        for roll in self._under_way.values():
            roll.request.answer(ActorUnavailable(f"{name} is made anew or stopping; the roll has ended"))
        self._under_way.clear()

    def _members(self, command: RollWorkload) -> list[Life]:
        """Those that are to run, in order of their numbers. Raises: Refused."""
        found = [
            life
            for life in self._keeper.lives.values()
            if life.declared and command.name == life.workload.config_name and command.mode in ("", life.workload.mode)
        ]
        modes = {life.workload.mode for life in found}
        if len(modes) > 1:
            raise Refused(f"{command.name} runs in both modes; say which")
        wanted = [life for life in found if life.wanted and not life.held]
        if not wanted:
            raise Refused(f"no instance of {command.name!r} is to run" if found else f"no workload {command.name!r}")
        return wanted

    def _look(self, roll: Roll) -> None:
        """See how far it is, and go on."""
        if self._under_way.get(roll.key) is not roll:
            return
        now_s = self._means.clock()
        gone = [seat.name for seat in roll.seats if seat.name not in self._keeper.lives]
        if gone or self._keeper.closing is not None:
            self._end(roll, f"{gone[0]} is no longer in the config" if gone else "the node is drained or stops")
            return
        for seat in roll.seats:
            life = self._keeper.lives[seat.name]
            seat.see(life.state, life.incarnation, now_s)
        match next_step(roll.seats, roll.pace, roll.moved_s, now_s):
            case Over(trouble):
                for seat in roll.seats if trouble else ():
                    if seat.turn == "under_way":
                        self._set_back.fail(self._keeper.lives[seat.name], trouble)
                self._end(roll, trouble)
            case Next(names):
                for seat in roll.seats:
                    if seat.name in names:
                        seat.ask(now_s)
                        roll.moved_s = now_s
                        self._restart(self._keeper.lives[seat.name], f"restarted in turn: {roll.why}")
                self._means.after(LOOK_S, self._look, roll)

    def _restart(self, life: Life, why: str) -> None:
        life.forgive()
        life.wanted = True
        if life.state in DOWN:
            self._keeper.begin(life, why)
        else:
            life.again = life.again or why
            self._keeper.stop(life, why)

    def _end(self, roll: Roll, trouble: str) -> None:
        self._under_way.pop(roll.key, None)
        took_s = self._means.clock() - roll.began_s
        back = [
            seat.name
            for seat in roll.seats
            if seat.turn == "under_way" and (life := self._keeper.lives.get(seat.name)) is not None and life.refused
        ]
        done = [seat.name for seat in roll.seats if seat.turn == "done"]
        left = [seat.name for seat in roll.seats if seat.turn == "ahead"]
        name, mode = roll.key
        self._means.log.info("roll.ended", workload=name, mode=mode, restarted=len(done), trouble=trouble or "none")
        self._means.publish(
            RollEnded(
                subject=name,
                mode=mode,
                ok=not trouble,
                restarted=done,
                left=left,
                why=trouble or roll.why,
                took_s=took_s,
                set_back=back,
            )
        )
        if trouble:
            untouched = f"; not touched: {', '.join(left)}" if left else ""
            undone = f"; set back to the former config: {', '.join(back)}" if back else ""
            roll.request.answer(Refused(f"the roll of {name} ended: {trouble}{undone}{untouched}"))
        else:
            roll.request.answer(Done(detail=f"restarted {len(done)} in turn, all ready after {took_s:.1f} s"))
