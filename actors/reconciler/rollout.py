"""Which workloads with an old config are restarted next, so that not everything is down at once. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from actors.settings import Workload
from bus.messages import ProcessRow


def next_restarts(
    desired: Mapping[str, Workload], outdated: Mapping[str, int], under_way: Collection[str]
) -> list[str]:
    """The workloads to restart now: one of every dependency chain, unless one is under way in it.

    outdated: those that run an old revision -> how often their restart failed; the least often comes first, so that
    one that cannot be restarted does not keep the others waiting. under_way: restarted and not settled yet. A chain
    is all that is tied together by depends_on, in either direction; dependencies come before those that need them.
    """
    chosen: list[str] = []
    for chain in chains(desired):
        turns = [name for name in chain if name in outdated]
        if turns and not any(name in under_way for name in chain):
            chosen.append(min(turns, key=lambda name: outdated[name]))
    return chosen


def chains(desired: Mapping[str, Workload]) -> list[list[str]]:
    """The dependency chains, each in an order in which dependencies come first; otherwise in config order.

    The instances of one workload are tied together as well, so that they are restarted in turn.
    """
    ties: dict[str, set[str]] = {name: set() for name in desired}
    firsts: dict[tuple[str, str], str] = {}
    for name, workload in desired.items():
        if workload.instance is not None:
            first = firsts.setdefault(workload.group, name)
            ties[name].add(first)
            ties[first].add(name)
    for name, workload in desired.items():
        for need in workload.spec.depends_on:
            if need in ties:
                ties[name].add(need)
                ties[need].add(name)
    found: list[list[str]] = []
    placed: set[str] = set()
    for name in desired:
        if name not in placed:
            tied = _tied(name, ties)
            placed |= tied
            found.append(_in_order([each for each in desired if each in tied], desired))
    return found


def kept_back(desired: Mapping[str, Workload], ready: Collection[str]) -> set[str]:
    """The instances that must not be restarted now, since fewer than roll.keep_ready of their workload would be left.

    ready: names of those that can be counted on. One that is not serves nobody, and may be restarted.
    """
    groups: dict[tuple[str, str], list[str]] = {}
    for name, workload in desired.items():
        if workload.instance is not None:
            groups.setdefault(workload.group, []).append(name)
    kept: set[str] = set()
    for members in groups.values():
        said = desired[members[0]].spec.roll.keep_ready
        most = len(members) - 1
        there = [name for name in members if name in ready]
        if len(there) <= (most if said is None else min(said, most)):
            kept.update(there)
    return kept


def served(row: ProcessRow, workload: Workload | None) -> bool:
    """Whether an instance can be counted on: it is ready, and has been up for as long as it has to be."""
    return row.state == "ready" and (row.uptime_s or 0.0) >= settle_of(row, workload)


def settle_of(row: ProcessRow | None, workload: Workload | None) -> float:
    """Seconds that an instance has to be up: as roll.settle says; once it ended right after its start, stable_after."""
    if workload is None or workload.instance is None:
        return 0.0
    settle_s: float = workload.spec.roll.settle
    return max(settle_s, workload.spec.restart.stable_after) if row is not None and row.quick_exits else settle_s


def settled(
    row: ProcessRow | None, wanted: Collection[str], waited_s: float, ready_within_s: float, settle_s: float = 0.0
) -> bool:
    """Whether a restart is over: a wanted revision is ready and has been up for settle_s, or it has had its time.

    wanted: the revision it is restarted for, and the one of the config, which may be newer by now. waited_s: seconds
    since it was restarted.
    """
    if waited_s >= ready_within_s or row is None or (row.refused and row.refused in wanted):
        return True
    return row.revision in wanted and row.state == "ready" and (row.uptime_s or 0.0) >= settle_s


def _tied(name: str, ties: Mapping[str, set[str]]) -> set[str]:
    reached: set[str] = set()
    ahead = [name]
    while ahead:
        one = ahead.pop()
        if one not in reached:
            reached.add(one)
            ahead.extend(ties[one])
    return reached


def _in_order(names: list[str], desired: Mapping[str, Workload]) -> list[str]:
    """Dependencies first. The config refuses circles; should there be one, its members keep config order."""
    ordered: list[str] = []
    left = list(names)
    while left:
        free = [name for name in left if not any(need in left for need in desired[name].spec.depends_on)]
        ordered.extend(free or left)
        left = [name for name in left if name not in ordered]
    return ordered
