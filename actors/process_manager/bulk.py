"""Many at once: all are spawned, or signalled, before the first of them is told of. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from actors.process_manager.life import Life
from actors.process_manager.lifecycle import DOWN
from actors.process_manager.order import stoppable


class Start(Struct, frozen=True):
    """One that is to be started. unasked: it counts as a restart."""

    life: Life
    reason: str
    unasked: bool = False


def begin_all(keeper: Any, starts: Iterable[Start]) -> None:
    """Start them, in order: first those that wait for nothing, then the others. keeper: see keeper.py."""
    free: list[Start] = []
    others: list[Start] = []
    for one in starts:
        (others if keeper.missing(one.life) else free).append(one)
    for one in free:
        one.life.wanted = True
    results = keeper.launcher.launch_all([(one.life, one.unasked) for one in free])
    for one, result in zip(free, results, strict=True):
        keeper.move(one.life, "spawn", one.reason)
        keeper.launched(one.life, result, one.reason)
    for one in others:
        keeper.begin(one.life, one.reason, unasked=one.unasked)


def stop_free(keeper: Any) -> list[str]:
    """Stop those that nothing which is up depends on; gives the names of all that are up. keeper: see keeper.py."""
    needs = {name: life.workload.spec.depends_on for name, life in keeper.lives.items()}
    up = [name for name, life in keeper.lives.items() if life.state not in DOWN]
    free = [keeper.lives[name] for name in stoppable(up, needs) if keeper.lives[name].ending is None]
    for life in free:
        keeper.probing.end(life)
        keeper.endings.begin(life, keeper.closing_why)
    for life in free:
        keeper.move(life, "stop", keeper.closing_why)
    return up
