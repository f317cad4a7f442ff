"""Whether the parameters of a task fit its kind, and the command they make. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from actors.settings import Param, TaskKind

_PLACE = re.compile(r"\$\{([^}]*)\}")


class BadParameters(ValueError):
    """What is wrong with the parameters of a task, in one line with what is allowed."""


def checked(kind: TaskKind, given: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters with the defaults filled in. A function that declares none checks them itself.

    Raises: BadParameters.
    """
    if kind.module is not None and not kind.params:
        return dict(given)
    for name in given:
        if name not in kind.params:
            raise BadParameters(f'no parameter "{name}"; there are: {", ".join(kind.params) or "none"}')
    return {name: _value(name, param, given) for name, param in kind.params.items()}


def read(kind: TaskKind, given: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters that a person wrote as texts, as the types that the kind names; without, as JSON if they are."""
    return {name: _read(kind.params.get(name), value) for name, value in given.items()}


def argv(command: Sequence[str], params: Mapping[str, Any]) -> list[str]:
    """The command with the parameters in the places of their names; each argument stays one argument."""
    return [_PLACE.sub(lambda found: _text(params[found[1]]), word) for word in command]


def _value(name: str, param: Param, given: Mapping[str, Any]) -> Any:
    value = given.get(name, param.default)
    if value is None:
        raise BadParameters(f'parameter "{name}" is missing; allowed: a {param.type}')
    problem = param.problem(value)
    if problem:
        raise BadParameters(f'parameter "{name}": {problem}')
    return value


def _read(param: Param | None, value: Any) -> Any:
    if not isinstance(value, str) or (param is not None and param.type == "text"):
        return value
    try:
        return msgspec.json.decode(value.encode())
    except (msgspec.DecodeError, UnicodeEncodeError):
        return value


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
