"""Makes bus/verbs.pyi from the vocabulary: `python -m tests.bus.verbs_stub`."""

import types
import typing
from pathlib import Path

import msgspec

from bus.message import Command
from bus.verbs import by_verb

STUB = Path(__file__).parents[2] / "bus" / "verbs.pyi"
HEAD = '''\
# Made by `python -m tests.bus.verbs_stub` from the vocabulary. Do not edit.
# ruff: noqa: E501, PYI021
# fmt: off
from typing import Literal

from bus.message import Command, Done
from bus.messages import (
{imports}
)
from bus.status import Status

PATIENCE_S: float
STATUS_S: float

def by_verb() -> dict[str, type[Command]]: ...

class Verbs:
    """A method for each verb an operator may send, and `status`, which asks several."""

    def status(self, *, timeout_s: float = ...) -> Status: ...
'''


def written(hint: object, used: set[str]) -> str:  # noqa: PLR0911 - a line for each kind of type
    """The type as it is written in a program; the structs it needs are added to `used`."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return written(args[0], used)
    if origin is typing.Literal:
        return f"Literal[{', '.join(map(repr, args)).replace(chr(39), chr(34))}]"
    if origin in {typing.Union, types.UnionType}:
        return " | ".join(written(each, used) for each in args)
    if origin is not None:
        inner = ", ".join("..." if each is Ellipsis else written(each, used) for each in args)
        return f"{origin.__name__}[{inner}]"
    if hint is typing.Any:
        return "Any"
    if hint is type(None):
        return "None"
    assert isinstance(hint, type), hint
    if issubclass(hint, msgspec.Struct) and hint.__name__ != "Done":
        used.add(hint.__name__)
    return hint.__name__


def method(verb: str, kind: type[Command], used: set[str]) -> str:
    fields = sorted(msgspec.structs.fields(kind), key=lambda field: not field.required)
    hints = typing.get_type_hints(kind)
    given = [f"{f.name}: {written(hints[f.name], used)}{'' if f.required else ' = ...'}" for f in fields]
    signature = ", ".join(["self", "*", *given, "timeout_s: float = ..."])
    line = (kind.__doc__ or "").strip().partition("\n")[0]
    return f'    def {verb}({signature}) -> {written(kind.reply, used)}:\n        """{line}"""\n'


def text() -> str:
    """The stub as it has to be today."""
    used: set[str] = set()
    methods = [method(verb, kind, used) for verb, kind in sorted(by_verb().items())]
    return HEAD.format(imports="\n".join(f"    {name}," for name in sorted(used, key=str.lower))) + "".join(methods)


if __name__ == "__main__":
    STUB.write_text(text(), "utf-8")
