"""What the actor does with the queue: in one thread at a time, over one connection that is opened when it is needed."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeVar

from msgspec import Struct

from actors.executor.database import StoreFailed
from actors.executor.lanes import Limit
from actors.executor.model import Rescued, Row
from actors.executor.opening import set_aside
from actors.executor.reading import Reading
from actors.executor.rescue import Rescuer
from actors.executor.settings import POSTGRES
from actors.executor.store import TaskStore

ENDS_AT_ONCE: Final = 500
SEEN_MAX: Final = 5000
T = TypeVar("T")


class Seen(Struct, frozen=True, kw_only=True):
    """What a look found. more: there are further ends."""

    ended: Sequence[Row] = ()
    more: bool = False
    late: Sequence[tuple[int, str, str]] = ()
    rescued: Sequence[Rescued] = ()


class Desk:
    """Thread-safe; each method waits for the one before.

    open_store: opens the queue. told: the name under which is kept which ends were told. aside: called when a broken
    file was moved out of the way, with its new place and what is wrong with it.
    """

    def __init__(
        self,
        open_store: Callable[[], TaskStore],
        address: str,
        make_rescuer: Callable[[TaskStore], Rescuer],
        *,
        node: str,
        limits: Sequence[Limit],
        aside: Callable[[Path, str], None],
    ) -> None:
        self._open_store = open_store
        self._address = address
        self._make_rescuer = make_rescuer
        self._told_name = f"told.{node}"
        self._limits = list(limits)
        self._aside = aside
        self._lock = threading.Lock()
        self._store: TaskStore | None = None
        self._closed = False
        self._mark = self._kept = 0
        self._seen: OrderedDict[int, None] = OrderedDict()

    def use(self, work: Callable[[TaskStore, Reading], T]) -> T:
        """Do something with the queue. Raises: StoreFailed; whatever work raises."""
        with self._lock:
            store = self._opened()
            try:
                return work(store, Reading(store.database))
            except StoreFailed as error:
                if not error.again:
                    self._drop()
                raise

    def look(self) -> Seen:
        """See what has ended since the last look, what is late, and whose worker died. Raises: StoreFailed."""
        return self.use(self._look)

    def set_limits(self, limits: Sequence[Limit]) -> None:
        """New limits of kinds. Raises: StoreFailed."""
        self._limits = list(limits)
        self.use(lambda store, _: store.set_limits(self._limits))

    def sweep(self, retry_max_s: float, keep_done: int, keep_failed: int) -> int:
        """Forget what is old, and mend what a clock left; the number of tasks forgotten. Raises: StoreFailed."""

        def work(store: TaskStore, reading: Reading) -> int:
            store.mend_clock(retry_max_s)
            self._make_rescuer(store).sweep()
            return reading.trim(keep_done, keep_failed)

        return self.use(work)

    def close(self) -> None:
        """Let go; nothing can be done with it any more."""
        with self._lock:
            self._closed = True
            self._drop()

    def _look(self, store: TaskStore, reading: Reading) -> Seen:
        if self._kept != self._mark:  # what the last look found has been told by now
            store.remember(self._told_name, str(self._mark))
            self._kept = self._mark
        rows = reading.ended_since(self._mark - store.database.overlap, ENDS_AT_ONCE + store.database.overlap)
        late = store.look_at_deadlines()
        rescued: Sequence[Rescued] = ()
        with contextlib.suppress(StoreFailed):  # the next look sees to it; what was found already is not to be lost
            rescued = self._make_rescuer(store).look()
        ended = [row for row in rows if row.seq is not None and row.seq not in self._seen]
        for row in ended:
            self._seen[row.seq or 0] = None
        while len(self._seen) > SEEN_MAX:
            self._seen.popitem(last=False)
        self._mark = max([self._mark, *(row.seq or 0 for row in ended)])
        return Seen(ended=ended, more=len(ended) >= ENDS_AT_ONCE, late=late, rescued=rescued)

    def _opened(self) -> TaskStore:
        """Raises: StoreFailed."""
        if self._closed:
            raise StoreFailed("the actor stops")
        if self._store is None:
            if not self._address.startswith(POSTGRES):
                moved = set_aside(Path(self._address))
                if moved is not None:
                    self._mark = 0
                    self._aside(*moved)
            store = self._open_store()
            try:
                store.set_limits(self._limits)
                if not self._mark:
                    self._begin_after(store)
            except StoreFailed:
                store.close()
                raise
            self._store = store
        return self._store

    def _begin_after(self, store: TaskStore) -> None:
        """Tell what ended since a former desk of this node told; a first one tells what ends from now on."""
        kept = store.recall(self._told_name)
        self._mark = int(kept) if kept is not None else Reading(store.database).last_seq()
        told = range(self._mark - store.database.overlap, self._mark + 1)
        self._seen = OrderedDict.fromkeys(told)
        store.remember(self._told_name, str(self._mark))
        self._kept = self._mark

    def _drop(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            store.close()
