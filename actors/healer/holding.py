"""Acts once what was written is committed: what waits in the inbox at the first change is handled before the commit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from actors.base import Actor
from actors.healer.grouped import Grouped
from actors.healer.settings import HealerSettings
from bus.message import Command, Fact

T = TypeVar("T")

GROUP_S: Final = 0.05
"""Seconds that a change waits for others at most."""
ROOM_EVERY_S: Final = 5.0
"""Seconds until a full disk is tried again."""


class Holding(Actor[HealerSettings]):
    """Facts, requests and work are held from the first change of a transaction to its commit."""

    _stores: tuple[Grouped, ...] = ()
    _held: list[Callable[[], None]] | None = None
    _held_since_s = 0.0
    _told_full = False
    _retrying = False

    def _watch_stores(self, *stores: Grouped) -> None:
        """Commit what is written to these."""
        self._stores = stores
        for store in stores:
            store.begun = self._begun
        self._commit()

    def _leave_stores(self) -> None:
        """The last commit, and what was held for it."""
        self._commit()
        lost = sum(store.waiting + store.lost for store in self._stores)
        self._stores = ()
        if lost:
            self.log.error("history.lost", changes=lost, why="there was no room for it on the disk")

    def _begun(self) -> None:
        if self._held is None:
            self._held, self._held_since_s = [], self.clock()
            self.post(self._commit)

    def _commit(self) -> None:
        """Commit, then do what was held; the disk may take it later."""
        written = [store.settle() for store in self._stores]
        held, self._held = self._held or (), None
        if not all(written) and not self._retrying:
            self._retrying = True
            self.after(ROOM_EVERY_S, self._retry)
        self._tell_room(full=not all(written))
        for act in held:
            act()

    def _retry(self) -> None:
        self._retrying = False
        self._commit()

    def _tell_room(self, *, full: bool) -> None:
        if full and not self._told_full:
            self.log.error("history.not_written", why="the disk is full", then="it is kept in memory meanwhile")
        elif self._told_full and not full:
            self.log.warning("history.written", lost=sum(store.lost for store in self._stores))
        self._told_full = full

    @property
    def unwritten(self) -> int:
        """Changes that a full disk did not take yet."""
        return sum(store.waiting for store in self._stores if store.full)

    @property
    def left_out(self) -> int:
        """Changes that were left out since there was no room in memory either."""
        return sum(store.lost for store in self._stores)

    # -- what waits for the commit

    def publish(self, fact: Fact) -> None:
        """Once what it tells of is committed."""
        self._hold(super().publish, fact)

    def request(
        self, command: Command, then: Callable[[Any], None], *, timeout_s: float = 5.0, node: str | None = None
    ) -> None:
        """Once what was decided is committed."""
        sent = super().request
        self._hold(lambda: sent(command, then, timeout_s=timeout_s, node=node))

    def run(self, work: Callable[[], T], then: Callable[[T | Exception], None]) -> None:
        """Once what taking it back needs is committed."""
        self._hold(super().run, work, then)

    def _hold(self, act: Callable[..., None], *args: Any) -> None:
        if self._held is None:
            act(*args)
            return
        self._held.append(self.bound(act, *args))
        if self.clock() - self._held_since_s > GROUP_S:
            self._commit()
