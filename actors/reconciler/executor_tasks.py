"""The queue of tasks as the Executor on this node keeps it. Through the actor's `request`; touches no bus itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from actors.log import Log
from actors.reconciler.tasks import Wanted
from bus.errors import CommandError
from bus.message import Command
from bus.messages import AddTasks, CancelTasks, ListTasks, TaskList, TasksAdded, TaskSpec

ADD_WITHIN_S: Final = 10.0
LIST_WITHIN_S: Final = 10.0
"""Seconds that the Executor may take."""

LISTED_MAX: Final = 100_000
"""Tasks of one data set that are asked for; more are never in flight."""


class Asks(Protocol):
    """What the actor lends."""

    @property
    def log(self) -> Log: ...
    def request(self, command: Command, then: Callable[[Any], None], *, timeout_s: float) -> None: ...


class ExecutorTasks:
    """`Tasks` by commands to the Executor."""

    def __init__(self, hands: Asks, lease: str = "", token: int = 0) -> None:
        """lease, token: by which this node leads; with an old one the queue refuses everything."""
        self._hands = hands
        self._lease = lease
        self._token = token

    def add(self, wanted: Sequence[Wanted], then: Callable[[Sequence[int] | CommandError], None]) -> None:
        """One command, so that all are added or none."""
        specs = [
            TaskSpec(kind=one.kind, params=dict(one.params), priority=one.priority, key=one.key, tags=list(one.tags))
            for one in wanted
        ]

        def added(outcome: TasksAdded | CommandError) -> None:
            then(outcome if isinstance(outcome, CommandError) else outcome.tasks)

        command = AddTasks(tasks=specs, lease=self._lease, token=self._token)
        self._hands.request(command, added, timeout_s=ADD_WITHIN_S)

    def cancel(self, tasks: Sequence[int], why: str) -> None:
        """One command; when it is lost, the tasks run for nothing."""

        def cancelled(outcome: Any) -> None:
            if isinstance(outcome, CommandError):
                self._hands.log.warning("tasks.not_cancelled", tasks=len(tasks), error=str(outcome))

        if tasks:
            command = CancelTasks(tasks=list(tasks), why=why, lease=self._lease, token=self._token)
            self._hands.request(command, cancelled, timeout_s=ADD_WITHIN_S)

    def open_tasks(self, tag: str, then: Callable[[Mapping[str, int] | CommandError], None]) -> None:
        """One command."""

        def listed(outcome: TaskList | CommandError) -> None:
            if isinstance(outcome, CommandError):
                then(outcome)
            else:
                then({row.key: row.task for row in outcome.tasks if row.key is not None})

        self._hands.request(ListTasks(tag=tag, limit=LISTED_MAX), listed, timeout_s=LIST_WITHIN_S)
