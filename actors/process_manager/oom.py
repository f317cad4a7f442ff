"""Whether the kernel ended a process for want of memory, by what it counts in control groups. I/O.

The kernel counts such an end where the process was: in the group of the workload, if it has one that limits memory,
else in the node's own group or, where that counts nothing, over the whole machine.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, Protocol

from actors.process_manager.cgroups import Groups
from actors.process_manager.life import Life
from actors.process_manager.runs import Run
from actors.settings import format_size

_LIKELY: Final = "likely out of memory: the kernel ended something for it at that time"

AROUND: Final = ""
"""In the place of a name: everything outside the groups of workloads."""


class Warns(Protocol):
    """The operation log, as far as it is needed."""

    def warning(self, event: str, **pairs: str | int) -> None:
        """Something is not as it should be."""


class OutOfMemory:
    """Compares the kernel's counts with those of the last look; a look is some seconds old at most."""

    def __init__(self, groups: Groups, log: Warns) -> None:
        self._groups = groups
        self._log = log
        self._counts: dict[str, int] = {}

    def counts(self, name: str) -> bool:
        """Tell whether a workload is in a group whose memory the kernel limits."""
        return self._groups.has(name, "memory")

    def begin(self, name: str) -> None:
        """A process of this workload is about to be spawned, or was adopted; the end of one before may be untold."""
        count = self._groups.kills(name)
        if count is not None:
            self._counts[name] = min(count, self._counts.get(name, count))  # less: its group was made anew

    def look(self, names: Collection[str]) -> None:
        """Take the counts as they are while all of these run. names: of workloads with a group."""
        self._rise(AROUND)
        for name in names:
            killed = self._rise(name)
            if killed:
                self._log.warning("process.child_out_of_memory", workload=name, killed=killed)

    def cause(self, life: Life, run: Run) -> str:
        """Say that a run ended for want of memory; empty when nothing speaks for it."""
        if run.asked or run.signal != "KILL":
            return ""
        if self._groups.kills(life.name) is None:
            return _LIKELY if self._rise(AROUND) else ""
        limit = life.workload.spec.limits.memory_max
        said = f", limit {format_size(limit)}" if limit else ""
        return f"out of memory{said}" if self._rise(life.name) else ""

    def _rise(self, name: str) -> int:
        """How many more than at the last look; 0 at the first, which has nothing to compare with."""
        count = self._groups.kills(name) if name else self._groups.kills_around()
        if count is None:
            return 0
        former = self._counts.get(name, count)
        self._counts[name] = count
        return max(0, count - former)
