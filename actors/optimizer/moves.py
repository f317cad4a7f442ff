"""What is tried next from where the search stands: one knob, then two together; on in a direction that helped. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any, Final

import msgspec

from actors.optimizer.space import Point, Space

STEP_FIRST: Final = 0.16
"""Part of a knob's range that is tried first."""
STEP_PAIR: Final = 0.07
"""The same of two knobs together, which are turned when each alone has brought all it can."""
STEP_MAX: Final = 0.25
STEP_MIN: Final = 0.04
GROWTH: Final = 1.6
"""By what a step that helped grows."""
SHRINK: Final = 2.5
"""By what a step that did not help is divided."""
ABYSS: Final = 0.2
"""A setting that costs more by this part is not tried again, nor what lies beyond it."""
SLOPE: Final = 0.3
"""Standard deviation of the change of cost over the whole range of a knob, as it is expected before it was turned."""

_UNTRIED, _CHOICE, _RENEWED, _BACK, _STEEPEST = 0.5, 0.3, 0.2, 0.05, 10.0
"""How promising a move is: one not tried, a choice, one tried elsewhere, back, and all knobs down the slope."""


class Move(msgspec.Struct, eq=False):
    """A direction: knob -> -1 to 1, times step; or the choice of a knob. hope: the most promising is tried first."""

    signs: Mapping[int, float]
    hope: float
    step: float = STEP_FIRST
    choice: Any = None
    gone: bool = False


class Moves:
    """Keeps the directions, and which of them is worth a try. seed: of the order of those that promise as much."""

    def __init__(self, space: Space, seed: int) -> None:
        self._space = space
        self._seed = seed
        singles = [Move({knob: sign}, _UNTRIED) for knob in space.numbers for sign in (1.0, -1.0)]
        self._singles = _mixed(singles, seed)
        self._choices = [
            Move({knob: 0.0}, _CHOICE, choice=choice)
            for knob in range(len(space.names))
            for choice in space.choices(knob)
        ]
        self._together: list[Move] | None = None
        self._tried: set[Point] = set()
        self._abysses: list[Point] = []
        self._slopes = dict.fromkeys(space.numbers, (0.0, SLOPE ** (-2)))

    def next(self, here: Point) -> tuple[Move, Point] | None:
        """The move to try from a point and where it leads, or None when nothing is left to try."""
        while True:
            left = [move for move in self._singles + self._choices if not move.gone]
            if not left:
                if self._together is None:
                    self._together = self._combined()
                left = [move for move in self._together if not move.gone]
            if not left:
                return None
            move = max(left, key=lambda one: one.hope)
            there = self._there(move, here)
            if there != here and there not in self._tried and not self._space.beyond(there, self._abysses, here):
                return move, there
            self._shorten(move)

    def learnt(self, move: Move, apart: float, variance: float) -> None:
        """What turning one knob changed, whatever the verdict: the slopes of all tell where to go together."""
        if len(move.signs) > 1 or move.choice is not None:
            return
        ((knob, sign),) = move.signs.items()
        (mean, weight), by = self._slopes[knob], sign * move.step
        more = by**2 / variance
        self._slopes[knob] = ((mean * weight + apart / by * more) / (weight + more), weight + more)

    def helped(self, move: Move, gain: float) -> None:
        """It was better: on in this direction, and further; what failed before may help from here."""
        self._tried.clear()
        self._together = [move] if len(move.signs) > 1 else None
        move.hope, move.gone = 1.0 + gain, move.choice is not None
        for other in self._singles:
            if other.signs.keys() == move.signs.keys() and other is not move:
                other.hope, other.step, other.gone = _BACK, move.step / 2, False
            else:
                other.hope, other.gone = max(other.hope, _RENEWED), False
        move.step = min(STEP_MAX, move.step * GROWTH)

    def failed(self, move: Move, there: Point, worse: float) -> None:
        """It was no better: shorter next time, and the other way first. worse: by this part."""
        self._tried.add(there)
        if worse > ABYSS:
            self._abysses.append(there)
        self._shorten(move)
        back = {knob: -sign for knob, sign in move.signs.items()}
        for other in self._singles:
            if other.signs == back:
                other.hope = max(other.hope, _UNTRIED + worse)

    def again(self) -> None:
        """Begin afresh with short steps: what is best may have changed."""
        self._tried.clear()
        self._together = None
        for move in self._singles:
            move.gone, move.step, move.hope = False, STEP_FIRST / 2, _UNTRIED

    def _there(self, move: Move, here: Point) -> Point:
        if move.choice is not None:
            (knob,) = move.signs
            return self._space.chosen(here, knob, move.choice)
        return self._space.moved(here, {knob: sign * move.step for knob, sign in move.signs.items()})

    def _shorten(self, move: Move) -> None:
        move.step /= SHRINK
        move.hope /= SHRINK
        move.gone = move.choice is not None or move.step < STEP_MIN

    def _combined(self) -> list[Move]:
        """All knobs down the slope as far as that is known, then every two of them."""
        down = {knob: -slope for knob, (slope, _) in self._slopes.items()}
        moves = [
            Move({one: sign, other: turn}, sign * down[one] + turn * down[other], STEP_PAIR)
            for one, other in combinations(down, 2)
            for sign in (1.0, -1.0)
            for turn in (1.0, -1.0)
        ]
        moves = _mixed(moves, self._seed)
        steepest = max(map(abs, down.values()), default=0.0)
        if len(down) > 2 and steepest:  # noqa: PLR2004 - of two, all together is a pair
            moves.append(Move({knob: slope / steepest for knob, slope in down.items()}, _STEEPEST))
        return moves


def _mixed(moves: list[Move], seed: int) -> list[Move]:
    """The same in another order, by the seed."""
    turn = 2 * abs(seed) + 1
    keys = {id(move): (number + 1) * turn * 40503 % 65521 for number, move in enumerate(moves)}
    return sorted(moves, key=lambda move: keys[id(move)])
