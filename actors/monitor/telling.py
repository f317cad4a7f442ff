"""What the Monitor says: facts that follow from readings, and levels that moved; what must be taken back is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from actors.monitor.board import Board
from actors.monitor.hands import Hands
from actors.monitor.store import MonitorStore
from bus.message import Fact
from bus.messages import HealthChanged

JUDGE_PART: Final = 10.0
"""How many times as long as judging took is waited until the next, so that a burst of facts is judged once."""


class Telling:
    """Publishes and judges. Everything the Monitor finds out goes through `tell`. judged: called after each look."""

    def __init__(self, hands: Hands, board: Board, store: MonitorStore) -> None:
        self._hands = hands
        self._board = board
        self._store = store
        self._judge_waits = False
        self._judge_free_s = hands.clock()
        self.judged: Callable[[], None] = lambda: None

    def tell(self, facts: Iterable[Fact]) -> None:
        """Publish, and note what must not be forgotten."""
        hands = self._hands
        for fact in facts:
            hands.publish(fact)
            self._store.note(fact, hands.clock.wall())
            if isinstance(fact, HealthChanged):
                hands.log.info("health.changed", subject=fact.subject, level=fact.level, why="; ".join(fact.why[:3]))

    def judge(self) -> None:
        """Look at everything anew and tell the levels that moved."""
        now_s = self._hands.clock()
        self._judge_waits = False
        self.tell(self._board.judge(now_s))
        self.judged()
        ended_s = self._hands.clock()
        self._judge_free_s = ended_s + JUDGE_PART * (ended_s - now_s)

    def judge_soon(self) -> None:
        """At once, unless judging takes a good part of the time as it is; then all that came meanwhile together."""
        delay_s = self._judge_free_s - self._hands.clock()
        if delay_s <= 0:
            self.judge()
        elif not self._judge_waits:
            self._judge_waits = True
            self._hands.after(delay_s, self.judge)
