"""Reads files of NAME=value lines, and puts values in the place of ${NAME}. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_LINE: Final = re.compile(
    r"""\s*(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_.-]*)\s*=[^\S\n]*
    (?:'(?P<single>[^']*)'|"(?P<double>(?:\\.|[^"\\])*)"|(?P<bare>[^\n]*?))
    [^\S\n]*(?:(?<=\s)\#[^\n]*|(?<=['"])\#[^\n]*)?(?:\n|$)""",
    re.VERBOSE,
)
_EMPTY: Final = re.compile(r"\s*(?:#[^\n]*)?(?:\n|$)")
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED: Final = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$", "\n": ""}
_PLACE: Final = re.compile(r"\$\$\{|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}")


def parse_dotenv(text: str) -> list[tuple[str, str, bool]]:
    """Give the entries of a file in order: name, value, and whether ${NAME} is replaced (not in single quotes).

    A value may be bare, with a comment after a blank; 'as it is', over lines; or "with escapes", over lines.
    Raises: ValueError with the line at fault.
    """
    found: list[tuple[str, str, bool]] = []
    at, text = 0, text.removeprefix("\ufeff").replace("\r\n", "\n")
    while at < len(text):
        empty = _EMPTY.match(text, at)
        if empty is not None and empty.end() > at:
            at = empty.end()
            continue
        match = _LINE.match(text, at)
        if match is None or _is_torn(match["bare"]):
            start = at + len(text[at:]) - len(text[at:].lstrip())
            line = text[start:].partition("\n")[0]
            name = line.partition("=")[0].strip()[:40]
            raise ValueError(f'line {text.count(chr(10), 0, start) + 1} ("{name}...") is no NAME=value')
        found.append((match["name"], _value(match), match["single"] is None))
        at = match.end()
    return found


def _is_torn(bare: str | None) -> bool:
    """Tell whether a quote was opened and not closed."""
    return bare is not None and bare[:1] in ("'", '"')


def _value(match: re.Match[str]) -> str:
    if match["single"] is not None:
        return match["single"]
    if match["double"] is not None:
        return _ESCAPE.sub(lambda one: _ESCAPED.get(one[1], one[0]), match["double"])
    return match["bare"] or ""


def expand(text: str, known: Mapping[str, str]) -> str:
    """Replace ${NAME} and ${NAME:-default} (also for an empty NAME); $${ is a plain ${.

    Raises: ValueError that names a variable which is not set and has no default.
    """

    def replaced(match: re.Match[str]) -> str:
        name, default = match["name"], match["default"]
        if name is None:
            return "${"
        value = known.get(name)
        if default is not None:
            return value or default
        if value is None:
            raise ValueError(f"variable {name} is not set")
        return value

    return _PLACE.sub(replaced, text) if "${" in text else text
