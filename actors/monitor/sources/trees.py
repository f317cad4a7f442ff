"""The process trees of workloads: a single pass over the process table, then only the members of the trees."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from msgspec import Struct

from actors.monitor.settings import Dear
from actors.monitor.sources.connections import held_connections, host_connections, open_sockets
from actors.monitor.sources.table import Source, Stat, Table
from actors.monitor.tree import members
from actors.monitor.usage import Key, Spent, cpu_used_s

YOUNG_S: Final = 60.0
"""A tree seen for the first time that is younger has its CPU taken from its start; that of an older one says nothing
about now, and comes with the second reading."""
SHORTEST_S: Final = 0.05
"""Time below which a share of CPU is not reckoned: the kernel counts in hundredths of a second."""
STRANGERS_S: Final = 60.0
"""Seconds for which a process that was in no tree is passed over: only another one with its id can get into a tree."""


class Target(Struct, frozen=True):
    """A workload to be read. dear: what is read of it besides, this time."""

    name: str
    pid: int
    dear: frozenset[Dear] = frozenset()


class TreeReading(Struct, frozen=True):
    """One workload, of the process it was asked for."""

    pid: int
    values: dict[str, float]


class Look:
    """The last look at one tree, for what is counted between two. Times on the clock of the source.

    stats: of its members, the main process first. values: what is not counted between two looks. moved: bytes its
    members have read from and written to disks, and when that was read.
    """

    __slots__ = ("looked_s", "moved", "stats", "values")

    def __init__(self, stats: tuple[Stat, ...], looked_s: float) -> None:
        self.stats = stats
        self.looked_s = looked_s
        self.moved: tuple[float, int, int] | None = None
        living = [stat for stat in stats if not stat.zombie]
        self.values = {
            "memory": float(sum(stat.memory for stat in living)),
            "threads": float(sum(stat.threads for stat in living)),
            "processes": float(len(living)),
            "zombies": float(len(stats) - len(living)),
        }

    def spent(self) -> dict[Key, Spent]:
        """CPU seconds of the members."""
        return {Key(stat.pid, stat.started_s): Spent(stat.own_s, stat.reaped_s, stat.parent) for stat in self.stats}


class Trees:
    """Reads on request; keeps the last look at every tree. One call at a time, from any thread.

    connections_max: connections of the host above which none are counted. cores: of the machine.
    """

    def __init__(self, source: Source, *, connections_max: int, cores: int) -> None:
        self.connections_max = connections_max
        self._source = source
        self._cores = cores
        self._looks: dict[str, Look] = {}
        self._strangers: frozenset[int] = frozenset()
        self._strangers_until_s = 0.0
        self._mains: frozenset[int] = frozenset()

    def read(self, targets: Sequence[Target], *, everything: bool) -> dict[str, TreeReading]:
        """Readings by name; one that is gone is left out. everything: these are all there are."""
        if everything:
            self._looks = {target.name: self._looks[target.name] for target in targets if target.name in self._looks}
        if not targets:
            return {}
        table = self._table(targets, everything=everything)
        now_s = self._source.now_s()
        sockets = self._sockets() if any("connections" in target.dear for target in targets) else None
        readings: dict[str, TreeReading] = {}
        for target in targets:
            reading = self._tree(target, table, now_s, sockets)
            if reading is not None:
                readings[target.name] = reading
            else:
                self._looks.pop(target.name, None)
        if everything:
            self._note_strangers(table)
        return readings

    def _table(self, targets: Sequence[Target], *, everything: bool) -> Table:
        if everything:
            mains = frozenset(target.pid for target in targets)
            if mains != self._mains or self._source.now_s() >= self._strangers_until_s:
                self._mains, self._strangers = mains, frozenset()
            return self._source.sweep(self._strangers)
        looks = [self._looks.get(target.name) for target in targets]
        if any(look is None or look.stats[0].pid != target.pid for look, target in zip(looks, targets, strict=True)):
            return self._source.sweep()
        return self._source.near(stat.pid for look in looks if look is not None for stat in look.stats)

    def _note_strangers(self, table: Table) -> None:
        """After a sweep that passed nobody over: those in no tree need not be looked at for a while."""
        if not self._strangers:
            kin = {stat.pid for look in self._looks.values() for stat in look.stats}
            self._strangers = frozenset(pid for pid in table.pids if pid not in kin)
            self._strangers_until_s = self._source.now_s() + STRANGERS_S

    def _tree(self, target: Target, table: Table, now_s: float, sockets: frozenset[bytes] | None) -> TreeReading | None:
        main = table.read(target.pid)
        before = self._looks.get(target.name)
        if before is not None and before.stats[0].pid != target.pid:
            before = None
        if main is None or main.zombie or (before is not None and before.stats[0].started_s != main.started_s):
            return None
        pids = members(target.pid, table.children, table.sessions)
        stats = (main, *(stat for stat in map(table.read, pids[1:]) if stat is not None))
        look = before if before is not None and before.stats == stats else Look(stats, now_s)
        values = {**look.values, "uptime": max(0.0, now_s - main.started_s)}
        self._looks[target.name] = self._add_cpu(values, before, look, now_s)
        living = [stat.pid for stat in stats if not stat.zombie]
        _add_sum(values, "fds", map(self._source.descriptors, living))
        if target.dear:
            self._add_dear(values, target.dear, self._looks[target.name], living, sockets)
        return TreeReading(target.pid, values)

    def _add_cpu(self, values: dict[str, float], before: Look | None, look: Look, now_s: float) -> Look:
        """The share of CPU since the look before; gives the look that the next one is compared with."""
        if before is None:
            if values["uptime"] > YOUNG_S:
                return look
            born_s = now_s - values["uptime"]
            spent: dict[Key, Spent] = {}
        else:
            look.moved = before.moved
            born_s = before.looked_s
            spent = {} if look is before else before.spent()
        interval_s = now_s - born_s
        if interval_s < SHORTEST_S:
            return before or look
        used_s = 0.0 if look is before else cpu_used_s(spent, look.spent(), born_s - self._source.tick_s)
        values["cpu"] = min(100.0 * used_s / interval_s, 100.0 * self._cores)
        look.looked_s = now_s
        return look

    def _add_dear(
        self,
        values: dict[str, float],
        dear: Collection[Dear],
        look: Look,
        living: Sequence[int],
        sockets: frozenset[bytes] | None,
    ) -> None:
        """What is read now and then; absent when unknown."""
        if "connections" in dear and sockets is not None:
            connections = held_connections(living, sockets)
            if connections is not None:
                values["connections"] = float(connections)
        if "pss" in dear:
            _add_sum(values, "pss", map(self._source.proportional, living))
        if "disk_io" in dear:
            self._add_disk_io(values, look)

    def _add_disk_io(self, values: dict[str, float], look: Look) -> None:
        """Bytes per second since they were read last.

        What a member moved counts for its parent once that has waited for it, so that the sum of a tree only falls when
        a member was waited for by somebody else: then nothing is said to have moved.
        """
        moved = [self._source.moved(stat.pid) for stat in look.stats]
        known = [one for one in moved if one is not None]
        if not known or len(known) < len(moved):
            return
        now = (self._source.now_s(), sum(one[0] for one in known), sum(one[1] for one in known))
        before, look.moved = look.moved, now
        if before is None or now[0] - before[0] < SHORTEST_S:
            return
        for place, metric in ((1, "disk_read"), (2, "disk_write")):
            values[metric] = max(0.0, (now[place] - before[place]) / (now[0] - before[0]))

    def _sockets(self) -> frozenset[bytes] | None:
        """The machine's open connections; None when they are unknown or too many to look through."""
        count = host_connections()
        if count is None or count > self.connections_max:
            return None
        return open_sockets() if count else frozenset()  # the tables also hold what is closed, thousands at times


def _add_sum(values: dict[str, float], metric: str, parts: Iterable[int | None]) -> None:
    """The sum over the members; absent when that of one is unknown, or when there is none."""
    found = list(parts)
    known = [part for part in found if part is not None]
    if known and len(known) == len(found):
        values[metric] = float(sum(known))
