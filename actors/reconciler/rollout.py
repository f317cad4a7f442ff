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
    """The dependency chains, each in an order in which dependencies come first; otherwise in config order."""
    ties: dict[str, set[str]] = {name: set() for name in desired}
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


def settled(row: ProcessRow | None, wanted: str, waited_s: float, ready_within_s: float) -> bool:
    """Whether a restart is over: the new revision is ready, or it has had its time.

    wanted: the revision it is restarted for. waited_s: seconds since it was restarted.
    """
    if waited_s >= ready_within_s or row is None:
        return True
    return row.revision == wanted and row.state == "ready"


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
