"""The regular look at the trends of all series, in a thread of its own."""

from __future__ import annotations

from collections.abc import Sequence

from actors.monitor.board import Board
from actors.monitor.hands import Hands
from actors.monitor.subject import TrendJob, look_for_trends
from actors.monitor.telling import Telling
from actors.monitor.trend import Slope


class Trends:
    """One look at a time; a look that takes longer than the time between two makes the next one late."""

    def __init__(self, hands: Hands, board: Board, telling: Telling) -> None:
        self._hands = hands
        self._board = board
        self._telling = telling
        self._busy = False

    def look(self) -> None:
        """Begin to look at every series that moved."""
        if self._busy:
            return
        now_s, settings = self._hands.clock(), self._hands.settings
        jobs = [job for subject in self._board for job in subject.trend_jobs(now_s, settings.trend_window)]
        if not jobs:
            return
        self._busy = True
        self._hands.run(lambda: look_for_trends(jobs, settings.trend_window, settings.trend_change), self._found)

    def _found(self, outcome: Sequence[tuple[TrendJob, Slope | None]] | Exception) -> None:
        self._busy = False
        if isinstance(outcome, Exception):
            raise outcome
        moved = (job.subject.trended(job.metric, slope) for job, slope in outcome)
        self._telling.tell(fact for fact in moved if fact is not None)
