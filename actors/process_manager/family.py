"""Every process of the workloads, as trees. I/O."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

import psutil
from msgspec import Struct

from actors.process_manager.processes import Processes, Stat
from actors.process_manager.tokens import TOKEN
from bus.messages import FamilyRow


class Head(Struct, frozen=True):
    """The main process of a workload. token: of its present incarnation."""

    name: str
    pid: int
    token: str


def families(heads: Sequence[Head], table: Processes) -> list[FamilyRow]:
    """The processes of each workload, the main one first, children after their parent, then those that stand apart.

    A process stands apart when it carries the token of the incarnation and is no descendant of the main process.
    """
    stats = {stat.pid: stat for pid in table.pids() if (stat := table.stat(pid)) is not None and not stat.zombie}
    children: dict[int, list[int]] = {}
    for pid, stat in sorted(stats.items()):
        children.setdefault(stat.parent, []).append(pid)
    placed = {head.name: list(_tree(head.pid, children, 0)) for head in heads if head.pid in stats}
    known = {pid for tree in placed.values() for pid, _ in tree}
    for name, pid in _apart(heads, stats, known, table):
        placed.setdefault(name, []).append((pid, -1))
    return [
        _row(name, stats[pid], depth, table) for name, tree in placed.items() for pid, depth in tree if pid in stats
    ]


def _tree(pid: int, children: Mapping[int, list[int]], depth: int) -> Iterator[tuple[int, int]]:
    """A process and its descendants with their depths; not by recursion, as a tree may be deep."""
    ahead = [(pid, depth)]
    while ahead:
        one, at = ahead.pop()
        yield one, at
        ahead.extend((child, at + 1) for child in reversed(children.get(one, ())))


def _apart(
    heads: Iterable[Head], stats: Mapping[int, Stat], known: set[int], table: Processes
) -> Iterator[tuple[str, int]]:
    by_token = {head.token: head.name for head in heads if head.token}
    for pid in stats:
        if pid not in known:
            name = by_token.get(table.environ(pid).get(TOKEN, ""))
            if name is not None:
                yield name, pid


def _row(name: str, stat: Stat, depth: int, table: Processes) -> FamilyRow:
    memory, cpu_s, threads = 0, 0.0, 0
    with contextlib.suppress(psutil.Error, OSError):
        process = psutil.Process(stat.pid)
        with process.oneshot():
            times = process.cpu_times()
            memory, cpu_s, threads = process.memory_info().rss, times.user + times.system, process.num_threads()
    return FamilyRow(
        workload=name,
        pid=stat.pid,
        parent=stat.parent,
        depth=max(0, depth),
        argv=table.argv(stat.pid)[:50],
        memory_bytes=memory,
        cpu_s=cpu_s,
        threads=threads,
        age_s=table.age_s(stat),
        apart=depth < 0,
    )
