"""One reading of everything that is due: a single pass over the process table, then only the members of workloads."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import psutil
from msgspec import Struct

from actors.monitor.sources.connections import held_connections, host_connections, open_sockets
from actors.monitor.sources.host import HostSource, OwnSource
from actors.monitor.sources.portable import PortableSource
from actors.monitor.sources.proc import ProcSource
from actors.monitor.sources.table import Source, Stat, Table
from actors.monitor.tree import members
from actors.monitor.usage import Key, Spent, cpu_used_s

YOUNG_S: Final = 60.0
"""A tree seen for the first time that is younger has its CPU taken from its start; that of an older one says nothing
about now, and comes with the second reading."""
SHORTEST_S: Final = 0.05
"""Time below which a share of CPU is not reckoned: the kernel counts in hundredths of a second."""


class SamplingFailed(Exception):
    """The system refused a reading as a whole: out of descriptors, a table that cannot be read. Worth another try."""


class Target(Struct, frozen=True):
    """A workload to be read. connections: count them this time."""

    name: str
    pid: int
    connections: bool = False


class TreeReading(Struct, frozen=True):
    """One workload, of the process it was asked for."""

    pid: int
    values: dict[str, float]


class Sample(Struct, frozen=True):
    """What was read. taken_s: monotonic time at its end. trees: by name; a workload that is gone is left out.

    host and own: empty in a quick look at single workloads. cycle_s: seconds the reading took.
    """

    taken_s: float
    trees: dict[str, TreeReading]
    host: dict[str, float]
    own: dict[str, float]
    cycle_s: float


class _Look(Struct, frozen=True):
    """The last look at one tree, for what is counted between two."""

    pid: int
    started_s: float
    looked_s: float
    spent: dict[Key, Spent]


class Sampler:
    """Reads on request; keeps the last look at every tree. One call at a time, from any thread.

    clock: monotonic seconds. source: where process readings come from; by the system when none is given.
    """

    def __init__(
        self, clock: Callable[[], float], state_dir: Path, *, connections_max: int, source: Source | None = None
    ) -> None:
        self.connections_max = connections_max
        self._clock = clock
        self._source = source or system_source()
        self._host = HostSource(state_dir)
        self._own = OwnSource(clock)
        self._cores = os.cpu_count() or 1
        self._looks: dict[str, _Look] = {}

    def sample(self, targets: Sequence[Target], *, everything: bool) -> Sample:
        """Read the targets; with everything also the host and the node itself, by a full sweep.

        Raises SamplingFailed when the system refuses what does not depend on one process.
        """
        try:
            return self._sample(targets, everything=everything)
        except (OSError, psutil.Error) as error:
            raise SamplingFailed(f"{type(error).__name__}: {error}") from error

    def _sample(self, targets: Sequence[Target], *, everything: bool) -> Sample:
        began_s = self._clock()
        host = self._host.read() if everything else {}
        if everything:
            self._looks = {target.name: self._looks[target.name] for target in targets if target.name in self._looks}
        trees = self._trees(targets, everything=everything) if targets else {}
        own = self._own.read() if everything else {}
        taken_s = self._clock()
        return Sample(taken_s, trees, host, own, taken_s - began_s)

    def _trees(self, targets: Sequence[Target], *, everything: bool) -> dict[str, TreeReading]:
        known = all(target.name in self._looks and self._looks[target.name].pid == target.pid for target in targets)
        if everything or not known:
            table: Table = self._source.sweep()
        else:
            table = self._source.near(key.pid for target in targets for key in self._looks[target.name].spent)
        now_s = self._source.now_s()
        sockets = self._sockets() if any(target.connections for target in targets) else None
        readings: dict[str, TreeReading] = {}
        for target in targets:
            reading = self._tree(target, table, now_s, sockets)
            if reading is not None:
                readings[target.name] = reading
            else:
                self._looks.pop(target.name, None)
        return readings

    def _tree(self, target: Target, table: Table, now_s: float, sockets: frozenset[bytes] | None) -> TreeReading | None:
        main = table.read(target.pid)
        before = self._looks.get(target.name)
        if before is not None and before.pid != target.pid:
            before = None
        if main is None or main.zombie or (before is not None and before.started_s != main.started_s):
            return None
        pids = members(target.pid, table.children, table.sessions)
        stats = [main, *(stat for stat in map(table.read, pids[1:]) if stat is not None)]
        living = [stat for stat in stats if not stat.zombie]
        spent = {Key(stat.pid, stat.started_s): Spent(stat.own_s, stat.reaped_s, stat.parent) for stat in stats}
        look = _Look(target.pid, main.started_s, now_s, spent)
        values = {
            "memory": float(sum(stat.memory for stat in living)),
            "threads": float(sum(stat.threads for stat in living)),
            "processes": float(len(living)),
            "zombies": float(len(stats) - len(living)),
            "uptime": max(0.0, now_s - main.started_s),
        }
        interval_s = self._add_cpu(values, before, look)
        self._looks[target.name] = look if interval_s or before is None else before
        self._add_files(values, living, sockets if target.connections else None)
        return TreeReading(target.pid, values)

    def _add_cpu(self, values: dict[str, float], before: _Look | None, look: _Look) -> float:
        """Seconds that the share covers; 0 when there was nothing to compare with."""
        if before is None:
            if values["uptime"] > YOUNG_S:
                return 0.0
            before = _Look(look.pid, look.started_s, look.started_s, {})
        interval_s = look.looked_s - before.looked_s
        if interval_s < SHORTEST_S:
            return 0.0
        used_s = cpu_used_s(before.spent, look.spent, before.looked_s - self._source.tick_s)
        values["cpu"] = min(100.0 * used_s / interval_s, 100.0 * self._cores)
        return interval_s

    def _add_files(self, values: dict[str, float], living: Sequence[Stat], sockets: frozenset[bytes] | None) -> None:
        """Open files of all members, and their connections when they are to be counted; absent when unknown."""
        counts = [self._source.descriptors(stat.pid) for stat in living]
        known = [count for count in counts if count is not None]
        if known and len(known) == len(counts):
            values["fds"] = float(sum(known))
        if sockets is not None:
            connections = held_connections((stat.pid for stat in living), sockets)
            if connections is not None:
                values["connections"] = float(connections)

    def _sockets(self) -> frozenset[bytes] | None:
        """The machine's open connections; None when they are unknown or too many to look through."""
        count = host_connections()
        if count is None or count > self.connections_max:
            return None
        return open_sockets() if count else frozenset()  # the tables also hold what is closed, thousands at times


def system_source() -> Source:
    """The source of process readings for this system."""
    return ProcSource() if sys.platform == "linux" else PortableSource()
