"""Restarts a workload that takes more memory than it may, where no control group does it. Pure: measuring is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from actors.process_manager.cgroups import Groups
from actors.process_manager.life import Life
from actors.process_manager.means import Means
from actors.process_manager.trees import Tree
from actors.settings import format_size

Stop = Callable[[Life, str], None]


class MemoryWatch:
    """Looks now and then at the memory of those workloads that have a limit and no group. stop(life, why)."""

    def __init__(
        self, means: Means, groups: Groups, measure: Callable[[list[Tree]], dict[str, int]], stop: Stop
    ) -> None:
        self._means = means
        self._groups = groups
        self._measure = measure
        self._stop = stop
        self._looking = False

    def look(self, lives: Mapping[str, Life]) -> None:
        """See what each takes; called on a timer."""
        sought = {
            life.name: (life, life.incarnation)
            for life in lives.values()
            if life.up and life.workload.spec.limits.memory_max and not self._groups.has(life.name, "memory")
        }
        if sought and not self._looking:
            self._looking = True
            trees = [Tree(name=name, group=life.pid) for name, (life, _) in sought.items()]
            self._means.run(partial(self._measure, trees), partial(self._seen, sought))

    def _seen(self, sought: Mapping[str, tuple[Life, int]], result: Any) -> None:
        self._looking = False
        if isinstance(result, Exception):
            raise result
        for name, (life, incarnation) in sought.items():
            limit, taken = life.workload.spec.limits.memory_max, result.get(name, 0)
            if limit is None or taken <= limit or life.incarnation != incarnation or not life.up:
                continue
            why = f"takes {format_size(taken)} of memory, more than limits.memory_max {format_size(limit)}"
            self._means.log.warning("process.over_memory", workload=name, size=taken, limit=int(limit))
            life.again = life.again or why
            self._stop(life, why)
