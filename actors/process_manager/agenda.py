"""Says when workloads with a schedule or windows run. Pure: clock, store and zones are given.

A life passes its gate when its time has come, or a person asked for it, and while a window is open; the Keeper asks the
gate before every spawn, as it asks for dependencies.
"""

from __future__ import annotations

from datetime import tzinfo
from typing import Final, Protocol

from actors.clock import Alarm
from actors.process_manager.keeper import Keeper
from actors.process_manager.life import Life
from actors.process_manager.lifecycle import DOWN, UP
from actors.process_manager.means import Means
from actors.settings import Schedule
from actors.timetable import Zones, following, look, makes_up, opening, said_time
from bus.messages import ProcessStateChanged, ScheduleSkipped

LOOK_S: Final = 30.0
"""Seconds between two looks at most: somebody may set the wall clock."""

_OVER: Final = frozenset({"exited", "crash_loop", "stopped", "held"})
"""States in which no run is under way, and none is to be tried again."""

LOOK_MIN_S: Final = 0.005
"""Seconds between two looks at least, when the wall clock is a little behind."""


class Decisions(Protocol):
    """What must survive the node: up to when the times of each workload were decided on, wall time."""

    def decided(self) -> dict[str, float]:
        """By name."""

    def decide(self, name: str, wall_s: float) -> None:
        """Note it."""


class Agenda:
    """Owns which scheduled workloads are due. Times of `every` are monotonic, all others wall time."""

    def __init__(self, keeper: Keeper, means: Means, store: Decisions, zones: Zones) -> None:
        self._keeper = keeper
        self._means = means
        self._store = store
        self._zones = zones
        self._decided: dict[str, float] = {}
        self._due: set[str] = set()
        self._queued: set[str] = set()
        self._alarm: Alarm | None = None
        keeper.gate, keeper.moved = self.gate, self._moved

    # -- what the others ask

    def gate(self, life: Life) -> str | None:
        """What a life waits for beside its dependencies; None: nothing. Asked before every spawn, so it is quick."""
        spec = life.workload.spec
        if spec.schedule is None and not spec.windows.run:
            return None
        if spec.windows.run:
            now_s = self._means.clock.wall()
            seen = opening(spec.windows.run, now_s, self._zones)
            if not seen.open:
                return f"its window, from {self._said(seen.changes_s, spec.windows.run[0].timezone)}"
        if spec.schedule is None or life.name in self._due:
            return None
        return f"its time, {self.next_said(life, spec.schedule)}"

    def ask(self, life: Life) -> None:
        """A person wants a run now; its schedule goes on after it."""
        if life.workload.spec.schedule is not None:
            self._due.add(life.name)

    def next_said(self, life: Life, schedule: Schedule) -> str:
        """The next time of a schedule, in words."""
        now_s = self._now(schedule)
        next_s = following(schedule, now_s, self._decided.get(life.name, now_s), self._zones)
        return self._said_of(schedule, next_s)

    # -- coming up

    def resume(self, running: set[str]) -> None:
        """Before anything is started: what is due, by what was decided on before. running: names whose run goes on."""
        self._due |= running
        kept = self._store.decided()
        wall_s = self._means.clock.wall()
        for life in self._timed():
            schedule = life.workload.spec.schedule
            if schedule is not None:
                ago_s = max(0.0, wall_s - kept[life.name]) if life.name in kept else None
                self._take_up(life, schedule, ago_s)

    def begin(self) -> None:
        """Everything is taken over: put the rest in order, and look at every time from now on."""
        for life in self._timed():
            self._settle(life)
        self._look_all()

    def _take_up(self, life: Life, schedule: Schedule, ago_s: float | None) -> None:
        """ago_s: seconds since what was decided last; None: it is new, and an interval begins at once."""
        now_s = self._now(schedule)
        if ago_s is None:
            if schedule.every is not None:
                self._due.add(life.name)
            self._decide(life, schedule, now_s)
            return
        self._decided[life.name] = now_s - ago_s
        if schedule.cron is not None:
            self._decided[life.name] = min(now_s, self._store.decided()[life.name])

    def renew(self) -> None:
        """After a reload: schedules may be new, other, or gone."""
        for life in list(self._keeper.lives.values()):
            schedule = life.workload.spec.schedule
            if schedule is None:
                self._decided.pop(life.name, None)
                self._due.discard(life.name)
            elif life.name not in self._decided:
                if life.state in UP:
                    self._due.add(life.name)
                self._take_up(life, schedule, None)
        self.begin()

    # -- looking

    def _timed(self) -> list[Life]:
        lives = self._keeper.lives.values()
        return [one for one in lives if one.workload.spec.schedule is not None or one.workload.spec.windows.run]

    def _look_all(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        timed = self._timed()
        if not timed:
            return
        wait_s = min(self._look(life) for life in timed)
        self._alarm = self._means.after(min(LOOK_S, max(LOOK_MIN_S, wait_s)), self._look_all)

    def _look(self, life: Life) -> float:
        """Do what is due for one life; gives the seconds until it has to be looked at again."""
        spec, waits_s = life.workload.spec, LOOK_S
        if spec.windows.run:
            waits_s = self._keep_window(life)
        if spec.schedule is not None:
            waits_s = min(waits_s, self._keep_time(life, spec.schedule))
        if life.state == "waiting" and (missing := self._keeper.missing(life)):
            self._tell_wait(life, f"waits for {', '.join(missing)}")  # its next time, once one is past
        return waits_s

    def _tell_wait(self, life: Life, why: str) -> None:
        """Once its time has come, and what it waits for is a dependency, something is amiss; and the reverse."""
        life.why, idle = why, self.gate(life) is not None
        if idle != life.idle:
            life.idle = idle
            self._means.publish(
                ProcessStateChanged(subject=life.name, state="waiting", before="waiting", pid=None, why=why, idle=idle)
            )

    def _keep_window(self, life: Life) -> float:
        now_s = self._means.clock.wall()
        seen = opening(life.workload.spec.windows.run, now_s, self._zones)
        if not seen.open and life.state in UP:
            zone = life.workload.spec.windows.run[0].timezone
            why = f"its window has ended; the next begins {self._said(seen.changes_s, zone)}"
            life.again = why
            self._keeper.stop(life, why)
        elif seen.open and life.state == "waiting" and life.wanted and not self._keeper.missing(life):
            self._keeper.begin(life, "its window has opened")
        return seen.changes_s - now_s

    def _keep_time(self, life: Life, schedule: Schedule) -> float:
        now_s, decided_s = self._now(schedule), self._decided.get(life.name)
        if decided_s is None:
            self._take_up(life, schedule, None)
            decided_s = self._decided[life.name]
        seen = look(schedule, decided_s, now_s, self._zones)
        if seen.decided_s != decided_s:
            self._decide(life, schedule, seen.decided_s)
        if life.wanted and self._keeper.closing is None:
            if seen.due_s is not None:
                self._run(life, schedule, seen.due_s)
            elif seen.missed_s is not None and makes_up(schedule, seen.missed_s, now_s):
                self._run(life, schedule, seen.missed_s)
            elif seen.missed_s is not None:
                self._skip(life, schedule, seen.missed_s, "it passed while no node ran, or the machine slept")
        return seen.next_s - now_s

    # -- doing

    def _run(self, life: Life, schedule: Schedule, at_s: float) -> None:
        why = f"its time, {self._said_of(schedule, at_s)}"
        if life.state in DOWN:
            life.forgive()
            self._due.add(life.name)
            self._keeper.begin(life, why)
        elif schedule.overlap == "queue":
            self._queued.add(life.name)
        elif schedule.overlap == "replace" and life.ending is None:
            life.again = why
            self._keeper.stop(life, f"{why}, has come; the run before is replaced")
        else:
            self._skip(life, schedule, at_s, f"the run before has not ended, pid {life.pid}")

    def _skip(self, life: Life, schedule: Schedule, at_s: float, why: str) -> None:
        self._means.log.info("schedule.skipped", workload=life.name, planned=self._said_of(schedule, at_s), why=why)
        self._means.publish(ScheduleSkipped(subject=life.name, planned_s=self._wall_of(schedule, at_s), why=why))

    def _moved(self, life: Life) -> None:
        if life.workload.spec.schedule is not None and life.state in DOWN:
            self._means.post(self._settle, life)

    def _settle(self, life: Life) -> None:
        """A run is over, or given up: the next one has a time of its own."""
        if life.workload.spec.schedule is None or self._keeper.lives.get(life.name) is not life:
            return
        if life.state in _OVER:
            self._due.discard(life.name)
            queued = life.name in self._queued
            self._queued.discard(life.name)
            if queued and life.wanted and life.state != "stopped" and self._keeper.closing is None:
                life.forgive()
                self._due.add(life.name)
                self._keeper.begin(life, "its time came while the run before had not ended")
            elif life.state == "exited" and life.wanted and self._keeper.closing is None:
                self._keeper.begin(life, "waits for its next time")

    def _decide(self, life: Life, schedule: Schedule, at_s: float) -> None:
        self._decided[life.name] = at_s
        self._store.decide(life.name, self._wall_of(schedule, at_s))

    def _now(self, schedule: Schedule) -> float:
        return self._means.clock() if schedule.every is not None else self._means.clock.wall()

    def _wall_of(self, schedule: Schedule, at_s: float) -> float:
        return at_s if schedule.every is None else self._means.clock.wall() + at_s - self._means.clock()

    def _said_of(self, schedule: Schedule, at_s: float) -> str:
        return self._said(self._wall_of(schedule, at_s), schedule.timezone)

    def _said(self, wall_s: float, timezone: str | None) -> str:
        zone: tzinfo = self._zones(timezone)
        return said_time(wall_s, zone, self._means.clock.wall(), named=timezone is not None)
