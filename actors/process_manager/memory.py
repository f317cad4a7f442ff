"""Looks after the memory of workloads: where no control group does it, restarts one that takes more than it may.

Pure: measuring is given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from actors.process_manager.life import Life
from actors.process_manager.means import Means
from actors.process_manager.oom import OutOfMemory
from actors.process_manager.trees import Tree
from actors.settings import format_size

Stop = Callable[[Life, str], None]


class MemoryWatch:
    """Looks now and then at the memory of those workloads that have a limit and no group. stop(life, why).

    Of the others it takes the kernel's counts, so that an end for want of memory is told from another.
    """

    def __init__(
        self, means: Means, oom: OutOfMemory, measure: Callable[[list[Tree]], dict[str, int]], stop: Stop
    ) -> None:
        self._means = means
        self._oom = oom
        self._measure = measure
        self._stop = stop
        self._looking = False

    def look(self, lives: Mapping[str, Life]) -> None:
        """See what each takes; called on a timer."""
        limited = [life for life in lives.values() if life.up and life.launch.workload.spec.limits.memory_max]
        counted = {life.name for life in limited if self._oom.counts(life.name)}
        self._oom.look(counted)
        sought = {life.name: (life, life.incarnation) for life in limited if life.name not in counted}
        if sought and not self._looking:
            self._looking = True
            trees = [Tree(name=name, group=life.pid) for name, (life, _) in sought.items()]
            self._means.run(partial(self._measure, trees), partial(self._seen, sought))

    def _seen(self, sought: Mapping[str, tuple[Life, int]], result: Any) -> None:
        self._looking = False
        if isinstance(result, Exception):
            raise result
        for name, (life, incarnation) in sought.items():
            limit, taken = life.launch.workload.spec.limits.memory_max, result.get(name, 0)
            if limit is None or taken <= limit or life.incarnation != incarnation or not life.up:
                continue
            why = f"takes {format_size(taken)} of memory, more than limits.memory_max {format_size(limit)}"
            self._means.log.warning("process.over_memory", workload=name, size=taken, limit=int(limit))
            life.again = life.again or why
            self._stop(life, why)
