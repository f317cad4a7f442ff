"""Readers of structs. Pure."""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec
from msgspec import NODEFAULT, Struct

from actors.settings.containers import below
from actors.settings.faults import split_allowed, suggest
from actors.settings.reading import BAD, Reader, Reading
from actors.settings.scalars import what
from actors.settings.tree import Scalar, Table, Tree

_KEYS_SHOWN_MAX: Final = 8


class _Field(Struct, frozen=True):
    """One field of a struct, compiled."""

    attribute: str
    read: Reader
    required: bool


class StructReader:
    """Reads a mapping as a struct: unknown keys, missing keys, and what the struct itself refuses."""

    def __init__(self, kind: type[Struct], reader: Callable[[object], Reader]) -> None:
        """reader: compiles the type of a field; asked when the first tree comes, as types may hold themselves."""
        self._kind = kind
        self._reader = reader
        self._compiled: Mapping[str, _Field] | None = None

    def __call__(self, reading: Reading, tree: Tree, key: str) -> object:
        """Give the struct, or BAD."""
        fields = self._fields()
        if isinstance(tree, Table):
            entries = tree.entries
        elif isinstance(tree, Scalar) and tree.is_null():
            entries = {}
        else:
            names = ", ".join(list(fields)[:_KEYS_SHOWN_MAX])
            return reading.refuse(tree, key, what(tree), f"a mapping with {names}{_more(len(fields))}")
        values, whole = self._values(reading, entries, key)
        for name, field in fields.items():
            if field.required and name not in entries:
                reading.refuse(tree, below(key, name), "is missing")
                whole = False
        if whole:
            return self._make(reading, tree, key, values)
        reading.good_parts[key] = values
        return BAD

    def _values(self, reading: Reading, entries: Mapping[str, Tree], key: str) -> tuple[dict[str, object], bool]:
        """Give the values by attribute, and whether all of them are good."""
        fields = self._fields()
        values: dict[str, object] = {}
        whole = True
        for name, tree in entries.items():
            path = f"{key}.{name}" if key else name
            field = fields.get(name)
            if field is None:
                refuse_key(reading, tree, path, list(fields))
                whole = False
                continue
            reading.origins[path] = tree.origin
            value = field.read(reading, tree, path)
            if value is BAD:
                whole = False
            elif value is not NODEFAULT:
                values[field.attribute] = value
        return values, whole

    def _make(self, reading: Reading, tree: Tree, key: str, values: dict[str, object]) -> object:
        """Build the struct; its own refusal becomes a fault, at the key it begins with (`key: problem`)."""
        try:
            return self._kind(**values)
        except ValueError as error:
            problem, allowed = split_allowed(str(error))
            name, colon, rest = problem.partition(": ")
            if colon and name in self._fields():
                at = tree.entries.get(name, tree) if isinstance(tree, Table) else tree
                return reading.refuse(at, below(key, name), rest, allowed)
            return reading.refuse(tree, key, problem, allowed)

    def _fields(self) -> Mapping[str, _Field]:
        if self._compiled is None:
            self._compiled = {field.encode_name: self._field(field) for field in msgspec.structs.fields(self._kind)}
        return self._compiled

    def _field(self, field: msgspec.structs.FieldInfo) -> _Field:
        try:
            read = self._reader(field.type)
        except TypeError as error:
            raise TypeError(f"{self._kind.__name__}.{field.name}: {error}") from None
        return _Field(field.name, read if field.required else _or_default(read, field.type), field.required)


def refuse_key(reading: Reading, tree: Tree, path: str, known: list[str]) -> None:
    """Note a key that nobody knows, with the nearest that is known."""
    problem = f'unknown key "{path}"' if tree.origin.variable else "unknown key"
    name = path.rpartition(".")[2]
    reading.refuse(tree, path, problem, suggest(name, known))


def _or_default(read: Reader, kind: object) -> Reader:
    """Take the default for a collection or struct of which only the key was written."""
    if not _is_collection(kind):
        return read

    def read_or_default(reading: Reading, tree: Tree, key: str) -> object:
        if isinstance(tree, Scalar) and tree.is_null() and not tree.loose:
            return NODEFAULT
        return read(reading, tree, key)

    return read_or_default


def _is_collection(kind: object) -> bool:
    kind = getattr(kind, "__origin__", kind)
    kind = getattr(kind, "__origin__", kind)
    return isinstance(kind, type) and issubclass(kind, Struct | list | tuple | dict | set | frozenset)


def _more(count: int) -> str:
    return ", ..." if count > _KEYS_SHOWN_MAX else ""
