"""Calls the function of a task, here or on an engine, and says what came of it. Pure."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import msgspec

from actors.executor.functions import FUNCTIONS, Interrupted, Task
from actors.executor.model import Statement
from actors.executor.params import BadParameters


class Came(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it. names: of what it failed with, the most particular first; none when it is done. result: JSON.

    never: trying again changes nothing. also: what it wrote. checkpoint: JSON of the last, where nobody else has it.
    """

    names: tuple[str, ...] = ()
    error: str = ""
    never: bool = False
    result: str | None = None
    also: tuple[Statement, ...] = ()
    checkpoint: str | None = None


def call(kind: str, task: Task, params: Mapping[str, Any], around: AbstractContextManager[Any] | None = None) -> Came:
    """Call what is registered for a kind. around: entered while the function runs. Raises nothing of the function's."""
    registered = FUNCTIONS.get(kind)
    if registered is None:
        why = f'no function is registered by @task("{kind}")'
        return Came(names=("UnknownFunction",), error=why, never=True)
    try:
        with around or contextlib.nullcontext():
            result = registered.call(task, params)
    except BadParameters as error:
        return Came(names=("BadParameters",), error=str(error), never=True)
    except (Exception, Interrupted, SystemExit) as error:  # noqa: BLE001 - whatever the operator's function raises
        return Came(names=names_of(error), error=_text_of(error))
    try:
        text = msgspec.json.encode(result).decode() if result is not None else None
    except (TypeError, ValueError) as error:
        return Came(names=("BadResult",), error=f"its result cannot be kept: {error}", never=True)
    return Came(result=text, also=tuple(task.also))


def names_of(error: BaseException) -> tuple[str, ...]:
    """What an error is called, the most particular first."""
    return tuple(kind.__name__ for kind in type(error).__mro__ if kind not in {BaseException, object})


def _text_of(error: BaseException) -> str:
    """What is kept of an error: its text and the place it came from."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    file = trace.tb_frame.f_code.co_filename.rpartition("/")[2] if trace is not None else ""
    place = f" ({file}:{trace.tb_lineno})" if trace is not None else ""
    return f"{type(error).__name__}: {error}{place}"
