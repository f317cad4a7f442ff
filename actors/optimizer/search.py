"""Searches for settings that serve better, when every window of the search is production. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from actors.optimizer.moves import Move, Moves
from actors.optimizer.pairs import Noise, Pairs, Verdict
from actors.optimizer.space import Space

REST: Final = 16
"""Windows at rest between two comparisons of what was adopted with the default."""
AGAIN_EVERY: Final = 3
"""Rests after which the search is taken up again."""
PRIOR_CHOICE: Final = 0.12
"""Standard deviation of the difference that another choice is expected to make, and the default."""
PRIOR_STEP: Final = 0.75
PRIOR_MIN: Final = 0.04
"""The same of a step, times its part of the range; at least."""


class Tuner:
    """Proposes the setting of the next window, and learns from what that window cost.

    space: name -> ("int"|"float", low, high, log) or ("cat", [choices]). default: the setting in force before. seed: of
    the order in which it tries. Costs are positive, lower is better; what counts is by which part they differ. A
    candidate is served in turns with what it is compared to, so that a load that changes slowly is no difference.
    What was adopted is compared with the default from time to time, and given up when it does not help any more.
    Raises ValueError for a range that is none, KeyError for a default that lacks a knob.
    """

    def __init__(self, space: Mapping[str, Sequence[Any]], default: Mapping[str, Any], seed: int) -> None:
        self._space = Space(space)
        self._default = self._best = self._candidate = self._serving = self._space.point(default)
        self._moves = Moves(self._space, seed)
        self._noise = Noise()
        self._pairs: Pairs | None = None
        self._move: Move | None = None
        self._rest = self._rests = 0
        self._checked = False

    def ask(self) -> dict[str, Any]:
        """The setting to serve in the next window."""
        if self._pairs is None and not self._rest:
            self._begin()
        return self._space.config(self._serving)

    def tell(self, config: Mapping[str, Any], value: float) -> None:
        """What a window cost under a setting; one that was not asked for teaches nothing.

        Raises ValueError for a cost that is not above 0.
        """
        if not 0 < value < math.inf:
            msg = f"a cost has to be above 0 and finite, {value} is not"
            raise ValueError(msg)
        if self._space.point(config) != self._serving:
            return
        if self._pairs is None:
            self._rest = max(0, self._rest - 1)
            return
        if self._serving == self._candidate:
            verdict = self._pairs.candidate(math.log(value))
            self._serving = self._best
        else:
            verdict = self._pairs.incumbent(math.log(value))
            self._serving = self._candidate
        if verdict:
            self._end(self._pairs, verdict)

    def best(self) -> dict[str, Any]:
        """What is worth keeping; the default when nothing proved better."""
        return self._space.config(self._best)

    def _begin(self) -> None:
        """Take up the next comparison, or rest."""
        self._serving = self._best
        found = self._moves.next(self._best)
        if found is not None:
            self._move, self._candidate = found
            wide = PRIOR_CHOICE if self._move.choice is not None else PRIOR_STEP * self._move.step
            self._pairs = Pairs(self._noise, max(PRIOR_MIN, wide))
        elif self._rests and self._best != self._default and not self._checked:
            self._move, self._candidate, self._checked = None, self._default, True
            self._pairs = Pairs(self._noise, PRIOR_CHOICE)
        else:
            self._rest, self._checked = REST, False
            self._rests += 1
            if self._rests % AGAIN_EVERY == 0:
                self._moves.again()

    def _end(self, pairs: Pairs, verdict: Verdict) -> None:
        apart, _ = pairs.apart()
        measured = pairs.measured()
        self._pairs = None
        if self._move is not None and measured is not None:
            self._moves.learnt(self._move, *measured)
        if verdict == "better":
            self._best = self._candidate
            if self._move is None:
                self._moves.again()
            else:
                self._moves.helped(self._move, -apart)
        elif self._move is not None:
            self._moves.failed(self._move, self._candidate, max(0.0, apart))
        self._serving = self._best
