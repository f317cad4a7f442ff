"""Readers of single values. Pure."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from actors.settings.reading import BAD, Reader, Reading
from actors.settings.tree import Items, Kind, Scalar, Table, Tree, decimal, truth, whole
from actors.settings.units import (
    DURATIONS_ALLOWED,
    LEVELS_ALLOWED,
    SHARES_ALLOWED,
    SIZES_ALLOWED,
    Bytes,
    Level,
    Seconds,
    Share,
    UnitError,
    shown,
)

INT_MAX: Final = 2**63 - 1
TEXT: Final = "a text"
WHOLE: Final = "a whole number"
NUMBER: Final = "a number"
TRUTH: Final = "true or false"

_KINDS: Final[Mapping[Kind, str]] = {
    "null": "nothing",
    "bool": "true or false",
    "int": "a number",
    "float": "a number",
    "str": "a text",
}


def what(tree: Tree) -> str:
    """Say what was written."""
    if isinstance(tree, Table):
        return "this is a mapping"
    if isinstance(tree, Items):
        return "this is a list"
    if tree.is_null():
        return "is empty"
    return f"{shown(tree.text)} is {_KINDS[tree.kind()]}"


def read_text(reading: Reading, tree: Tree, key: str) -> object:
    """Read a text; a bare number or boolean is refused, as its quotes may have been forgotten."""
    if isinstance(tree, Scalar):
        if not tree.plain or tree.loose or tree.kind() == "str":
            return tree.text
        if not tree.is_null():
            return reading.refuse(tree, key, what(tree), f'a text, in quotes: "{tree.text}"')
    return reading.refuse(tree, key, what(tree), TEXT)


def read_written(reading: Reading, tree: Tree, key: str) -> object:
    """Read a text; numbers and booleans are taken as they were written."""
    if isinstance(tree, Scalar) and (tree.loose or not tree.is_null()):
        return tree.text
    allowed = 'a text or a number; "" for an empty one' if isinstance(tree, Scalar) else "a text or a number"
    return reading.refuse(tree, key, what(tree), allowed)


def read_int(reading: Reading, tree: Tree, key: str) -> object:
    """Read a whole number of at most 64 bits."""
    if not isinstance(tree, Scalar) or tree.kind() != "int":
        return reading.refuse(tree, key, what(tree), WHOLE)
    number = whole(tree.text)
    if number is None or abs(number) > INT_MAX:
        return reading.refuse(tree, key, f"{shown(tree.text)} is too large", f"{WHOLE} of at most 64 bits")
    return number


def read_float(reading: Reading, tree: Tree, key: str) -> object:
    """Read a finite number."""
    if not isinstance(tree, Scalar) or tree.kind() not in {"int", "float"}:
        return reading.refuse(tree, key, what(tree), NUMBER)
    number = decimal(tree.text)
    if not math.isfinite(number):
        return reading.refuse(tree, key, f"{shown(tree.text)} is not finite", NUMBER)
    return number


def read_bool(reading: Reading, tree: Tree, key: str) -> object:
    """Read true or false; yes, no, on and off are texts in YAML 1.2."""
    value = truth(tree.text) if isinstance(tree, Scalar) and tree.plain else None
    return reading.refuse(tree, key, what(tree), TRUTH) if value is None else value


def read_path(reading: Reading, tree: Tree, key: str) -> object:
    """Read a path; it stays relative when it is."""
    text = read_text(reading, tree, key)
    if text == "" or (isinstance(text, str) and "\0" in text):
        return reading.refuse(tree, key, "is no path", "a path")
    return Path(text) if isinstance(text, str) else BAD


def read_config_path(reading: Reading, tree: Tree, key: str) -> object:
    """Read a path that starts from the directory of the config file."""
    path = read_path(reading, tree, key)
    return str(reading.root / path if reading.root is not None else path) if isinstance(path, Path) else BAD


def read_null(reading: Reading, tree: Tree, key: str) -> object:
    """Read nothing."""
    if isinstance(tree, Scalar) and tree.is_null():
        return None
    return reading.refuse(tree, key, what(tree), "null")


def read_any(reading: Reading, tree: Tree, key: str) -> object:
    """Read whatever was written, as plain Python values."""
    if isinstance(tree, Table):
        entries = {name: read_any(reading, each, f"{key}.{name}") for name, each in tree.entries.items()}
        return BAD if BAD in entries.values() else entries
    if isinstance(tree, Items):
        items = [read_any(reading, each, f"{key}[{index}]") for index, each in enumerate(tree.items)]
        return BAD if BAD in items else items
    kind = tree.kind()
    if kind == "null":
        return None
    if kind == "bool":
        return truth(tree.text)
    if kind == "int":
        return read_int(reading, tree, key)
    return read_float(reading, tree, key) if kind == "float" else tree.text


def quantity(parse: Callable[[str], object], allowed: str) -> Reader:
    """Make the reader of a number with a unit."""
    parsed: dict[str, object] = {}

    def read(reading: Reading, tree: Tree, key: str) -> object:
        if not isinstance(tree, Scalar) or tree.is_null():
            return reading.refuse(tree, key, what(tree), allowed)
        known = parsed.get(tree.text)
        if known is not None:
            return known
        try:
            value = parse(tree.text)
        except UnitError as error:
            return reading.refuse(tree, key, error.problem, error.allowed)
        if len(parsed) < _REMEMBERED_MAX:
            parsed[tree.text] = value
        return value

    return read


_REMEMBERED_MAX: Final = 256
"""Texts of quantities that are remembered for each type: most configs say 30s a hundred times."""

QUANTITIES: Final[Mapping[object, Reader]] = {
    Seconds: quantity(Seconds.parse, DURATIONS_ALLOWED),
    Bytes: quantity(Bytes.parse, SIZES_ALLOWED),
    Share: quantity(Share.parse, SHARES_ALLOWED),
    Level: quantity(Level.parse, LEVELS_ALLOWED),
}
