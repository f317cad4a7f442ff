"""YAML and JSON text as values that know their line. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from actors.importing.draft import Place, Source, Unreadable
from actors.settings.faults import Fault
from actors.settings.tree import Items, Scalar, Table, Tree, decimal, truth, whole
from actors.settings.yaml12 import read_yaml

_JS_COMMENT: Final = re.compile(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/|,(?=\s*[\]}])', re.DOTALL)


def read_tree(source: Source) -> Table:
    """Read YAML.

    Raises: Unreadable.
    """
    faults: list[Fault] = []
    tree = read_yaml(source.text, source.file, faults)
    if faults:
        raise Unreadable(str(faults[0]))
    if isinstance(tree, Items):
        return Table({"apps": tree}, tree.origin)
    if not isinstance(tree, Table):
        raise Unreadable(f"{source.file}: is no mapping")
    return tree


def read_json(source: Source) -> Table:
    """Read JSON, with comments and commas too many as JavaScript has them: a flow of YAML once these are taken out.

    Raises: Unreadable.
    """
    text = _JS_COMMENT.sub(lambda found: found[1] or "\n" * found[0].count("\n"), source.text)
    return read_tree(Source(source.file, text.replace("\t", " ").removeprefix("\ufeff")))


def plain(tree: Tree | None) -> Any:
    """The value as JSON has it; a number as a number, a text as a text."""
    if isinstance(tree, Table):
        return {key: plain(value) for key, value in tree.entries.items()}
    if isinstance(tree, Items):
        return [plain(item) for item in tree.items]
    if tree is None:
        return None
    kind = tree.kind()
    if kind == "bool":
        return truth(tree.text)
    if kind == "int":
        return whole(tree.text)
    return {"null": None, "float": decimal(tree.text) if kind == "float" else None}.get(kind, tree.text)


def texts(tree: Tree | None) -> list[str]:
    """The texts of a list, or the one text."""
    if isinstance(tree, Items):
        return [item.text for item in tree.items if isinstance(item, Scalar)]
    return [tree.text] if isinstance(tree, Scalar) else []


def entries(tree: Tree | None, path: str) -> Iterator[tuple[str, Tree, Place]]:
    """The entries of a mapping with their places. path: dotted, of the mapping."""
    if isinstance(tree, Table):
        for key, value in tree.entries.items():
            yield key, value, Place(value.origin.file, value.origin.line, f"{path}.{key}" if path else key)
