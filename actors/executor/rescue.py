"""Finds workers that died with a task in hand, kills what they left running, and has the task run again."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from actors.executor.locks import dead, names
from actors.executor.model import Rescued
from actors.executor.orphans import kill_orphans
from actors.executor.room import BETWEEN
from actors.executor.store import TaskStore


class Rescuer:
    """Of one node: by locks for its own workers, by leases for those of other machines."""

    def __init__(self, store: TaskStore, locks: Path, node: str, *, lost_max: int) -> None:
        self._store = store
        self._locks = locks
        self._own = f"{node}{BETWEEN}"
        self._lost_max = lost_max

    def look(self) -> list[Rescued]:
        """Rescue what can be rescued now. Raises: StoreFailed."""
        rescued = []
        for worker in self._store.holders():
            if worker.startswith(self._own):
                rescued += self._rescue_here(worker)
        if self._store.database.shared:
            for worker in self._store.expired_holders():
                if not worker.startswith(self._own):
                    rescued += self._store.rescue(worker, lost_max=self._lost_max, still=partial(self._is_late, worker))
        return rescued

    def sweep(self) -> None:
        """Remove the files of dead workers that had nothing in hand, and kill what they left. Raises: StoreFailed."""
        holders = set(self._store.holders())
        for worker in names(self._locks):
            if worker not in holders:
                with dead(self._locks, worker) as is_dead:
                    if is_dead:
                        kill_orphans(worker)

    def _rescue_here(self, worker: str) -> list[Rescued]:
        with dead(self._locks, worker) as is_dead:
            if not is_dead:
                return []
            kill_orphans(worker)
            return self._store.rescue(worker, lost_max=self._lost_max)

    def _is_late(self, worker: str) -> bool:
        return worker in self._store.expired_holders()
