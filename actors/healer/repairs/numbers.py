"""Finds a number in the text of a configuration file and puts another in its place; all else stays as it is. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any, Final

_NUMBER: Final = re.compile(r"['\"]?(?P<number>[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)[A-Za-z%]*['\"]?")
_JSON: Final = json.JSONDecoder()
_SPACE: Final = re.compile(r"[ \t\r\n]*")
_SCALAR: Final = re.compile(r"[^\s,\]}]+")
_SECTION: Final = re.compile(r"\s*\[(?P<name>[^\]]*)\]\s*(?:[#;].*)?$")

Span = tuple[int, int]


def number_in(name: str, text: str, key: str) -> str:
    """The number under a key, as it is written. name: of the file. Raises: ValueError, also when there is none."""
    start, end = _place(name, text, key)
    return text[start:end]


def with_number(name: str, text: str, key: str, number: str) -> str:
    """The text with another number under a key. Raises: ValueError."""
    start, end = _place(name, text, key)
    return text[:start] + number + text[end:]


def _place(name: str, text: str, key: str) -> Span:
    """Where the digits are; quotes and units around them stay."""
    find = _FINDERS.get(PurePath(name).suffix.lower(), _in_lines)
    try:
        start, end = find(text, key)
    except (KeyError, IndexError):
        raise ValueError(f"{name} has no {key}") from None
    match = _NUMBER.fullmatch(text[start:end])
    if match is None:
        raise ValueError(f"{name}: {key} is no number: {text[start:end][:40]}")
    return start + match.start("number"), start + match.end("number")


def _in_json(text: str, key: str) -> Span:
    json.loads(text)
    spans: dict[str, Span] = {}
    _scan_json(text, 0, "", spans)
    return spans[key]


def _scan_json(text: str, at: int, path: str, spans: dict[str, Span]) -> int:
    """Note the span of every value beneath a place under its dotted key; gives where the value ends."""
    start = at = _skip(text, at)
    if text[at] == '"':
        at = _JSON.raw_decode(text, at)[1]
    elif text[at] in "{[":
        named, at, number = text[at] == "{", _skip(text, at + 1), 0
        while text[at] not in "}]":
            name = str(number)
            if named:
                name, at = _JSON.raw_decode(text, at)
                at = _skip(text, at) + 1
            at = _skip(text, _scan_json(text, at, f"{path}.{name}" if path else name, spans))
            at, number = (_skip(text, at + 1), number + 1) if text[at] == "," else (at, number)
        at += 1
    else:
        scalar = _SCALAR.match(text, at)
        at = scalar.end() if scalar else at + 1
    spans[path] = (start, at)
    return at


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _in_yaml(text: str, key: str) -> Span:
    import yaml  # noqa: PLC0415 - takes long to import, and few need it

    try:
        node: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise ValueError(f"no YAML: {error}") from None
    for name in key.split("."):
        if isinstance(node, yaml.MappingNode):
            node = {each.value: value for each, value in node.value}[name]
        elif isinstance(node, yaml.SequenceNode):
            node = node.value[int(name)]
        else:
            raise KeyError(key)
    if not isinstance(node, yaml.ScalarNode):
        raise KeyError(key)
    return node.start_mark.index, node.end_mark.index


def _in_toml(text: str, key: str) -> Span:
    """By its line: TOML has one value a line, but for tables in one line and lists over several."""
    import tomllib  # noqa: PLC0415

    value: Any = tomllib.loads(text)
    for name in key.split("."):
        value = value[name] if isinstance(value, Mapping) else value[int(name)]
    start, end = _in_lines(text, key)
    match = _NUMBER.fullmatch(text[start:end])
    if match is None or float(match["number"].replace("_", "")) != float(value):
        raise ValueError(f"{key} is written in a way that is not changed")
    return start, end


def _in_lines(text: str, key: str) -> Span:
    """`name = value` lines, also with `:`, beneath [sections]; a value ends before a comment."""
    section, _, name = key.rpartition(".")
    names = rf"(?:{re.escape(key)}|(?P<last>{re.escape(name)}))"
    line = re.compile(rf"\s*{names}\s*[=:]\s*(?P<value>[^#;\n]*?)\s*(?:[#;].*)?$")
    at, here = 0, ""
    for each in text.splitlines(keepends=True):
        head = _SECTION.match(each.rstrip("\r\n"))
        found = None if head else line.match(each.rstrip("\r\n"))
        if head:
            here = head["name"].strip()
        elif found and (found["last"] is None or here == section or not section):
            return at + found.start("value"), at + found.end("value")
        at += len(each)
    raise KeyError(key)


_FINDERS: Final = {".json": _in_json, ".yaml": _in_yaml, ".yml": _in_yaml, ".toml": _in_toml}
