"""When the system is read, and what becomes of it: one batch reading at a time, in a thread of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from actors.clock import Alarm
from actors.monitor.board import Board
from actors.monitor.hands import Hands
from actors.monitor.sampling import Sample, Sampler, SamplingFailed
from actors.monitor.schedule import Due, Schedule
from actors.monitor.settings import Dear
from actors.monitor.sources.trees import Target
from actors.monitor.subject import Subject
from actors.monitor.telling import Telling
from actors.settings.wording import duration

STUCK_S: Final = 30.0
"""Seconds after which a reading that has not ended is told as a trouble of the node."""


class Reading:
    """Takes the readings of host, node and process trees; the next is set when one has ended.

    asked_s: seconds between two readings of everything, as asked for. interval_s: as in force, by the pace.
    counted: what else the Monitor counts of itself.
    """

    def __init__(
        self,
        hands: Hands,
        board: Board,
        telling: Telling,
        *,
        interval_s: float,
        counted: Callable[[], dict[str, float]],
    ) -> None:
        now_s = hands.clock()
        self._hands = hands
        self._board = board
        self._telling = telling
        self._counted = counted
        self.asked_s = self.interval_s = self._bounded_s(interval_s)
        self._factor = 1.0
        self._sampler = Sampler(hands.clock, hands.node.state_dir, connections_max=hands.settings.connections_max)
        self._schedule = Schedule(now_s)
        self._alarm: Alarm | None = None
        self._since_s: float | None = None
        self._dear_s: dict[Dear, float] = {}
        self._closed = False
        self._set_alarm()

    def close(self) -> None:
        """No further reading is begun."""
        self._closed = True
        if self._alarm is not None:
            self._alarm.cancel()

    def refit(self) -> None:
        """Other workloads, limits or settings are in force."""
        now_s = self._hands.clock()
        self._schedule.keep(self._board.members.keys())
        self._sampler.trees.connections_max = self._hands.settings.connections_max
        for name in self._board.members:
            self._plan_quick(name, now_s)
        self.change(self.asked_s)

    def pace(self, factor: float) -> None:
        """Read closer together or wider apart than was asked for."""
        if factor != self._factor:
            self._factor = factor
            self.change(self.asked_s)

    def change(self, interval_s: float) -> None:
        """Read everything at this interval from now on, as far as the pace and the bounds of the settings let it."""
        self.asked_s = self._bounded_s(interval_s)
        self.interval_s = self._bounded_s(self.asked_s * self._factor)
        self._schedule.change(self._hands.clock(), self.interval_s)
        self._set_alarm()

    def look_soon(self, name: str) -> None:
        """There is a new process of a workload: its first reading is taken soon."""
        self._schedule.bring_forward(self._hands.clock() + self._hands.settings.sample_after_start, name)
        self._set_alarm()

    def watch(self) -> None:
        """A reading that does not end is a trouble of the node."""
        now_s = self._hands.clock()
        if self._since_s is not None and now_s - self._since_s > STUCK_S:
            self._board.troubles["reading"] = f"a reading has not ended for {duration(now_s - self._since_s)}"

    def _bounded_s(self, interval_s: float) -> float:
        settings = self._hands.settings
        return min(max(interval_s, float(settings.interval_min)), float(settings.interval_max))

    # -- one reading

    def _set_alarm(self) -> None:
        """Be woken at the next reading. Not by `after`, which would chain all readings to the message in hand."""
        if self._alarm is not None:
            self._alarm.cancel()
        clock = self._hands.clock
        delay_s = max(0.0, self._schedule.next_s - clock())
        self._alarm = clock.call_later(delay_s, lambda: self._hands.post(self._read))

    def _read(self) -> None:
        if self._closed or self._since_s is not None:
            return
        now_s = self._hands.clock()
        due = self._schedule.take(now_s)
        targets = self._targets(due, now_s)
        if not due.everything and not targets:
            self._plan_next(due, now_s)
            return
        self._since_s = now_s
        sampler, everything = self._sampler, due.everything
        self._hands.run(
            lambda: sampler.sample(targets, everything=everything), lambda outcome: self._was_read(due, outcome)
        )

    def _targets(self, due: Due, now_s: float) -> list[Target]:
        """The workloads to read that have a process. What is dear is read with everything, and not each time."""
        dear = self._dear(now_s) if due.everything else frozenset()
        return [
            Target(name, member.life.readable_pid, dear | member.dear if member.dear else dear)
            for name, member in self._board.members.items()
            if (due.everything or name in due.names) and member.life.readable_pid is not None
        ]

    def _dear(self, now_s: float) -> frozenset[Dear]:
        """What it is time for again, of all workloads."""
        settings = self._hands.settings
        every_s: dict[Dear, float] = {
            "connections": settings.connections_every,
            "disk_io": settings.disk_io_every,
            "pss": settings.pss_every,
        }
        due = [kind for kind in every_s if now_s >= self._dear_s.get(kind, now_s)]
        self._dear_s.update({kind: now_s + every_s[kind] for kind in due})
        return frozenset(due)

    def _was_read(self, due: Due, outcome: Sample | Exception) -> None:
        self._since_s = None
        now_s = self._hands.clock()
        if isinstance(outcome, SamplingFailed):
            self._hands.log.warning("sampling.failed", error=str(outcome))
            self._board.troubles["reading"] = f"nothing can be read: {outcome}"
        elif isinstance(outcome, Exception):
            raise outcome
        else:
            self._board.troubles.pop("reading", None)
            self._take_in(due, outcome)
        self._telling.judge()
        self._plan_next(due, now_s)

    def _take_in(self, due: Due, sample: Sample) -> None:
        """Workloads and host first, as their thresholds are what somebody waits for."""
        board, tell, at_s = self._board, self._telling.tell, sample.taken_s
        for name, member in board.members.items():
            reading = sample.trees.get(name)
            if reading is not None and reading.pid == member.life.pid:
                tell(board.read_workload(name, reading.values, at_s, self.interval_s))
            elif due.everything and member.life.readable_pid is None:
                tell(board.read_workload(name, {}, at_s, self.interval_s))
        if due.everything:
            tell(board.host.read(sample.host, at_s, self.interval_s))
            ignored = float(sum(subject.ignored for subject in board))
            own = {**sample.own, "cycle_s": sample.cycle_s, "ignored_readings": ignored, **self._counted()}
            tell(
                board.node.read({**own, "asked_interval_s": self.asked_s, "pace": self._factor}, at_s, self.interval_s)
            )

    # -- the next ones

    def _plan_next(self, due: Due, now_s: float) -> None:
        """Set the next readings: the regular one, those of short hold times, and those at the end of a hold."""
        if due.everything:
            self._schedule.again(now_s, self.interval_s)
        for name in self._board.members:
            if due.everything or name in due.names:
                self._plan_quick(name, now_s)
        if due.everything and self._board.host.latest("cpu") is None:
            self._schedule.bring_forward(now_s + self._hands.settings.sample_after_start)
        self._plan_hold_end(self._board.host, now_s, None)
        for name, member in self._board.members.items():
            if member.life.readable_pid is not None:
                self._plan_hold_end(member.subject, now_s, name)
        self._set_alarm()

    def _plan_quick(self, name: str, now_s: float) -> None:
        quick_s = self._board.quick_s(name, self.interval_s)
        if quick_s is not None and self._board.members[name].life.readable_pid is not None:
            self._schedule.bring_forward(now_s + quick_s, name)

    def _plan_hold_end(self, subject: Subject, now_s: float, name: str | None) -> None:
        """Read again just when a hold will be over; one that is over already waits for the next regular reading."""
        ends_s = subject.hold_ends_s()
        if ends_s is not None and ends_s > now_s:
            self._schedule.bring_forward(max(ends_s, now_s + self._hands.settings.interval_min / 2), name)
