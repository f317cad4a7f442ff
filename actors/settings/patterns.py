"""Patterns of keys: literal text with holes, `{name}` or `{name:%Y-%m-%d}`. Pure."""

from collections.abc import Callable
from string import Formatter
from typing import Final

from msgspec import Struct

PATTERN_ALLOWED: Final = "text with {name} or {name:%Y-%m-%d}; {{ and }} for braces"


class Hole(Struct, frozen=True):
    """A place in a pattern. form: how a date is written there, as strftime has it; empty for other values."""

    name: str
    form: str = ""


Piece = str | Hole


def parse_pattern(text: str) -> list[Piece]:
    """Split a pattern into literal texts, never empty, and holes.

    Raises: ValueError.
    """
    pieces: list[Piece] = []
    try:
        for literal, name, form, conversion in Formatter().parse(text):
            if literal:
                pieces.append(literal)
            if name is None:
                continue
            if conversion is not None or not name.isidentifier():
                raise ValueError(f'"{{{name}}}" names nothing')  # noqa: TRY301 - reworded below, as the parser's own
            pieces.append(Hole(name, form or ""))
    except ValueError as error:
        raise ValueError(f'"{text}": {str(error).lower()}; allowed: {PATTERN_ALLOWED}') from None
    return pieces


def holes(pieces: list[Piece]) -> list[Hole]:
    """Give the holes, in order."""
    return [piece for piece in pieces if isinstance(piece, Hole)]


def fill(pieces: list[Piece], value: Callable[[Hole], str]) -> str:
    """Give the text with each hole replaced."""
    return "".join(piece if isinstance(piece, str) else value(piece) for piece in pieces)
