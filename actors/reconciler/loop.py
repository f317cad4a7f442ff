"""The loop over data sets: looks, takes in what a look shows, has gaps filled, and looks again until nothing is left.

Level-triggered: a task that has ended, a command or a timer is only a reason to look. It touches no bus: it works with
the actor's hands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Final

from actors.reconciler.filling import Filling, Lent
from actors.reconciler.look import Ask, Looked, NotSeen, kept_path, new_path
from actors.reconciler.looking import Looker
from actors.reconciler.queue import WorkQueue
from actors.reconciler.report import told, write
from actors.reconciler.watched import Watched
from actors.settings import Schedule, TaskPriority
from actors.settings.datasets import DatasetSettings
from actors.timetable import following
from actors.zones import zone
from bus.errors import ActorUnavailable, CommandError, Refused
from bus.messages import (
    DatasetConverged,
    DatasetTable,
    GapsFound,
    LookDoubted,
    LookFailed,
    RunDatasets,
)

GAPS_MAX: Final = 10_000
"""Gaps of one data set that are at hand; the rest is counted, and comes in as these are closed."""

LOOKS_MAX: Final = 2
"""Looks at the same time, the others wait: each is a process that may use a whole core."""

FAILED_FIRST_S: Final = 5.0
"""Seconds after a look that failed; doubles each time, up to what lies between two looks at that data set."""

FAILED_MAX_S: Final = 86_400.0


class Loop:
    """Every data set of the config, each a key of the same queue as workloads are. stop() ends the looks under way.

    intervals: seconds between two looks by the priority of what is open, for data sets that do not say it.
    """

    def __init__(self, lent: Lent, intervals: Callable[[TaskPriority], float]) -> None:
        self._hands = lent.hands
        self._store = lent.store
        self._intervals = intervals
        self._looker = Looker()
        self._watched: dict[str, Watched] = {}
        self._queue: WorkQueue[str] = WorkQueue(FAILED_FIRST_S, FAILED_MAX_S)
        self._writing = False
        self._write_again = False
        self.filling = Filling(lent, self._watched, self.look_in)

    # -- from the actor

    def start(self, first_after_s: float) -> None:
        """Take up every data set; look at each soon."""
        self._store.drop_others(self._hands.node.datasets)
        for name, settings in self._hands.node.datasets.items():
            self._begin(name, settings, first_after_s)

    def reload(self, delay_s: float) -> None:
        """Other data sets, or others than they were."""
        now = self._hands.node.datasets
        for name in [name for name in self._watched if name not in now]:
            self._forget(self._watched.pop(name))
        self._store.drop_others(now)
        for name, settings in now.items():
            one = self._watched.get(name)
            if one is None:
                self._begin(name, settings, delay_s)
            elif one.settings != settings:
                one.settings = settings
                self.look_in(one, delay_s)

    def stop(self) -> None:
        """Let go of the looks; whoever waits for one is told, and what comes later is passed over."""
        self._looker.stop()
        for one in self._watched.values():
            self._let_go(one, ActorUnavailable("reconciler stops before it has looked"))
        self._watched.clear()

    def named(self, names: Iterable[str]) -> list[Watched]:
        """The data sets of these names, all of them when there are none. Raises: KeyError for one that is unknown."""
        return [self._watched[name] for name in names] or list(self._watched.values())

    def table(self, names: Iterable[str] = ()) -> DatasetTable:
        """How they stand. Raises: KeyError as named does."""
        now_s = self._hands.clock()
        return DatasetTable(datasets=[one.row(now_s, self.filling.hindrance(one)) for one in self.named(names)])

    def resync(self) -> None:
        """See which tasks have not ended, and what is due since the clock was put on, or the machine slept."""
        now_s = self._hands.clock.wall()
        for one in self._watched.values():
            if one.in_flight:
                self.filling.resync(one)
            if one.due_s is not None and one.due_s <= now_s:
                one.due_s = None
                self.look(one)

    def pause(self, name: str, *, paused: bool) -> None:
        """Make no more tasks, or make them again."""
        one = self._watched[name]
        one.known.paused = paused
        self._store.keep(one.name, one.known)
        self.filling.fill(one)

    def run(self, one: Watched, then: Callable[[CommandError | None], None], how: RunDatasets) -> None:
        """Look now, and fill what is missing; then(None, or why not) is called once it has been looked at."""
        one.believe = one.believe or how.believe
        if how.again:
            self.filling.try_again(one)
        one.asked.append((how.index, then))
        self._queue.forget(one.name)
        self.look(one)

    # -- looks

    def look_in(self, one: Watched, delay_s: float) -> None:
        """Look after delay_s seconds, or earlier when a look is due earlier."""
        if one.next_look is not None:
            if one.next_look.at_s <= self._hands.clock() + delay_s:
                return
            one.next_look.cancel()
        one.next_look = self._hands.after(delay_s, self.look, one)

    def look(self, one: Watched) -> None:
        """Look as soon as may be; once more when one is under way, as that may have passed what is asked about."""
        if one.next_look is not None:
            one.next_look.cancel()
            one.next_look = None
        if self._watched.get(one.name) is one:
            self._queue.add(one.name)
            self._take()

    def _take(self) -> None:
        """Begin the looks that may be."""
        while len(self._queue.processing) < LOOKS_MAX and (name := self._queue.take(self._hands.clock())) is not None:
            if name in self._watched:
                self._begin_look(self._watched[name])
            else:
                self._queue.done(name)

    def _begin_look(self, one: Watched) -> None:
        one.looking = True
        one.answering, one.asked = one.asked, []
        believe, one.believe = one.believe, False
        ask = self.filling.ask(one, GAPS_MAX)
        within_s = float(one.settings.look_within)
        self._hands.run(partial(self._looker.look, ask, within_s), partial(self._looked, one, ask, believe))

    def _looked(self, one: Watched, ask: Ask, believe: bool, outcome: Looked | Exception) -> None:  # noqa: FBT001
        one.looking = False
        if isinstance(outcome, Exception) and not isinstance(outcome, NotSeen):
            raise outcome
        if self._watched.get(one.name) is not one:
            self._queue.done(one.name)
        elif isinstance(outcome, NotSeen):
            self._failed(one, str(outcome))
        else:
            self._queue.well(one.name)
            if outcome.doubt and not believe:
                self._doubted(one, outcome.doubt)
            else:
                self._believed(one, ask, outcome)
        if self._watched.get(one.name) is one:
            self._reply(one, outcome)
            self.filling.fill(one)
            self._write_report()
        self._take()

    def _reply(self, one: Watched, outcome: Looked | NotSeen) -> None:
        """Tell whoever asked for this look; what they asked for is done unless it is not what they agreed to."""
        asked, one.answering = one.answering, []
        for index, then in asked:
            if isinstance(outcome, NotSeen):
                then(Refused(f"{one.name} cannot be looked at: {outcome}"))
            elif index and index != outcome.index:
                then(Refused(f"{one.name} is not as it was planned: its index is {outcome.index}, not {index}"))
            else:
                one.known.asked = one.known.open
                self._store.keep(one.name, one.known)
                then(None)

    def _failed(self, one: Watched, why: str) -> None:
        if (one.state, one.why) != ("unreadable", why):
            self._hands.log.warning("look.failed", dataset=one.name, error=why)
            self._hands.publish(LookFailed(subject=one.name, why=why))
        one.state, one.why = "unreadable", why
        wait_s = self._queue.again(one.name, self._hands.clock(), self._interval_s(one))
        self.look_in(one, wait_s)

    def _interval_s(self, one: Watched) -> float:
        """Seconds between two looks when nothing happens."""
        return float(one.settings.every) if one.settings.every is not None else self._intervals(one.urgency)

    def _look_later(self, one: Watched) -> None:
        """Look when the next look is due."""
        said, now_s = one.settings, self._hands.clock.wall()
        if said.cron is None:
            self.look_in(one, self._interval_s(one))
            return
        one.due_s = following(Schedule(cron=said.cron, timezone=said.timezone), now_s, now_s, zone)
        self.look_in(one, one.due_s - now_s)

    def _doubted(self, one: Watched, why: str) -> None:
        if (one.state, one.why) != ("doubted", why):
            self._hands.log.warning("look.doubted", dataset=one.name, why=why)
            self._hands.publish(LookDoubted(subject=one.name, why=why))
        one.state, one.why = "doubted", why
        self._look_later(one)

    def _believed(self, one: Watched, ask: Ask, looked: Looked) -> None:
        new_path(self._folder(), one.name).replace(kept_path(self._folder(), one.name))
        known, former = set(one.gaps), one.index
        one.take(looked, ask.now_s)
        one.looked_s = self._hands.clock()
        self._store.drop_filled(one.name, looked.as_of_s)
        self.filling.saw(one, ask.now_s)
        one.state = "converged" if one.settled else "gaps"
        if looked.total and (not former or any(gap.key not in known for gap in looked.gaps)):
            counts: dict[str, int] = {kind: count for kind, count in looked.counts.items() if count}
            self._hands.log.info("gaps.found", dataset=one.name, should=looked.should, have=looked.have, **counts)
            self._hands.publish(
                GapsFound(subject=one.name, should=looked.should, have=looked.have, counts=counts, index=looked.index)
            )
        one.index = looked.index
        if one.state == "converged" and one.known.open:
            self._converged(one)
        one.known.open = one.state == "gaps"
        self._store.keep(one.name, one.known)
        self._look_later(one)

    def _converged(self, one: Watched) -> None:
        self._hands.log.info("dataset.converged", dataset=one.name, filled=one.known.filled, unfillable=one.unfillable)
        self._hands.publish(
            DatasetConverged(
                subject=one.name, checked=one.known.should, filled=one.known.filled, unfillable=one.unfillable
            )
        )
        one.known.filled = 0
        one.known.asked = False

    # -- the rest

    def _begin(self, name: str, settings: DatasetSettings, delay_s: float) -> None:
        one = Watched(name=name, settings=settings, known=self._store.known(name), tried=self._store.tried(name))
        self._watched[name] = one
        self.filling.resync(one)
        self.look_in(one, delay_s)

    def _forget(self, one: Watched) -> None:
        self.filling.drop(one, "its data set is not in the config any more")
        self._let_go(one, ActorUnavailable(f"the data set {one.name} is not in the config any more"))

    def _let_go(self, one: Watched, error: CommandError) -> None:
        for alarm in (one.next_look, one.next_fill):
            if alarm is not None:
                alarm.cancel()
        asked, one.asked, one.answering = [*one.answering, *one.asked], [], []
        for _, then in asked:
            then(error)

    def _folder(self) -> Path:
        return self._hands.node.state_dir / "inventories"

    def _write_report(self) -> None:
        """Write gaps.json, one after the other."""
        if self._writing:
            self._write_again = True
            return
        self._writing = True
        report = told(self._watched.values(), self._hands.clock.wall())
        path = self._hands.node.state_dir / "gaps.json"
        self._hands.run(partial(write, path, report), self._written)

    def _written(self, outcome: Exception | None) -> None:
        self._writing = False
        if isinstance(outcome, OSError):
            self._hands.log.warning("report.failed", error=str(outcome))
        elif isinstance(outcome, Exception):
            raise outcome
        if self._write_again:
            self._write_again = False
            self._write_report()
