"""When declared metrics are read, and what becomes of it: each source by itself, none in the way of another."""

from __future__ import annotations

import heapq
import itertools
import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Final

from actors.clock import Alarm
from actors.monitor.board import HOST, Board
from actors.monitor.counting import Counters
from actors.monitor.feedplan import FeedPlan, plan_feeds
from actors.monitor.hands import Hands
from actors.monitor.health import UP
from actors.monitor.sources.building import Recipe
from actors.monitor.sources.intake import Intake, Unknown
from actors.monitor.sources.listener import Listener
from actors.monitor.sources.reader import NotRead
from actors.monitor.sources.threads import Threads
from actors.monitor.statsd import Item
from actors.monitor.subject import Subject
from actors.monitor.telling import Telling
from actors.settings.push import PushSettings
from bus.errors import Refused
from bus.messages import MetricSourceFailed, MetricSourceRecovered, MetricsSampled, MetricsTaken, PushMetrics

TOGETHER_S: Final = 0.05
"""Readings that are due this close to one another are begun at once."""
SPARE_S: Final = 0.5
"""Seconds after its time in which a reading ends by itself, if it can; then it hangs."""
TOLD_AFTER: Final = 2
"""Readings in a row that gave nothing before it is told; one may be chance, or a program that just starts."""


class Feed:
    """One source of one subject. Times are monotonic seconds; begun_s is None while it is not read.

    due_s: when it was to be read last. at_s: when it is looked at again; None while it waits for a thread or for
    nothing. late: its last reading took too long, so that it has to wait for others that did not. hangs: its reading
    did not end, and counts for nothing until it does. missed: readings that gave nothing.
    """

    def __init__(self, subject: str, plan: FeedPlan, recipe: Recipe) -> None:
        self.subject = subject
        self.plan = plan
        self.recipe = recipe
        self.source = recipe.build()
        self.counters = Counters({name: metric.as_ for name, metric in plan.metrics.items()})
        self.due_s = 0.0
        self.at_s: float | None = None
        self.taken_s = -math.inf
        self.begun_s: float | None = None
        self.pid: int | None = None
        self.late = self.hangs = self.dropped = False
        self.missed = self.in_a_row = 0
        self.told_s: float | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What makes it the same after a change of the config."""
        return self.subject, self.plan.key

    @property
    def pushed(self) -> bool:
        """Whether somebody hands its values in, so that nothing has to wait for them."""
        return self.plan.origin == "push"


class Feeds:
    """The sources of declared metrics. interval: seconds between two readings of those that do not say."""

    def __init__(self, hands: Hands, board: Board, telling: Telling, interval: Callable[[], float]) -> None:
        self._hands = hands
        self._board = board
        self._telling = telling
        self._interval = interval
        self._threads = Threads("source")
        self._intake = Intake(lambda: hands.post(self._heard))
        self._listener: Listener | None = None
        self._push = PushSettings()
        self._feeds: dict[tuple[str, str], Feed] = {}
        self._agenda: list[tuple[float, int, Feed]] = []
        self._numbers = itertools.count()
        self._queues: tuple[deque[Feed], deque[Feed]] = (deque(), deque())
        self._busy = [0, 0]
        self._alarm: Alarm | None = None
        self._alarm_s = math.inf
        self._closed = False
        self.refit()

    def close(self) -> None:
        """Begin no further reading, listen no more, and let go of what the sources hold."""
        self._closed = True
        if self._alarm is not None:
            self._alarm.cancel()
        if self._listener is not None:
            self._listener.close()
        for feed in self._feeds.values():
            self._drop(feed)
        self._threads.close()

    def refit(self) -> None:
        """Other workloads or settings are in force; what is the same goes on."""
        now_s, before = self._hands.clock(), self._feeds
        self._feeds = {}
        for subject, plan in self._plans():
            recipe = Recipe(self._hands.node, subject, plan)
            feed = before.get((subject, plan.key))
            if feed is None or feed.recipe != recipe:
                feed = Feed(subject, plan, recipe)
                if not feed.pushed or self._intake.waits(subject):
                    self._plan(feed, now_s)
            self._feeds[feed.key] = feed
        for feed in before.values():
            if self._feeds.get(feed.key) is not feed:
                self._drop(feed)
        pushed = [feed for feed in self._feeds.values() if feed.pushed]
        self._intake.declare({feed.subject: frozenset(feed.plan.metrics) for feed in pushed})
        self.listen()
        self._set_alarm()

    def look_soon(self, name: str) -> None:
        """There is a new process of a workload: what its counters said is of no more use."""
        due_s = self._hands.clock() + self._hands.settings.sample_after_start
        for feed in [feed for feed in self._feeds.values() if feed.subject == name]:
            feed.counters.reborn()
            if feed.begun_s is None and feed.at_s is not None:
                self._plan(feed, due_s)
        self._set_alarm()

    def counted(self) -> dict[str, float]:
        """Readings that gave nothing, and what was handed in and refused; nothing while no metric is declared."""
        if not self._feeds:
            return {}
        missed = sum(feed.missed for feed in self._feeds.values())
        return {"missed_readings": float(missed), "refused_pushes": float(self._intake.refused)}

    def _plans(self) -> Iterator[tuple[str, FeedPlan]]:
        for plan in plan_feeds(self._hands.settings.metrics):
            yield HOST, plan
        for name, workload in self._hands.node.workloads.items():
            for plan in plan_feeds(workload.spec.metrics):
                yield name, plan

    def _subject(self, feed: Feed) -> Subject | None:
        """Whose series it feeds; None while that has no process that could say anything."""
        if feed.subject == HOST:
            return self._board.host
        member = self._board.members.get(feed.subject)
        return member.subject if member is not None and member.life.state in UP else None

    def _pid(self, feed: Feed) -> int | None:
        member = self._board.members.get(feed.subject)
        return member.life.pid if member is not None and feed.subject != HOST else None

    def _every_s(self, feed: Feed) -> float:
        return feed.plan.every_s or self._interval()

    # -- the next ones

    def _plan(self, feed: Feed, at_s: float) -> None:
        """Look at it then, and not before."""
        feed.at_s = at_s
        heapq.heappush(self._agenda, (at_s, next(self._numbers), feed))

    def _set_alarm(self) -> None:
        """Be woken for what comes next. Not by `after`, which would chain all readings to the message in hand."""
        while self._agenda and self._agenda[0][2].at_s != self._agenda[0][0]:
            heapq.heappop(self._agenda)
        next_s = self._agenda[0][0] if self._agenda else math.inf
        if next_s == self._alarm_s:
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm, self._alarm_s = None, next_s
        if next_s < math.inf and not self._closed:
            clock = self._hands.clock
            self._alarm = clock.call_later(max(0.0, next_s - clock()), lambda: self._hands.post(self._woken))

    def _woken(self) -> None:
        """Begin what is due, and tell what hangs."""
        if self._closed:
            return
        self._alarm_s = math.inf
        now_s = self._hands.clock()
        while self._agenda and self._agenda[0][0] <= now_s + TOGETHER_S:
            at_s, _, feed = heapq.heappop(self._agenda)
            if feed.at_s == at_s:
                feed.at_s = None
                self._turn(feed, at_s, now_s)
        self._begin_waiting()
        self._set_alarm()

    def _turn(self, feed: Feed, due_s: float, now_s: float) -> None:
        """It is its turn: it hangs, it cannot be read now, its values are taken, or it waits for a thread."""
        if feed.begun_s is not None:
            feed.hangs = True
            self._busy[feed.late] -= 1
            if not feed.dropped:
                self._gave_nothing(feed, f"has not answered for {now_s - feed.begun_s:.1f} s", hangs=True)
        elif self._subject(feed) is None:
            self._forgive(feed)
            self._plan(feed, now_s + self._every_s(feed))
        elif feed.pushed:
            self._take(feed, now_s)
        else:
            feed.due_s = due_s if due_s > now_s - self._every_s(feed) else now_s
            self._queues[feed.late].append(feed)

    def _begin_waiting(self) -> None:
        """Begin those that wait, as far as there are threads; half of them are kept from those that were late."""
        limit = self._hands.settings.source_threads
        for late, most in ((False, limit), (True, limit // 2)):
            waiting = self._queues[late]
            while waiting and sum(self._busy) < limit and self._busy[late] < most:
                feed = waiting.popleft()
                if not feed.dropped:
                    self._begin(feed)

    def _begin(self, feed: Feed) -> None:
        now_s = self._hands.clock()
        feed.begun_s, feed.pid = now_s, self._pid(feed)
        self._busy[feed.late] += 1
        self._plan(feed, now_s + feed.plan.within_s + SPARE_S)
        self._threads.submit(partial(self._read, feed))

    # -- one reading

    def _read(self, feed: Feed) -> None:
        """In a thread of its own, which another error than NotRead ends; that is told on stderr."""
        outcome: Mapping[str, float] | NotRead = NotRead("could not be read by a fault of this program")
        try:
            outcome = feed.source.read()
        except NotRead as error:
            outcome = error
        finally:
            self._hands.post(self._was_read, feed, outcome, self._hands.clock())
        if feed.dropped:
            feed.source.close()

    def _was_read(self, feed: Feed, outcome: Mapping[str, float] | NotRead, at_s: float) -> None:
        begun_s, feed.begun_s = feed.begun_s or at_s, None
        if feed.hangs:
            feed.hangs = False
        else:
            self._busy[feed.late] -= 1
        if feed.dropped:
            feed.source.close()
        else:
            feed.late = at_s - begun_s > feed.plan.within_s or (isinstance(outcome, NotRead) and outcome.late)
            self._plan(feed, max(feed.due_s + self._every_s(feed), at_s))
            self._judge(feed, outcome, begun_s, at_s)
        self._begin_waiting()
        self._set_alarm()

    def _judge(self, feed: Feed, outcome: Mapping[str, float] | NotRead, begun_s: float, at_s: float) -> None:
        """What a reading says; nothing when the process it was of is gone by now."""
        if self._subject(feed) is None or self._pid(feed) != feed.pid:
            return
        if isinstance(outcome, NotRead):
            self._gave_nothing(feed, str(outcome))
        elif feed.late:
            self._gave_nothing(feed, f"took {at_s - begun_s:.1f} s, and may take {feed.plan.within_s:g} s")
        else:
            self._take_in(feed, outcome, at_s)

    def _take_in(self, feed: Feed, read: Mapping[str, float], at_s: float) -> None:
        lacking = sorted(feed.plan.metrics.keys() - read.keys()) if feed.plan.origin == "openmetrics" else []
        broken = sorted(name for name, number in read.items() if not math.isfinite(number))
        if lacking:
            self._gave_nothing(feed, f"has no sample for {', '.join(lacking)}")
        elif broken:
            self._gave_nothing(feed, f"gave no finite number for {', '.join(broken)}")
        else:
            self._gave_something(feed)
        self._give(feed, read, at_s)

    def _give(self, feed: Feed, read: Mapping[str, float], at_s: float) -> None:
        """To the series, where history, thresholds and detectors follow. What is no finite number is counted there."""
        subject = self._subject(feed)
        values = feed.counters.values(read, at_s)
        if subject is None or not values:
            return
        facts = subject.read(values, at_s, self._every_s(feed))
        self._telling.tell(facts)
        if not all(isinstance(fact, MetricsSampled) for fact in facts):
            self._telling.judge_soon()

    # -- what is handed in

    def listen(self) -> None:
        """Listen where the settings say; asked again on a timer, as an address may be free later."""
        push = self._hands.settings.push
        if self._closed or (push == self._push and (self._listener is not None or push == PushSettings())):
            return
        if self._listener is not None:
            self._listener.close()
        self._listener, self._push = None, push
        told = self._board.troubles.pop("push", None)
        if push == PushSettings():
            return
        try:
            self._listener = Listener(push, self._intake)
        except OSError as error:
            self._board.troubles["push"] = f"nothing can be handed in at {error}"
            if told is None:
                self._hands.log.warning("push.failed", error=str(error))

    def push(self, command: PushMetrics) -> MetricsTaken:
        """Values came by the bus. Raises: Refused."""
        for name, value in (*command.values.items(), *command.add.items()):
            if not math.isfinite(value):
                raise Refused(f"the value of {name[:64]!r} is no finite number")
        items = [Item(name, "set", value) for name, value in command.values.items()]
        items += [Item(name, "add", value) for name, value in command.add.items()]
        try:
            return MetricsTaken(taken=self._intake.add(command.subject, items))
        except Unknown as error:
            raise Refused(str(error)) from None

    def _heard(self) -> None:
        """Something was handed in: taken at once, unless it was just taken; then when its interval is over."""
        subjects, untold = self._intake.heard()
        for why in untold:
            self._hands.log.warning("push.refused", why=why)
        now_s = self._hands.clock()
        for subject in subjects:
            feed = self._feeds.get((subject, "push"))
            if feed is not None and feed.at_s is None:
                self._plan(feed, max(now_s, feed.taken_s + self._every_s(feed)))
        self._woken()

    def _take(self, feed: Feed, now_s: float) -> None:
        feed.taken_s = now_s
        self._give(feed, self._intake.take(feed.subject), now_s)
        if self._intake.waits(feed.subject):
            self._plan(feed, now_s + self._every_s(feed))

    # -- troubles

    def _gave_nothing(self, feed: Feed, why: str, *, hangs: bool = False) -> None:
        feed.missed += 1
        feed.in_a_row += 1
        if feed.told_s is not None or (feed.in_a_row < TOLD_AFTER and not hangs):
            return
        feed.told_s = self._hands.clock()
        names = sorted(feed.plan.metrics)
        self._board.troubles[_place(feed)] = f"{', '.join(names)} of {feed.subject}: {why}"
        self._telling.tell([MetricSourceFailed(subject=feed.subject, metrics=names, error=why)])
        self._hands.log.warning("metric_source.failed", subject=feed.subject, metrics=names, error=why)
        self._telling.judge_soon()

    def _gave_something(self, feed: Feed) -> None:
        told_s, missed = feed.told_s, feed.in_a_row
        feed.in_a_row, feed.told_s = 0, None
        if told_s is None:
            return
        self._board.troubles.pop(_place(feed), None)
        names, after_s = sorted(feed.plan.metrics), self._hands.clock() - told_s
        fact = MetricSourceRecovered(subject=feed.subject, metrics=names, missed=missed, after_s=after_s)
        self._telling.tell([fact])
        self._hands.log.info("metric_source.recovered", subject=feed.subject, metrics=names, missed=missed)
        self._telling.judge_soon()

    def _forgive(self, feed: Feed) -> None:
        """There is no process that could say anything: that is no trouble of its source."""
        feed.in_a_row, feed.told_s = 0, None
        self._board.troubles.pop(_place(feed), None)

    def _drop(self, feed: Feed) -> None:
        """It is not wanted any more; one that is being read is closed when that has ended."""
        feed.dropped = True
        self._forgive(feed)
        if feed.begun_s is None:
            feed.at_s = None
            feed.source.close()


def _place(feed: Feed) -> str:
    """Where its trouble stands on the board."""
    return f"metrics.{feed.subject}.{feed.plan.key}"
