"""Functions as tasks: `@task("name")` registers one, and it is handed its task and typed parameters. Pure.

from actors.executor.functions import Task, task

@task("fill_day")
def fill_day(task: Task, day: str, count: int = 100) -> dict[str, int]:
at = task.last or 0
...
task.checkpoint(at)
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec

from actors.executor.model import Claim, Statement
from actors.executor.params import BadParameters


class Interrupted(BaseException):
    """Raised out of a function that was cancelled, takes too long, or whose task is another worker's by now."""


class Keeper(Protocol):
    """What the worker does for a running function."""

    def save(self, *, checkpoint: str | None, progress: float | None, note: str | None) -> None:
        """Keep how far it is. Raises: Interrupted."""


class Task:
    """A running task, as its function sees it.

    id: its number. key: the same at every attempt, for services that know idempotency keys. attempt: from 1.
    last: data of the last checkpoint of a former attempt; None when there is none.
    """

    def __init__(self, claim: Claim, keeper: Keeper) -> None:
        self.id = claim.id
        self.key = claim.idempotency_key
        self.attempt = claim.attempt
        self.last: Any = msgspec.json.decode(claim.checkpoint) if claim.checkpoint is not None else None
        self.also: list[Statement] = []
        self._keeper = keeper

    def checkpoint(self, data: Any, progress: float | None = None) -> None:
        """Keep data, anything that JSON can hold, from which the next attempt goes on. Raises: Interrupted."""
        self.last = data
        text = msgspec.json.encode(data).decode()
        self._keeper.save(checkpoint=text, progress=_share(progress), note=None)

    def progress(self, share: float, note: str | None = None) -> None:
        """Tell how far it is, from 0 to 1; also a sign of life. Raises: Interrupted."""
        self._keeper.save(checkpoint=None, progress=_share(share), note=note)

    def write(self, statement: str, *values: Any) -> None:
        """SQL for the database of the queue, committed with the end of the task and only then: effectively once.

        Parameters are written ? with SQLite and %s with PostgreSQL.
        """
        self.also.append(Statement(statement, values))


class Registered(msgspec.Struct, frozen=True):
    """A function and the type of its parameters."""

    function: Callable[..., Any]
    params: type[msgspec.Struct]

    def call(self, task: Task, given: Mapping[str, Any]) -> Any:
        """Run it. Raises: BadParameters; whatever it raises."""
        try:
            params = msgspec.convert(given, self.params)
        except msgspec.ValidationError as error:
            raise BadParameters(str(error)) from None
        return self.function(task, **{name: getattr(params, name) for name in self.params.__struct_fields__})


FUNCTIONS: dict[str, Registered] = {}
"""By the kind of task."""

F = typing.TypeVar("F", bound=Callable[..., Any])


def task(kind: str) -> Callable[[F], F]:
    """Register a function for a kind of task. It takes its Task, then parameters with their types."""

    def register(function: F) -> F:
        if kind in FUNCTIONS and FUNCTIONS[kind].function.__qualname__ != function.__qualname__:
            msg = f"there is a function for tasks {kind!r} already: {FUNCTIONS[kind].function.__qualname__}"
            raise ValueError(msg)
        FUNCTIONS[kind] = Registered(function, _params_of(kind, function))
        return function

    return register


def _params_of(kind: str, function: Callable[..., Any]) -> type[msgspec.Struct]:
    """Raises: TypeError when the function cannot be handed parameters by name."""
    types = typing.get_type_hints(function)
    _, *taken = inspect.signature(function).parameters.values()
    fields: list[Any] = []
    for each in taken:
        if each.kind not in {each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY}:
            msg = f"{function.__qualname__}: {each} cannot be a parameter of a task"
            raise TypeError(msg)
        of = types.get(each.name, Any)
        fields.append((each.name, of) if each.default is each.empty else (each.name, of, each.default))
    return msgspec.defstruct(kind, fields, kw_only=True, forbid_unknown_fields=True, frozen=True)


def _share(progress: float | None) -> float | None:
    return None if progress is None else min(1.0, max(0.0, progress))
