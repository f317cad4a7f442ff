"""When a workload is well enough that what it was started with is kept as good.

Touches no bus: it works with the actor's hands.
"""

from __future__ import annotations

from collections.abc import Callable

from actors.healer.hands import Hands
from actors.healer.last_good import keep_good
from actors.kept import place_of
from actors.settings import revision
from bus.messages.process_manager import ProcessRow


class Keeping:
    """troubled(name): whether an issue of the workload is open. told(name, why): a copy could not be kept."""

    def __init__(self, hands: Hands, troubled: Callable[[str], bool], told: Callable[[str, str], None]) -> None:
        self._hands = hands
        self._troubled = troubled
        self._told = told
        self._busy: set[str] = set()
        self._failed: dict[str, str] = {}

    def seen(self, row: ProcessRow, stable_for_s: float) -> None:
        """A row of the process table: one that is ready for long enough, with no issue, is well."""
        workload = self._hands.node.workloads.get(row.name)
        if workload is None or not (workload.spec.config_files or workload.spec.env_last_good):
            return
        well = row.state == "ready" and (row.uptime_s or 0.0) >= stable_for_s
        if not well or row.name in self._busy or self._troubled(row.name):
            return
        if row.revision != revision(workload.spec) or "env_last_good" in row.overrides:  # it runs with another config
            return
        self._busy.add(row.name)
        wall_s, keep = self._hands.clock.wall(), place_of(self._hands.node.state_dir, workload.name)
        started_s = wall_s - (row.uptime_s or 0.0)
        self._hands.run(
            lambda: keep_good(keep, workload, started_s, wall_s), lambda outcome: self._taken(row.name, outcome)
        )

    def _taken(self, name: str, outcome: str | Exception) -> None:
        self._busy.discard(name)
        why = f"{type(outcome).__name__}: {outcome}" if isinstance(outcome, Exception) else outcome
        if why and self._failed.get(name) != why:
            self._told(name, why)
        self._failed[name] = why
