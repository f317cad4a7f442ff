"""Many producers, one fsync: what is to be added while one commit is under way is committed together by the next.

A thread of its own, over a connection of its own. Whoever adds is answered after the commit.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from typing import Final

from actors.executor.database import StoreFailed
from actors.executor.flow import NoSuchTask
from actors.executor.model import Added, Fence, NewTask
from actors.executor.store import TaskStore

Outcome = list[Added] | StoreFailed | NoSuchTask
Then = Callable[[Outcome], None]
Wanted = tuple[Sequence[NewTask], Then, Fence | None]

TOGETHER_MAX: Final = 5000
"""Tasks in one commit, so that workers do not wait long for the lock."""


class Committer:
    """Adds tasks from start to close()."""

    def __init__(self, open_store: Callable[[], TaskStore]) -> None:
        """open_store: opens the queue; called in the thread."""
        self._open_store = open_store
        self._waiting: queue.SimpleQueue[Wanted | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="committer", daemon=True)
        self.commits = 0
        self._thread.start()

    def add(self, tasks: Sequence[NewTask], then: Then, fence: Fence | None = None) -> None:
        """Add tasks, all or none; then(outcome) is called in the committer's thread after the commit."""
        self._waiting.put((tasks, then, fence))

    def close(self) -> None:
        """Add what waits, then let go."""
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        store: TaskStore | None = None
        over = False
        while not over:
            wanted, over = self._gather()
            try:
                store = store or self._open_store()
                self._commit(store, wanted)
            except StoreFailed as error:
                for _, then, _ in wanted:
                    then(error)
        if store is not None:
            store.close()

    def _gather(self) -> tuple[list[Wanted], bool]:
        """All that waits now, at least one unless it is over; and whether it is."""
        wanted: list[Wanted] = []
        number = 0
        each = self._waiting.get()
        while each is not None:
            wanted.append(each)
            number += len(each[0])
            if number >= TOGETHER_MAX or self._waiting.empty():
                return wanted, False
            each = self._waiting.get()
        return wanted, True

    def _commit(self, store: TaskStore, wanted: Sequence[Wanted]) -> None:
        """Raises: StoreFailed, when none of them is added."""
        if not wanted:
            return
        try:
            fences = {fence for _, _, fence in wanted if fence is not None}
            added = store.add([task for tasks, _, _ in wanted for task in tasks], fences)
        except NoSuchTask as error:
            if len(wanted) == 1:
                wanted[0][1](error)
                return
            for each in wanted:  # one of them is at fault, and the others are not to suffer for it
                self._commit_alone(store, each)
            return
        self.commits += 1
        at = 0
        for tasks, then, _ in wanted:
            then(added[at : at + len(tasks)])
            at += len(tasks)

    def _commit_alone(self, store: TaskStore, each: Wanted) -> None:
        try:
            self._commit(store, [each])
        except StoreFailed as error:
            each[1](error)
