"""Changes to Python source against two kinds of failure: a name that is not imported, a key that is not there. Pure.

The change keeps everything else as it is written; what comes of it is parsed and compiled.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from msgspec import Struct

if TYPE_CHECKING:
    import libcst as cst

_FRAME: Final = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+)')
_NAME: Final = re.compile(r"NameError: (?:global )?name '(?P<name>\w+)' is not defined")
_KEY: Final = re.compile(r"KeyError: (?P<key>'[^'\n]*'|\"[^\"\n]*\"|-?\d+)\s*(?:$|\n)", re.MULTILINE)
_FROM: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Path": "pathlib", "PurePath": "pathlib", "defaultdict": "collections", "Counter": "collections",
        "OrderedDict": "collections", "deque": "collections", "namedtuple": "collections", "timedelta": "datetime",
        "timezone": "datetime", "dataclass": "dataclasses", "partial": "functools", "lru_cache": "functools",
        "reduce": "functools", "wraps": "functools", "contextmanager": "contextlib", "suppress": "contextlib",
        "chain": "itertools", "Any": "typing", "Optional": "typing", "Callable": "collections.abc", "Enum": "enum",
        "Decimal": "decimal", "ThreadPoolExecutor": "concurrent.futures", "urlparse": "urllib.parse",
        "urlopen": "urllib.request", "deepcopy": "copy", "sleep": "time",
    }
)  # fmt: skip
"""Names of the standard library that are mostly imported by themselves."""


class NoPatch(Exception):
    """None can be made; says why."""


class Failure(Struct, frozen=True):
    """What a patch would be against: a name that is not defined, or a key (as it is written) that is not there.

    frames: file and line of each frame, the innermost first.
    """

    frames: list[tuple[str, int]]
    name: str = ""
    key: str = ""


class Patch(Struct, frozen=True):
    """The new source. says: what was changed."""

    says: str
    source: str


def failure_in(trace: str) -> Failure | None:
    """The last such failure that a text tells, with the frames before it."""
    found = [*_NAME.finditer(trace), *_KEY.finditer(trace)]
    if not found:
        return None
    last = max(found, key=lambda match: match.start())
    frames = [(match["file"], int(match["line"])) for match in _FRAME.finditer(trace, 0, last.start())]
    told = last.groupdict()
    return Failure(frames[::-1], name=told.get("name") or "", key=told.get("key") or "")


def patched(source: str, failure: Failure, line: int, modules: frozenset[str]) -> Patch:
    """The source with the change. line: where it failed. modules: names beside the standard library's.

    Raises: NoPatch, ImportError when LibCST is not installed.
    """
    patch = _with_import(source, failure.name, modules) if failure.name else _with_get(source, failure.key, line)
    try:
        compile(patch.source, "<patch>", "exec")
    except (SyntaxError, ValueError) as error:
        raise NoPatch(f"what came of it does not compile: {error}") from None
    return patch


def _with_import(source: str, name: str, modules: frozenset[str]) -> Patch:
    from libcst.codemod import CodemodContext  # noqa: PLC0415 - takes long to import, and is optional
    from libcst.codemod.visitors import AddImportsVisitor  # noqa: PLC0415

    context, tree = CodemodContext(), _parsed(source)
    if name == "datetime":
        whole = re.search(r"\bdatetime\.(?:datetime|timedelta|date|timezone)\b", source) is not None
        module, thing = "datetime", None if whole else name
    elif name in _FROM:
        module, thing = _FROM[name], name
    elif name in sys.stdlib_module_names or name in modules:
        module, thing = name, None
    else:
        raise NoPatch(f"no module is known that {name} comes from")
    AddImportsVisitor.add_needed_import(context, module, thing)
    says = f"import {module}" if thing is None else f"from {module} import {thing}"
    return Patch(f"add `{says}`", AddImportsVisitor(context).transform_module(tree).code)


def _with_get(source: str, key: str, line: int) -> Patch:
    import libcst as cst  # noqa: PLC0415 - takes long to import, and is optional
    from libcst import metadata  # noqa: PLC0415

    wrapper = metadata.MetadataWrapper(_parsed(source))
    places = wrapper.resolve(metadata.PositionProvider)
    contexts = wrapper.resolve(metadata.ExpressionContextProvider)
    wanted = ast.literal_eval(key)
    found = [
        node
        for node, place in places.items()
        if isinstance(node, cst.Subscript)
        and place.start.line <= line <= place.end.line
        and contexts.get(node) is metadata.ExpressionContext.LOAD
        and _key_of(node) == wanted
    ]
    if len(found) != 1:
        raise NoPatch(f"line {line} reads key {key} {len(found)} times")
    node = found[0]
    index = node.slice[0].slice
    argument = cst.Arg(index.value) if isinstance(index, cst.Index) else cst.Arg(cst.parse_expression(key))
    call = cst.Call(func=cst.Attribute(value=node.value, attr=cst.Name("get")), args=[argument])
    changed = wrapper.module.deep_replace(node, call)
    return Patch(f"read {key} by .get()", changed.code if isinstance(changed, cst.Module) else source)


def _key_of(node: cst.Subscript) -> object:
    """The literal in the brackets; None when it is something else."""
    import libcst as cst  # noqa: PLC0415

    index = node.slice[0].slice if len(node.slice) == 1 else None
    if isinstance(index, cst.Index) and isinstance(index.value, cst.SimpleString | cst.Integer):
        return ast.literal_eval(index.value.value)
    return None


def _parsed(source: str) -> cst.Module:
    import libcst as cst  # noqa: PLC0415 - takes long to import, and is optional

    try:
        return cst.parse_module(source)
    except cst.ParserSyntaxError as error:
        raise NoPatch(f"it cannot be parsed: {error.message}") from None
