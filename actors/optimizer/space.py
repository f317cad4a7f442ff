"""The settings that may be tried, and how far apart two of them are. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Point = tuple[Any, ...]
"""The values of a setting, in the order of the names."""


class Space:
    """Named knobs with their ranges. kinds: name -> ("int"|"float", low, high, log) or ("cat", [choices]).

    Numbers are also known by their place in the range, from 0 to 1, in the logarithm when so declared. Raises
    ValueError for a range that is none.
    """

    def __init__(self, kinds: Mapping[str, Sequence[Any]]) -> None:
        self.names = tuple(kinds)
        self._kinds = tuple(tuple(kind) for kind in kinds.values())
        for name, kind in zip(self.names, self._kinds, strict=True):
            _check(name, kind)

    @property
    def numbers(self) -> list[int]:
        """The indices of knobs with more than one number to choose from."""
        return [at for at, kind in enumerate(self._kinds) if kind[0] != "cat" and kind[1] < kind[2]]

    def choices(self, at: int) -> Sequence[Any]:
        """What a knob that is no number may be; nothing for a number."""
        return tuple(self._kinds[at][1]) if self._kinds[at][0] == "cat" else ()

    def point(self, config: Mapping[str, Any]) -> Point:
        """The values of a setting. Raises KeyError when one is missing."""
        return tuple(config[name] for name in self.names)

    def config(self, point: Point) -> dict[str, Any]:
        """A setting by names."""
        return dict(zip(self.names, point, strict=True))

    def moved(self, point: Point, by: Mapping[int, float]) -> Point:
        """The point after knobs went by a part of their range; at least to the next integer, and never beyond."""
        values = list(point)
        for at, part in by.items():
            values[at] = self._moved(self._kinds[at], values[at], part)
        return tuple(values)

    def chosen(self, point: Point, at: int, choice: Any) -> Point:
        """The point with one value replaced."""
        return (*point[:at], choice, *point[at + 1 :])

    def beyond(self, point: Point, others: Iterable[Point], start: Point) -> bool:
        """Whether the way from start to the point goes as far as to one of the others, in all by which that differs."""
        return any(self._reaches(point, other, start) for other in others)

    def _reaches(self, point: Point, other: Point, start: Point) -> bool:
        differs = False
        for kind, there, far, here in zip(self._kinds, point, other, start, strict=True):
            if far == here:
                continue
            differs = True
            if kind[0] == "cat":
                if there != far:
                    return False
            elif (far > here) != (there > here) or abs(there - here) < abs(far - here):
                return False
        return differs

    def _moved(self, kind: tuple[Any, ...], value: float, part: float) -> float:
        name, (low, high), log = kind[0], (float(kind[1]), float(kind[2])), kind[3]
        first, last = (math.log(low), math.log(high)) if log else (low, high)
        there = min(last, max(first, (math.log(value) if log else value) + part * (last - first)))
        found = math.exp(there) if log else there
        if name != "int":
            return min(high, max(low, found))
        whole = round(found)
        if whole == value and part:
            whole += int(math.copysign(1, part))
        return min(int(high), max(int(low), whole))


def _check(name: str, kind: tuple[Any, ...]) -> None:
    if kind[0] == "cat":
        fault = "" if kind[1] else "no choices"
    elif kind[0] not in ("int", "float"):
        fault = f"{kind[0]!r} is no kind; there are int, float and cat"
    elif kind[1] > kind[2]:
        fault = f"{kind[1]} is above {kind[2]}"
    else:
        fault = f"the logarithm of {kind[1]}" if kind[3] and kind[1] <= 0 else ""
    if fault:
        msg = f"{name}: {fault}"
        raise ValueError(msg)
