"""What the Reconciler needs of the Executor, and nothing more. Pure.

Of the Executor's facts it hears TaskEnded: task, key, outcome (done, dead, cancelled, expired) and error. A fact may be
lost: `open_tasks` shows which tasks have not ended. That one is done only says that it is time to look again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from actors.settings import TaskPriority
from bus.errors import CommandError


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A task to be added. key: while one with this key has not ended, the same one is given back."""

    kind: str
    params: Mapping[str, Any]
    priority: TaskPriority
    key: str
    tags: tuple[str, ...]


class Tasks(Protocol):
    """The queue, as seen from here. Every answer comes later, once, in the actor's own thread."""

    def add(self, wanted: Sequence[Wanted], then: Callable[[Sequence[int] | CommandError], None]) -> None:
        """Add tasks; the numbers come in their order, once all of them are committed."""

    def cancel(self, tasks: Sequence[int], why: str) -> None:
        """Cancel tasks that are not needed any more; running ones too. One that has ended stays as it is."""

    def open_tasks(self, tag: str, then: Callable[[Mapping[str, int] | CommandError], None]) -> None:
        """Key -> number of every task with this tag that has not ended."""
