"""Spawns workloads: intent, process, its row. Tells nothing; that comes after it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import starmap
from typing import Final

from msgspec import structs

from actors.process_manager.gate import Extras
from actors.process_manager.life import Life
from actors.process_manager.means import Means
from actors.process_manager.spawn import Spawned, SpawnFailed, spawn
from actors.process_manager.store import Intent
from actors.process_manager.telling import Telling
from actors.process_manager.tokens import issue
from actors.process_manager.tools import Tools

TOGETHER_MAX: Final = 64
"""Intents in one commit: the last of them is spawned some 50 ms after it. A node that starts after a kill looks for the
process of an intent for FORK_TO_EXEC_S of adopt.py."""


class Launcher:
    """Makes the processes of the Keeper's lives."""

    def __init__(self, means: Means, tools: Tools, telling: Telling) -> None:
        self._means = means
        self._tools = tools
        self._telling = telling

    def launch(self, life: Life, *, unasked: bool) -> Spawned | SpawnFailed:
        """Spawn it now. unasked: it counts as a restart."""
        intent = self._intent(life, unasked)
        self._tools.store.intend(intent)
        return self._spawn(life, intent)

    def launch_all(self, wanted: Sequence[tuple[Life, bool]]) -> list[Spawned | SpawnFailed]:
        """Spawn many, in order: each with whether it is unasked. Every intent is committed before its spawn."""
        results: list[Spawned | SpawnFailed] = []
        for begin in range(0, len(wanted), TOGETHER_MAX):
            some = wanted[begin : begin + TOGETHER_MAX]
            intents = list(starmap(self._intent, some))
            self._tools.store.intend_all(intents)
            results += [self._spawn(life, intent) for (life, _), intent in zip(some, intents, strict=True)]
        return results

    def _intent(self, life: Life, unasked: bool) -> Intent:  # noqa: FBT001 - for starmap
        incarnation = life.incarnation + 1
        return Intent(
            name=life.name,
            incarnation=incarnation,
            restarts=life.restarts + unasked,
            token=issue(self._tools.store.secret, life.name, incarnation),
            revision=life.launch.revision,
            argv=life.launch.argv_json,
            boot=self._tools.boot,
            intent_s=self._tools.table.uptime_s(),
            started_wall_s=self._means.clock.wall(),
        )

    def _spawn(self, life: Life, intent: Intent) -> Spawned | SpawnFailed:
        """Fork, pid, row."""
        tools, now_s = self._tools, self._means.clock()
        try:
            spawned = spawn(life.launch, intent.token, intent.incarnation, self._extras(life, intent.incarnation))
        except SpawnFailed as failed:
            tools.store.set_phase(life.name, "ended")
            return failed
        stat = tools.table.stat(spawned.pid)
        tools.watcher.watch(spawned.pid, (life.name, intent.incarnation), child=True)
        tools.store.spawned(life.name, spawned.pid, stat.ticks if stat else None, spawned.log.size)
        life.pid, life.token, life.incarnation, life.restarts = (
            spawned.pid, intent.token, intent.incarnation, intent.restarts,
        )  # fmt: skip
        life.revision, life.adopted = life.launch.revision, False
        life.started_s, life.log_start = now_s, spawned.log.size
        life.starts_s = [*life.starts_s[-999:], now_s]
        return spawned

    def _extras(self, life: Life, incarnation: int) -> Extras:
        """Give what it gets from the node: sockets, and where it tells that it is ready. Raises SpawnFailed."""
        groups = self._tools.groups.make(life.name, life.launch.workload.spec.limits)
        if groups:
            self._tools.oom.begin(life.name)
        base = structs.replace(self._tools.listens(life.workload), cgroups=groups)
        return self._telling.extras(life, incarnation, base)
