"""What is handed in, in the words of StatsD: NAME:VALUE|TYPE, one a line. Pure.

Source: the README of etsy/statsd; |@RATE is its sampling, and #TAGS of DogStatsD are left out.
"""

from __future__ import annotations

import math
from typing import Final, Literal

from msgspec import Struct

Kind = Literal["set", "shift", "add", "time"]
_TYPES: Final = {"c": "add", "g": "set", "ms": "time", "h": "time", "d": "time"}
_MS: Final = 1000.0
NAME_MAX: Final = 200


class Item(Struct, frozen=True):
    """One thing that was handed in.

    set: the value now. shift: the value now is this much more. add: so much was counted. time: one of
    several to average.
    """

    name: str
    kind: Kind
    value: float


def items_in(line: str) -> list[Item]:
    """The items of one line; several values of one name are several items. Milliseconds (ms) become seconds.

    Raises: ValueError that says what is wrong.
    """
    name, _, rest = line.strip().partition(":")
    values, *marks = rest.split("|")
    kind = _TYPES.get(marks[0]) if marks else None
    if not name or len(name) > NAME_MAX or kind is None:
        raise ValueError(f"{line[:60]!r} is no NAME:VALUE|TYPE with a type of {', '.join(_TYPES)}")
    share = next((_number(mark[1:], line) for mark in marks[1:] if mark.startswith("@")), 1.0)
    if not 0 < share <= 1:
        raise ValueError(f"{line[:60]!r} has a sampling rate that is not within 0 and 1")
    return [_item(name, marks[0], text, share, line) for text in values.split(":")]


def _item(name: str, mark: str, text: str, share: float, line: str) -> Item:
    value = _number(text, line)
    if mark == "c":
        return Item(name, "add", value / share)
    if mark == "g":
        return Item(name, "shift" if text[0] in "+-" else "set", value)
    return Item(name, "time", value / _MS if mark == "ms" else value)


def _number(text: str, line: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or "_" in text:
        raise ValueError(f"{line[:60]!r}: {text[:20]!r} is no finite number")
    return value
