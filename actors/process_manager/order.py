"""Who waits for whom: the order of starts and stops. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final, Literal

from msgspec import Struct

from bus.messages import ProcessState

Need = Literal["started", "ready"]

_STARTED: Final[frozenset[ProcessState]] = frozenset({"starting", "running", "ready", "unhealthy"})


class Standing(Struct, frozen=True):
    """Where a workload stands. done: it ended by itself with a code that counts as success. held: by a person."""

    state: ProcessState
    done: bool = False
    held: bool = False


def unmet(needs: Mapping[str, Need], standings: Mapping[str, Standing]) -> list[str]:
    """Say what is not there yet, each as a person reads it; empty when all is there.

    `started` is met by a process that is up, or by one that did its work and ended well; `ready` by a ready one.
    """
    missing = []
    for name, need in needs.items():
        standing = standings.get(name)
        if standing is None:
            missing.append(f"{name}, which is not in the config")
        elif not meets(standing, need):
            missing.append(f"{name} ({'held' if standing.held else standing.state.replace('_', ' ')}, not {need})")
    return missing


def meets(standing: Standing, need: Need) -> bool:
    """Tell whether one dependency is there."""
    if need == "ready":
        return standing.state == "ready"
    return standing.state in _STARTED or (standing.state == "exited" and standing.done)


def start_order(needs: Mapping[str, Iterable[str]]) -> list[str]:
    """Order names so that dependencies come first, else as given; those in a circle come last, as given."""
    placed: dict[str, None] = {}
    left = dict(needs)
    while left:
        free = [name for name, wanted in left.items() if all(one in placed or one not in left for one in wanted)]
        for name in free or list(left):
            placed[name] = None
            left.pop(name)
    return list(placed)


def with_dependencies(name: str, needs: Mapping[str, Iterable[str]]) -> list[str]:
    """Everything that must be there before a workload, nearest last, without itself."""
    found: dict[str, None] = {}
    todo = list(needs.get(name, ()))
    while todo:
        one = todo.pop(0)
        if one not in found and one != name and one in needs:
            found[one] = None
            todo.extend(needs[one])
    ordered = start_order({one: needs[one] for one in found})
    return [one for one in ordered if one in found]


def stoppable(up: Collection[str], needs: Mapping[str, Collection[str]]) -> list[str]:
    """Name those that no other one which is up depends on, the last first; in a circle all of them.

    up: names not down yet, in config order.
    """
    needed = {one for name in up for one in needs.get(name, ()) if one != name}
    free = [name for name in up if name not in needed]
    return list(reversed(free or list(up)))
