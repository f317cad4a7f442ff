"""CPU time of a process tree between two looks, though its members come and go. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple


class Key(NamedTuple):
    """One life of a process id: the id alone is used again. started_s: seconds since boot."""

    pid: int
    started_s: float


class Spent(NamedTuple):
    """CPU seconds of one process: its own, and those of its children that it has waited for."""

    own_s: float
    reaped_s: float
    parent: int


def cpu_used_s(before: Mapping[Key, Spent], after: Mapping[Key, Spent], looked_s: float) -> float:
    """CPU seconds that the tree used between the two looks; never negative.

    looked_s: time of the first look, on the clock of Key.started_s. A member born since then counts whole, one that
    joined but is older counts from now on. What an ended member had used before moves to whoever waited for it, and
    is taken off there, so that nothing counts twice; what it used after the first look counts.
    """
    owed = _owed(before, after) if before.keys() - after.keys() else {}
    used_s = 0.0
    for key, spent in after.items():
        earlier = before.get(key)
        if earlier is not None:
            used_s += max(0.0, spent.own_s - earlier.own_s)
            used_s += max(0.0, spent.reaped_s - earlier.reaped_s - owed.get(key.pid, 0.0))
        elif key.started_s >= looked_s:
            used_s += spent.own_s + spent.reaped_s
    return used_s


def _owed(before: Mapping[Key, Spent], after: Mapping[Key, Spent]) -> dict[int, float]:
    """Seconds that each survivor's reaped time holds of members that ended, as of the first look."""
    by_pid = {key.pid: key for key in before}
    owed: dict[int, float] = defaultdict(float)
    for key, spent in before.items():
        if key in after:
            continue
        heir: Key | None = by_pid.get(spent.parent)
        for _ in before:  # as many steps as there are members, should the parents ever form a ring
            if heir is None or heir in after:
                break
            heir = by_pid.get(before[heir].parent)
        if heir is not None and heir in after:
            owed[heir.pid] += spent.own_s + spent.reaped_s
    return owed
