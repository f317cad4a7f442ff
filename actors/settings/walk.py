"""Compiles the types of settings into readers, which find every fault on their way through a tree. Pure.

A type is compiled once into a function of what is being read, the tree and its dotted key. It gives the value, or BAD
after it has noted at least one fault.
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from msgspec import Meta, Struct

from actors.settings import containers, scalars
from actors.settings.constraints import constrained
from actors.settings.markers import AsWritten, CommandText, FromConfig, LevelText, NamesAs
from actors.settings.reading import Reader
from actors.settings.structs import StructReader
from actors.settings.units import Level

_READERS: Final[dict[object, Reader]] = {
    str: scalars.read_text,
    int: scalars.read_int,
    float: scalars.read_float,
    bool: scalars.read_bool,
    Path: scalars.read_path,
    NoneType: scalars.read_null,
    Any: scalars.read_any,
    object: scalars.read_any,
    **scalars.QUANTITIES,
}
"""Readers of single values, and those compiled so far."""

_LISTS: Final[Mapping[object, type]] = {
    list: list,
    Sequence: list,
    tuple: tuple,
    set: set,
    frozenset: frozenset,
}


def reader(kind: object) -> Reader:
    """Compile a type.

    Raises: TypeError for a type that settings cannot have.
    """
    known = _READERS.get(kind)
    if known is None:
        known = _READERS[kind] = _compile(kind)
    return known


def _compile(kind: object) -> Reader:
    origin = get_origin(kind)
    arguments = get_args(kind)
    if origin is Annotated:
        return _annotated(arguments[0], arguments[1:])
    if origin in {Union, UnionType}:
        return _union(arguments)
    if origin is Literal:
        return containers.choice_reader(arguments)
    if isinstance(kind, type) and issubclass(kind, Struct):
        return StructReader(kind, reader)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return containers.enum_reader(kind)
    return _container(origin or kind, arguments, kind)


def _container(origin: object, arguments: Sequence[object], kind: object) -> Reader:
    if origin in {dict, Mapping}:
        name, value = arguments or (str, Any)
        return containers.dict_reader(reader(name), reader(value))
    items = [argument for argument in arguments or (Any,) if argument is not Ellipsis]
    if origin in _LISTS and len(items) == 1:
        return containers.list_reader(reader(items[0]), _LISTS[origin])
    raise TypeError(f"settings cannot have the type {kind}")


def _annotated(kind: object, marks: Sequence[object]) -> Reader:
    read: Reader | None = None
    for mark in marks:
        if isinstance(mark, CommandText):
            read = containers.command_reader
        elif isinstance(mark, AsWritten):
            read = containers.dict_reader(scalars.read_text, scalars.read_written)
        elif isinstance(mark, LevelText):
            read = reader(Level)
        elif isinstance(mark, FromConfig):
            read = scalars.read_config_path
        elif isinstance(mark, NamesAs):
            read = containers.names_reader(reader(kind), mark.value)
    read = read or reader(kind)
    for mark in marks:
        if isinstance(mark, Meta):
            read = constrained(read, mark)
    return read


def _union(kinds: Sequence[object]) -> Reader:
    some = [reader(kind) for kind in kinds if kind is not NoneType]
    inner = some[0] if len(some) == 1 else containers.union_reader(some)
    return containers.optional_reader(inner) if NoneType in kinds else inner
