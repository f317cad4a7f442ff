"""What stands beneath each field of a settings type, read from the source of its module."""

import ast
import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise
from types import MappingProxyType

from msgspec import Struct, structs


@cache
def field_docs(kind: type[Struct]) -> Mapping[str, str]:
    """Give key -> text of its docstring, also of inherited fields; a type whose source is not there has none."""
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if issubclass(base, Struct) and base is not Struct:
            found |= _documented(base)
    names = {field.name: field.encode_name for field in structs.fields(kind)}
    return MappingProxyType({names[name]: text for name, text in found.items() if name in names})


def _documented(kind: type) -> Mapping[str, str]:
    return _classes(kind.__module__).get(kind.__name__, {})


@cache
def _classes(module: str) -> dict[str, dict[str, str]]:
    """Give name of each class of a module -> its attributes with what stands beneath each."""
    try:
        tree = ast.parse(inspect.getsource(sys.modules[module]))
    except (KeyError, OSError, TypeError, SyntaxError):
        return {}
    return {node.name: dict(_beneath(node)) for node in tree.body if isinstance(node, ast.ClassDef)}


def _beneath(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for field, below in pairwise(node.body):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
            and isinstance(below.value.value, str)
        ):
            yield field.target.id, for_people(below.value.value)


def for_people(text: str) -> str:
    """One paragraph, in the words of a config file: null for None."""
    return re.sub(r"\bNone\b(?=[:;,.)]| only| when| and|$)", "null", " ".join(text.split()))
