"""Looks after the files now and then: logs within their size, the write-ahead log short. The slow part in a thread."""

from __future__ import annotations

import zlib
from functools import partial
from typing import Any, Final

from actors.process_manager.keeper import Keeper
from actors.process_manager.life import Life
from actors.process_manager.means import Means
from actors.process_manager.rotation import Limits, rotate_all
from actors.process_manager.squeezing import squeeze
from actors.process_manager.store import Store
from actors.settings.units import format_size
from bus.errors import Refused
from bus.hub import Request
from bus.message import Done

_TURN_S: Final = 0.1
"""Seconds until it is looked at again whether the logs are being rotated."""


class Upkeep:
    """Keeps the logs of running processes within their size, and the store's write-ahead log short."""

    def __init__(self, means: Means, keeper: Keeper, store: Store) -> None:
        self._means = means
        self._keeper = keeper
        self._store = store
        self._rotating = False

    def look(self) -> None:
        """See what is due; called on a timer."""
        store = self._store
        if store.trouble:
            self._means.log.error("store.not_written", error=store.trouble)
        if store.wants_tidying():
            self._means.run(store.tidy, self._tidied)
        logs = {life.name: limits_of(life) for life in self._keeper.lives.values() if life.pid is not None}
        if logs and not self._rotating:
            self._rotating = True
            self._means.run(partial(rotate_all, logs, self._means.clock.wall()), self._rotated)

    def squeeze(self, life: Life, request: Request) -> None:
        """Compress the rotated files of a log now, and rotate it when it is due; answered when that is done."""
        if self._rotating:
            self._means.after(_TURN_S, self.squeeze, life, request)
            return
        self._rotating = True
        path, limits = limits_of(life)
        self._means.run(partial(squeeze, path, limits), partial(self._squeezed, life, request))

    def _squeezed(self, life: Life, request: Request, result: Any) -> None:
        self._rotating = False
        if isinstance(result, Exception):
            if not isinstance(result, OSError | zlib.error):
                raise result
            request.answer(Refused(f"the log of {life.name} cannot be made smaller: {result}"))
            return
        done, freed = result
        life.log_start = max(0, life.log_start - done.moved)
        self._means.log.info("log.squeezed", workload=life.name, path=life.launch.log_path, freed=freed)
        request.answer(Done(detail=f"freed {format_size(freed)}"))

    def _tidied(self, result: Exception | None) -> None:
        if isinstance(result, Exception):
            self._means.log.warning("store.tidy_failed", error=str(result))

    def _rotated(self, result: Any) -> None:
        self._rotating = False
        if isinstance(result, Exception):
            raise result
        for name, done in result.items():
            life = self._keeper.lives.get(name)
            if isinstance(done, str):
                self._means.log.warning("log.rotate_failed", workload=name, error=done)
            elif life is not None:
                life.log_start = max(0, life.log_start - done.moved)
                self._means.log.info("log.rotated", workload=name, path=life.launch.log_path, size=done.taken)


def limits_of(life: Life) -> tuple[str, Limits]:
    """Where the log of a workload is, and when it is rotated."""
    policy = life.workload.spec.log
    return life.launch.log_path, Limits(policy.max_size, policy.keep, policy.rotate_every, policy.compress)
