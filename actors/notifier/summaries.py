"""When the daily summary is due, and what it is made of."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from actors.notifier.digest import DAY_S, QUESTIONS, Summed, summed
from actors.notifier.hands import Hands
from actors.notifier.store import AlertStore
from actors.settings import Schedule, Seconds
from actors.settings.alerts import Summary
from actors.timetable import look, makes_up
from actors.zones import zone

DECIDED: Final = "summary"
"""The mark of the time up to which summaries are decided on."""
MADE_UP_WITHIN: Final = Seconds(6 * 3600)


class Summaries:
    """Looks whether one is due; asks the other actors for what it says."""

    def __init__(self, hands: Hands, store: AlertStore) -> None:
        self._hands = hands
        self._store = store

    def due(self) -> bool:
        """Whether one is to be sent now; it is not due again."""
        wanted = self._hands.node.alerts.summary
        if wanted is None:
            return False
        now_s = self._hands.clock.wall()
        decided_s = self._store.mark(DECIDED)
        if decided_s is None:
            self._store.put_mark(DECIDED, now_s)
            return False
        schedule = schedule_of(wanted)
        seen = look(schedule, decided_s, now_s, zone)
        if seen.decided_s != decided_s:
            self._store.put_mark(DECIDED, seen.decided_s)
        missed = seen.missed_s is not None and makes_up(schedule, seen.missed_s, now_s)
        return seen.due_s is not None or missed

    def gather(self, then: Callable[[Summed], None]) -> None:
        """Ask everybody; then(the summary) once all have answered, or did not in time."""
        answers: dict[str, Any] = {}

        def answered(word: str, outcome: Any) -> None:
            answers[word] = outcome
            if len(answers) == len(QUESTIONS):
                now_s = self._hands.clock.wall()
                then(summed(answers, self._store.sent_since(now_s - DAY_S), now_s))

        for word, command in QUESTIONS.items():
            self._hands.request(command, partial(answered, word), timeout_s=10.0)


def schedule_of(wanted: Summary) -> Schedule:
    """Its times, as those of a workload."""
    return Schedule(cron=wanted.at, timezone=wanted.timezone, missed="run_once", missed_within=MADE_UP_WITHIN)
