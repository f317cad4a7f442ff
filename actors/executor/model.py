"""What a task is: its states, its priorities, and what may become of it. Pure.

Times are Unix seconds.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from actors.settings import TaskPriority

State = Literal["queued", "scheduled", "blocked", "running"]
"""Of a task that has not ended. queued: may be taken. scheduled: its time has not come. blocked: waits for others."""

Outcome = Literal["done", "dead", "cancelled", "expired"]
"""How a task ended. dead: failed for good, kept to be looked at and retried. expired: too late for its deadline."""

PRIORITIES: Final[tuple[TaskPriority, ...]] = ("critical", "high", "medium", "low", "deferred")
"""In order of precedence; the store holds their numbers."""

NOTE_MAX: Final = 200
ERROR_MAX: Final = 4000
"""Characters that are kept of what a task says of itself, and of what it failed with."""


class NewTask(msgspec.Struct, frozen=True, kw_only=True):
    """A task to be added.

    key: at most one task with this key is there that has not ended; a second one is not added. not_before, deadline:
    None for none. late: what happens when the deadline passes before it is started. after: tasks that have to be done
    first. parent: cancelled with it.
    """

    kind: str
    params: dict[str, Any] = msgspec.field(default_factory=dict)
    priority: TaskPriority = "medium"
    key: str | None = None
    tags: tuple[str, ...] = ()
    not_before: float | None = None
    deadline: float | None = None
    late: Literal["drop", "escalate"] = "drop"
    after: tuple[int, ...] = ()
    parent: int | None = None


class Fence(msgspec.Struct, frozen=True):
    """Who adds or cancels does so as the leader, by this lease: refused once it has gone to another."""

    lease: str
    token: int


class Added(msgspec.Struct, frozen=True):
    """The number of a task; fresh is False when one with the same key was there already, whose number it is."""

    id: int
    fresh: bool = True


class Claim(msgspec.Struct, frozen=True):
    """A task in the hands of a worker. attempt: from 1; with worker and id it fences out a worker that lost it.

    failures: attempts that failed before. run_s: seconds that former attempts ran. checkpoint: JSON of the last one.
    """

    id: int
    kind: str
    params: str
    attempt: int
    failures: int
    added: float
    run_s: float
    checkpoint: str | None
    worker: str

    @property
    def idempotency_key(self) -> str:
        """The same at every attempt of the task, and at no other task of this store."""
        return f"{self.id}-{round(self.added * 1000):x}"


class Statement(msgspec.Struct, frozen=True):
    """SQL that is committed together with the end of a task, or not at all."""

    text: str
    values: tuple[Any, ...] = ()


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """A claimed task has ended. result: JSON. also: of a function that wrote into the store's own database.

    blamed: its failure counts against its kind.
    """

    claim: Claim
    outcome: Outcome
    result: str | None = None
    error: str = ""
    also: tuple[Statement, ...] = ()
    blamed: bool = False


class Retry(msgspec.Struct, frozen=True, kw_only=True):
    """How a failed attempt is followed by the next. longest_s: seconds to wait when the budget of its kind is spent.

    by: what it is in the history, failed or the limit that ended it.
    """

    delay_s: float
    longest_s: float = 0.0
    by: str = "failed"


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A task as it is shown. state: a State or an Outcome. waits_for: tasks that have to be done first."""

    id: int
    kind: str
    state: str
    priority: TaskPriority
    params: str
    key: str | None
    tags: tuple[str, ...]
    parent: int | None
    added: float
    due: float | None
    deadline: float | None
    attempt: int
    failures: int
    lost: int
    started: float | None
    run_s: float
    worker: str | None
    stop: str | None
    checkpoint: str | None
    progress: float | None
    note: str
    error: str
    ended: float | None = None
    result: str | None = None
    seq: int | None = None
    waits_for: tuple[int, ...] = ()


class Happening(msgspec.Struct, frozen=True):
    """One line of a task's history: what was out of the ordinary."""

    at: float
    what: str
    detail: str


class Story(msgspec.Struct, frozen=True):
    """A task with what happened to it, and its children that have not ended."""

    row: Row
    happenings: tuple[Happening, ...]
    children: tuple[int, ...]


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which tasks are wanted; None and empty mean any. ended: those that ended in place of those that have not."""

    states: tuple[str, ...] = ()
    kind: str | None = None
    tag: str | None = None
    ended: bool = False
    limit: int = 100


class Rescued(msgspec.Struct, frozen=True):
    """What became of a task whose worker died: it waits again, or it ended."""

    id: int
    kind: str
    worker: str
    outcome: Outcome | None = None


class Cancelled(msgspec.Struct, frozen=True):
    """What a cancel came to. ended: tasks that will not be run; stopping: running ones that were told to end."""

    ended: tuple[int, ...] = ()
    stopping: tuple[int, ...] = ()
