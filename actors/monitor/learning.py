"""What detectors learned over days, written a few at a time, so that it survives the actor and the node."""

from __future__ import annotations

from typing import Final

from actors.monitor.board import Board
from actors.monitor.hands import Hands
from actors.monitor.store import MonitorStore
from actors.monitor.subject import Subject

LOOK_S: Final = 30.0
"""Seconds between two looks whether there is something to write."""

ROUND_S: Final = 600.0
"""Seconds from the beginning of one round through all detectors to that of the next: what a death can lose."""

KEPT_S: Final = 7 * 86_400.0
"""Seconds for which the state of a series that is not read any more is kept."""

STATES_AT_ONCE: Final = 100
"""States written at once, some 0.5 MB; the rest of the round waits for the next look."""


class Learning:
    """Saves the states of all detectors, round by round; restores them at the start."""

    def __init__(self, hands: Hands, board: Board, store: MonitorStore) -> None:
        self._hands = hands
        self._board = board
        self._store = store
        self._left: list[Subject] = []
        self._began_s = hands.clock()
        self._refused = 0
        self._set_offset()
        self._restore()

    def look(self) -> None:
        """Begin a round when it is time, or go on with the one begun."""
        self._set_offset()
        now_s = self._hands.clock()
        if not self._left and now_s - self._began_s >= ROUND_S:
            self._began_s, self._left = now_s, list(self._board)
        rows: list[tuple[str, str, str, str, bytes, float]] = []
        wall_s = self._hands.clock.wall()
        while self._left and len(rows) < STATES_AT_ONCE:
            subject = self._left.pop()
            rows += [(subject.scope, subject.name, *state, wall_s) for state in subject.detectors.saved()]
        if rows:
            self._store.put_detectors(rows)
        refused = self._board.detecting.refused
        if refused and not self._refused:
            most = self._board.detecting.most
            self._hands.log.warning("detectors.full", most=most, key="actors.monitor.detectors_max")
        self._refused = refused

    def _set_offset(self) -> None:
        """Detectors know times of the day."""
        self._board.detecting.offset_s = self._hands.clock.wall() - self._hands.clock()

    def _restore(self) -> None:
        known = {(subject.scope, subject.name): subject for subject in self._board}
        for scope, name, metric, kind, state in self._store.detectors(self._hands.clock.wall() - KEPT_S):
            subject = known.get((scope, name))
            if subject is None:
                self._store.forget(scope, name)
                continue
            try:
                subject.detectors.restore(metric, kind, state)
            except ValueError as error:
                self._hands.log.warning("detector.unread", subject=name, metric=metric, error=str(error))
