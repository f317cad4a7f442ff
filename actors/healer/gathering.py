"""Makes symptoms of facts once it is known what the workload wrote: the whole of it, and since when.

Touches no bus: it works with the actor's hands.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from actors.healer import symptoms
from actors.healer.bursts import Burst, Bursts
from actors.healer.casebook import Case, Casebook
from actors.healer.conditions import Conditions
from actors.healer.evidence import Log
from actors.healer.hands import Hands
from actors.healer.issues import Symptom
from actors.healer.traces import is_cut
from bus.messages.monitor import ThresholdCrossed
from bus.messages.process_manager import (
    CrashLoopEntered,
    LogErrorLine,
    LogLinesRead,
    LogPart,
    ProbeFailed,
    ProcessExited,
    ReadLog,
)

FETCH_S: Final = 1.0
"""Seconds for a log; what was known without it is taken after that."""
ENDED_LINES: Final = 400
RUNNING_LINES: Final = 200
OLD_S: Final = 300.0
"""What was written longer ago says nothing of what is wrong now."""
RECENT_S: Final = 60.0
"""What was written since may say why a metric is beyond its limit."""
CUT_LINES: Final = 10
"""Fewer lines than these are all that there was."""
_MARKS: Final = 64
_MARK_EVERY_S: Final = 1.0


class Gathering:
    """Gives each symptom to take(symptom), with the log as evidence.

    Where each log ended at which time is known from what is told of it, so that a line's age is known. conditions: a
    symptom that is over by then is not taken.
    """

    def __init__(self, hands: Hands, book: Casebook, conditions: Conditions, take: Callable[[Symptom], None]) -> None:
        self._hands = hands
        self._book = book
        self._conditions = conditions
        self._take = take
        self._begun_s = hands.clock()
        self._well_s: dict[tuple[str, str], float] = {}
        self._marks: dict[str, deque[tuple[float, int]]] = {}
        self._under_way: dict[str, int] = {}

    def read(self, fact: LogLinesRead) -> None:
        """The log was read up to there."""
        marks, now_s = self._marks.setdefault(fact.subject, deque(maxlen=_MARKS)), self._hands.clock()
        if marks and fact.end < marks[-1][1]:
            marks.clear()
        if len(marks) > 1 and now_s - marks[-2][0] < _MARK_EVERY_S:
            marks.pop()
        marks.append((now_s, fact.end))

    def well(self, subject: str, probe: str) -> None:
        """The probe passed."""
        self._well_s[subject, probe] = self._hands.clock()

    def begun(self, subject: str) -> None:
        """A life of it ended or began."""
        for key in [key for key in self._well_s if key[0] == subject]:
            del self._well_s[key]

    def forget(self, subjects: Sequence[str]) -> None:
        """Keep these only; the others are no longer declared."""
        for subject in self._marks.keys() - set(subjects):
            del self._marks[subject]
            self.begun(subject)

    def busy(self, subject: str) -> bool:
        """Whether its log is being read, for a symptom that is about to be taken or to say more."""
        return subject in self._under_way

    # -- facts

    def ended(self, fact: ProcessExited | CrashLoopEntered) -> None:
        """A run ended; more of its log is fetched when the lines that came with the fact begin within a traceback."""
        made = partial(symptoms.of_end, fact)
        if len(fact.log_tail) < CUT_LINES or not is_cut(fact.log_tail):
            self._made(made())
            return

        def answered(outcome: Any) -> None:
            same = (
                isinstance(outcome, LogPart)
                and getattr(fact, "incarnation", outcome.incarnation) == outcome.incarnation
            )
            self._made(made([line.text for line in outcome.lines] if same else None))

        self._ask(fact.subject, ReadLog(name=fact.subject, lines=ENDED_LINES, ended=True), answered)

    def probe_failed(self, fact: ProbeFailed, *, was_ready: bool) -> None:
        """A probe fails, and is a symptom when it fails still once the log was looked at."""
        made = partial(symptoms.of_probe, fact, was_ready=was_ready)
        self._lasting(made, self._well_s.get((fact.subject, fact.probe)))

    def crossed(self, fact: ThresholdCrossed) -> None:
        """A metric is beyond its limit; only a workload has a log."""
        recent_s = self._hands.clock() - max(RECENT_S, fact.held_s)
        self._lasting(partial(symptoms.of_threshold, fact), recent_s)

    def errors_last(self, subject: str, burst: Burst, quiet_s: float) -> None:
        """Error lines of a running workload go on."""
        now_s = self._hands.clock()
        made = partial(symptoms.of_errors, subject, burst.count, now_s - burst.begun_s, quiet_s)
        self._lasting(made, burst.begun_s - quiet_s)

    def look_at_errors(self, bursts: Bursts, seen_well: Callable[[Case], None]) -> None:
        """Error lines that go on are an issue; once it is quiet they are none. seen_well(case): it may be over."""
        now_s, quiet_s = self._hands.clock(), float(bursts.settings.quiet)
        if now_s - self._begun_s < quiet_s:
            return  # what was before is not known
        known = self._conditions.having(symptoms.ERROR_LINES)
        for subject, burst in bursts.lasting(now_s).items():
            if subject in self._hands.node.workloads and subject not in known:
                self.errors_last(subject, burst, quiet_s)
        for subject in known:
            if not bursts.lately(subject, now_s):
                self._conditions.end_metric(subject, "workload", symptoms.ERROR_LINES)
        for case in [case for case in self._book.cases() if case.issue.kind == "errors"]:
            lately = bursts.lately(case.issue.subject, now_s)
            case.watch.saw_values("workload", {symptoms.ERROR_LINES: float(lately)})
            seen_well(case)

    def _lasting(self, made: Callable[..., Symptom | None], well_s: float | None) -> None:
        symptom = made()
        if symptom is None:
            return
        self._conditions.begin(symptom, self._hands.clock())
        news = self._book.news(symptom)
        # it counts now, of the process as it is now; a forecast becomes its crossing before it is said to be over
        again = news == "again" or (news == "became" and bool(symptom.cause.metric))
        if symptom.cause.scope != "workload":
            self._take(symptom)
            return

        def answered(outcome: Any) -> None:
            log = self._log(symptom.subject, outcome.lines, well_s) if isinstance(outcome, LogPart) else Log()
            told = made(log=log)
            if told is None or not self._conditions.told(told) or (again and self._book.more(told)):
                return
            self._take(told)

        # asked for before it is taken: what is done next about it waits for the answer
        self._ask(symptom.subject, ReadLog(name=symptom.subject, lines=RUNNING_LINES), answered)
        if again:
            self._take(symptom)

    def _made(self, symptom: Symptom | None) -> None:
        if symptom is not None:
            self._take(symptom)

    # -- the log

    def _ask(self, subject: str, command: ReadLog, answered: Callable[[Any], None]) -> None:
        self._under_way[subject] = self._under_way.get(subject, 0) + 1

        def over(outcome: Any) -> None:
            left = self._under_way.pop(subject) - 1
            if left:
                self._under_way[subject] = left
            answered(outcome)

        self._hands.request(command, over, timeout_s=FETCH_S)

    def _log(self, subject: str, lines: Sequence[LogErrorLine], well_s: float | None) -> Log:
        old = self._end_at(subject, self._hands.clock() - OLD_S)
        since = old if well_s is None else max(old, self._end_at(subject, well_s))
        return Log(
            fresh=tuple(line.text for line in lines if line.offset >= since),
            older=tuple(line.text for line in lines if old <= line.offset < since),
        )

    def _end_at(self, subject: str, at_s: float) -> int:
        """Where the log ended at that time, or before."""
        return max((end for told_s, end in self._marks.get(subject, ()) if told_s <= at_s), default=0)
