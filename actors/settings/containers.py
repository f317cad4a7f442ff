"""Readers of lists, mappings, choices and alternatives, made of the readers of what is in them. Pure."""

from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from typing import Final

from actors.settings.faults import suggest
from actors.settings.reading import BAD, Reader, Reading
from actors.settings.scalars import read_int, read_written, what
from actors.settings.tree import Items, Scalar, Table, Tree, truth
from actors.settings.units import shown

COMMAND_ALLOWED: Final = "a list of texts, or one text that is split as a shell would"
_CHOICES_SHOWN_MAX: Final = 12


def below(key: str, name: str) -> str:
    """Give the dotted key of an entry."""
    return f"{key}.{name}" if key else name


def list_reader(item: Reader, make: Callable[[Iterable[object]], object]) -> Reader:
    """Make the reader of a list; `make` turns the values into the container that is wanted."""

    def read(reading: Reading, tree: Tree, key: str) -> object:
        if not isinstance(tree, Items):
            return reading.refuse(tree, key, what(tree), "a list: [first, second]")
        values = [item(reading, each, f"{key}[{index}]") for index, each in enumerate(tree.items)]
        return BAD if any(value is BAD for value in values) else make(values)

    return read


def dict_reader(name: Reader, value: Reader) -> Reader:
    """Make the reader of a mapping whose keys are not known in advance."""

    def read(reading: Reading, tree: Tree, key: str) -> object:
        if not isinstance(tree, Table):
            return reading.refuse(tree, key, what(tree), "a mapping: {name: value}")
        found: dict[object, object] = {}
        whole = True
        for text, each in tree.entries.items():
            path = below(key, text)
            reading.origins[path] = each.origin
            # The name goes through the reader of names as a text of its own, so that it gets its own fault.
            named = name(reading, Scalar(text, plain=False, origin=each.origin), path)
            valued = value(reading, each, path)
            if named is BAD or valued is BAD:
                whole = False
            else:
                found[named] = valued
        return found if whole else BAD

    return read


def optional_reader(inner: Reader) -> Reader:
    """Make the reader of something that may be null."""

    def read(reading: Reading, tree: Tree, key: str) -> object:
        if isinstance(tree, Scalar) and tree.is_null():
            return None
        return inner(reading, tree, key)

    return read


def choice_reader(values: Sequence[object]) -> Reader:
    """Make the reader of a Literal."""
    texts = {value: value for value in values if isinstance(value, str)}
    words = [str(value).lower() if isinstance(value, bool) else str(value) for value in values if value is not None]

    def read(reading: Reading, tree: Tree, key: str) -> object:
        if not isinstance(tree, Scalar):
            return reading.refuse(tree, key, what(tree), ", ".join(words))
        if tree.text in texts:
            return tree.text
        for value in values:
            if _is_written(value, tree):
                return value
        if tree.is_null():
            return reading.refuse(tree, key, "is empty", ", ".join(words))
        listed = ", ".join(words)
        guess = suggest(tree.text, words) if len(words) > _CHOICES_SHOWN_MAX else listed
        return reading.refuse(tree, key, f"{shown(tree.text)} is unknown", guess)

    return read


def enum_reader(kind: type[Enum]) -> Reader:
    """Make the reader of an Enum, by its values."""
    members: dict[object, Enum] = {member.value: member for member in kind}
    choice = choice_reader(list(members))

    def read(reading: Reading, tree: Tree, key: str) -> object:
        value = choice(reading, tree, key)
        return BAD if value is BAD else members[value]

    return read


def command_reader(reading: Reading, tree: Tree, key: str) -> object:
    """Read a command: a list whose numbers are taken as written, or one text."""
    if isinstance(tree, Items):
        words = [read_written(reading, each, f"{key}[{index}]") for index, each in enumerate(tree.items)]
        return BAD if BAD in words else words
    if not isinstance(tree, Scalar) or (tree.is_null() and not tree.loose):
        return reading.refuse(tree, key, what(tree), COMMAND_ALLOWED)
    import shlex  # noqa: PLC0415 - most commands are lists

    try:
        return shlex.split(tree.text)
    except ValueError as error:
        return reading.refuse(tree, key, f"cannot be split: {str(error).lower()}", COMMAND_ALLOWED)


def names_reader(mapping: Reader, value: str) -> Reader:
    """Make the reader of a mapping that may also be one name or a list of names, each with the same value."""

    def read(reading: Reading, tree: Tree, key: str) -> object:
        items = tree.items if isinstance(tree, Items) else [tree] if isinstance(tree, Scalar) else None
        if items is None:
            return mapping(reading, tree, key)
        table: dict[str, Tree] = {}
        for index, each in enumerate(items):
            if not isinstance(each, Scalar) or each.is_null():
                return reading.refuse(each, f"{key}[{index}]", what(each), "a name, a list of names or {name: value}")
            table[each.text] = Scalar(value, plain=False, origin=each.origin)
        return mapping(reading, Table(table, tree.origin), key)

    return read


def union_reader(alternatives: Sequence[Reader]) -> Reader:
    """Make the reader of a choice of types: the first that takes the tree as it is."""

    def read(reading: Reading, tree: Tree, key: str) -> object:
        allowed: list[str] = []
        for alternative in alternatives:
            trial = Reading()
            value = alternative(trial, tree, key)
            if value is not BAD:
                reading.origins.update(trial.origins)
                return value
            deep = [fault for fault in trial.faults if fault.key not in {key, tree.origin.variable}]
            if deep:
                # The shape was right and something inside was not: that is what the operator meant to write.
                reading.faults.extend(trial.faults)
                return BAD
            allowed += [fault.allowed for fault in trial.faults]
        return reading.refuse(tree, key, what(tree), " or ".join(dict.fromkeys(filter(None, allowed))))

    return read


def _is_written(value: object, tree: Scalar) -> bool:
    """Tell whether a value of a Literal that is no text is what was written."""
    if value is None:
        return tree.is_null()
    if isinstance(value, bool):
        return tree.plain and truth(tree.text) is value
    return isinstance(value, int) and tree.kind() == "int" and read_int(Reading(), tree, "") == value
