"""Answers about workloads as a fleet: their processes as trees, why each is as it is, and the end of a hold."""

from __future__ import annotations

from functools import partial
from typing import Any

from actors.process_manager.family import Head, families
from actors.process_manager.keeper import Keeper
from actors.process_manager.life import Life
from actors.process_manager.lookout import fail
from actors.process_manager.means import Means
from actors.process_manager.processes import Processes
from actors.process_manager.story import stories
from bus.messages import FamilyRow, FamilyTable, ProcessStories


class Fleet:
    """Looks at the lives and the process table; changes nothing."""

    def __init__(self, means: Means, keeper: Keeper, table: Processes) -> None:
        self._means = means
        self._keeper = keeper
        self._table = table

    def families(self, names: list[str], request: Any) -> None:
        """Answer with every process of these workloads; of all when none are named."""
        lives = [life for name, life in self._keeper.lives.items() if not names or name in names]
        heads = [Head(life.name, life.pid, life.token) for life in lives if life.pid is not None]

        def seen(rows: list[FamilyRow] | Exception) -> None:
            if isinstance(rows, Exception):
                fail(request, rows)
            else:
                request.answer(FamilyTable(rows=rows))

        self._means.run(partial(families, heads, self._table), seen)

    def explain(self, life: Life, *, draining: bool) -> ProcessStories:
        """Why it is in its present state."""
        told = stories(life.name, self._keeper.lives, self._keeper.missing, self._means.clock())
        return ProcessStories(stories=told, draining=draining)
