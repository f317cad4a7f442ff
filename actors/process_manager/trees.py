"""The processes of a workload, wherever they have gone: in its group, in its control group, or by the token. I/O.

A child that calls setsid leaves the group and, when its parent ends, the descent; its environment keeps the token.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Mapping
from typing import Final

import psutil
from msgspec import Struct

from actors.process_manager.processes import Processes, Stat
from actors.process_manager.signals import signal_number
from actors.process_manager.strays import Search, hold_of
from actors.process_manager.tokens import INCARNATION, NODE, TOKEN, WORKLOAD, is_ours

_KTHREADD: Final = 2


class Tree(Struct, frozen=True, kw_only=True):
    """A workload whose processes are sought. group: its process group; None when its number may be another's by now.

    cgroups: directories of its control groups, if it has any.
    """

    name: str
    group: int | None
    cgroups: list[str] = []


def members(trees: Collection[Tree], alive: Collection[int], search: Search) -> dict[str, list[Stat]]:
    """Give the live processes of each workload, reading the process table once; the node's own pid never.

    Everything that carries a token this node issued for the workload counts, of former incarnations too.
    alive: main processes of other workloads that run; whoever is in their session is passed over.
    """
    table, node = search.table, search.issuer.node
    by_name = {tree.name: tree for tree in trees}
    by_group = {tree.group: tree.name for tree in trees if tree.group is not None}
    inside = {pid: tree.name for tree in trees for path in tree.cgroups for pid in pids_in(path)}
    own = os.getpid()
    found: dict[str, list[Stat]] = {name: [] for name in by_name}
    for pid in table.pids():
        stat = None if pid in alive else table.stat(pid)
        if stat is None or stat.zombie or pid == own or _KTHREADD in (pid, stat.parent) or stat.session in alive:
            continue
        name = inside.get(pid) or by_group.get(stat.group)
        if name is None:
            environ = table.marks(pid)
            name = environ.get(WORKLOAD, "")
            if name not in by_name or environ.get(NODE) != node or not _carries(environ, name, search):
                continue
        found[name].append(stat)
    return found


def _carries(environ: Mapping[str, str], name: str, search: Search) -> bool:
    return is_ours(search.issuer.secret, environ.get(TOKEN, ""), name, environ.get(INCARNATION, ""))


def pids_in(cgroup: str) -> list[int]:
    """Give the processes of a control group, those of groups below it too; none when it is gone."""
    found: list[int] = []
    for folder, _, _ in os.walk(cgroup):
        try:
            with open(f"{folder}/cgroup.procs", "rb", buffering=0) as file:  # noqa: PTH123 - on the way of every stop
                found += [int(line) for line in file.read().split()]
        except OSError:
            continue
    return found


def signal_member(stat: Stat, name: str, table: Processes) -> None:
    """Signal one process, and let it go on if it was stopped; nothing when it is gone or its pid is another's."""
    hold = hold_of(stat.pid, table)
    if hold is None:
        return
    try:
        now = table.stat(stat.pid)
        if now is not None and now.ticks == stat.ticks:
            for each in (name, "CONT"):
                number = signal_number(each)
                if number is not None:
                    hold.send(number)
    finally:
        hold.close()


def kill_groups(cgroups: Collection[str]) -> None:
    """Kill all that is in these control groups at once, where the kernel can (version 2, Linux 5.14)."""
    for path in cgroups:
        with contextlib.suppress(OSError), open(f"{path}/cgroup.kill", "w", encoding="ascii") as file:  # noqa: PTH123
            file.write("1")


def resident(trees: Collection[Tree], search: Search) -> dict[str, int]:
    """Give the resident memory of each workload, bytes: all of its processes, shared pages counted in each."""
    sizes = {}
    for name, found in members(trees, (), search).items():
        sizes[name] = 0
        for stat in found:
            with contextlib.suppress(psutil.Error, OSError):
                sizes[name] += int(psutil.Process(stat.pid).memory_info().rss)
    return sizes
