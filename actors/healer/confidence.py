"""How sure the Healer is that a remedy is right, from six factors. Pure.

    chance     = (4 * clarity + helped + 2 * approved) / (4 + helped + failed + 2 * (approved + rejected))
    harm       = impact * (1 - reversible / 2)
    confidence = odds / (1 + odds), where odds = chance / (1 - chance) / (2 * harm)

chance is the probability that the remedy is verified: the mean of a beta distribution whose prior is how clearly the
failure calls for the remedy (worth four attempts), and whose data are earlier outcomes and what people said. helped and
failed are sums of weights: an outcome counts for less the less alike its failure was and the longer it is ago. With a
harm of 1/2 the confidence is the chance; what can spoil little needs less of a chance to be right, what can spoil much
needs more.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

import msgspec

PRIOR: Final = 4.0
"""Attempts that the clarity of the match is worth."""
WORD: Final = 2.0
"""Attempts that one approval or rejection is worth."""
EVIDENCE_MAX: Final = 20.0
"""Weight of all earlier attempts together, so that what became right or wrong is learnt again."""
HALF_LIFE_S: Final = 7 * 86400.0
"""Seconds after which an outcome counts for half."""
_SHIFT_HELD: Final = 5.0
"""Of 20 outcomes with the spread of an even chance, 1/4 each."""
_SLOPE_HELD: Final = 50.0
_SLOPE_MIN: Final = 0.1
_EDGE: Final = 0.02
_HARM_MIN: Final = 0.02


class Past(msgspec.Struct, frozen=True):
    """What is known from before: weights of attempts that helped and failed, and what people said."""

    helped: float = 0.0
    failed: float = 0.0
    approved: float = 0.0
    rejected: float = 0.0


class Factors(msgspec.Struct, frozen=True, kw_only=True):
    """What the confidence is made of.

    clarity: how plainly the failure calls for the remedy. past: earlier outcomes, recent and alike ones before others,
    and approvals. reversible: how far it can be taken back. impact: what it reaches that is well. All from 0 to 1.
    """

    clarity: float
    past: Past = Past()
    reversible: float
    impact: float


class Confidence(msgspec.Struct, frozen=True, kw_only=True):
    """value: how right it is to act. chance: the probability that it helps. From 0 to 1."""

    value: float
    chance: float
    factors: Factors

    @property
    def reversible(self) -> bool:
        """Whether more than half of what it does can be taken back."""
        return self.factors.reversible >= 0.5  # noqa: PLR2004 - half

    def says(self) -> str:
        """In one line, for people."""
        factors, past = self.factors, self.factors.past
        words = f", said of it {past.approved:.1f} yes {past.rejected:.1f} no" if past.approved or past.rejected else ""
        return (
            f"confidence {self.value:.2f} (chance {self.chance:.2f}: clarity {factors.clarity:.2f},"
            f" helped {past.helped:.1f}, failed {past.failed:.1f}{words};"
            f" reversible {factors.reversible:.2f}, impact {factors.impact:.2f})"
        )


class Calibration(msgspec.Struct, frozen=True):
    """What was learnt of former chances: the true one is logistic(slope * logit + shift)."""

    slope: float = 1.0
    shift: float = 0.0

    def of(self, chance: float) -> float:
        """The chance as outcomes showed it to be."""
        return _logistic(self.slope * _logit(chance) + self.shift)


def weigh(factors: Factors, calibration: Calibration | None = None) -> Confidence:
    """The confidence that follows from the factors."""
    past = factors.past
    scale = min(1.0, EVIDENCE_MAX / max(past.helped + past.failed, 1e-9))
    helped, failed = past.helped * scale, past.failed * scale
    total = PRIOR + helped + failed + WORD * (past.approved + past.rejected)
    chance = _inside((PRIOR * factors.clarity + helped + WORD * past.approved) / total)
    if calibration is not None:
        chance = _inside(calibration.of(chance))
    harm = max(_HARM_MIN, factors.impact * (1.0 - factors.reversible / 2.0))
    odds = chance / (1.0 - chance) / (2.0 * harm)
    return Confidence(value=odds / (1.0 + odds), chance=chance, factors=factors)


def faded(age_s: float) -> float:
    """How much of an outcome still counts."""
    return float(0.5 ** (max(0.0, age_s) / HALF_LIFE_S))


def calibrated(pairs: Iterable[tuple[float, bool]]) -> Calibration:
    """How former chances have to be corrected. pairs: (chance as reckoned without correction, whether it helped).

    Logistic regression by Newton's method, held to no correction; the slope more than the shift, so that few outcomes
    do not turn the order of chances.
    Source: Platt 1999, with a prior in the place of his targets.
    """
    known = [(_logit(_inside(chance)), float(helped)) for chance, helped in pairs]
    slope, shift = 1.0, 0.0
    for _ in range(25):
        gradient_a, gradient_b = (slope - 1.0) * _SLOPE_HELD, shift * _SHIFT_HELD
        aa, ab, bb = _SLOPE_HELD, 0.0, _SHIFT_HELD
        for logit, helped in known:
            value = _logistic(slope * logit + shift)
            error, spread = value - helped, value * (1.0 - value)
            gradient_a, gradient_b = gradient_a + error * logit, gradient_b + error
            aa, ab, bb = aa + spread * logit * logit, ab + spread * logit, bb + spread
        determinant = aa * bb - ab * ab
        step_a = (bb * gradient_a - ab * gradient_b) / determinant
        step_b = (aa * gradient_b - ab * gradient_a) / determinant
        slope, shift = slope - step_a, shift - step_b
        if abs(step_a) + abs(step_b) < 1e-9:  # noqa: PLR2004 - it has converged
            break
    return Calibration(max(_SLOPE_MIN, slope), shift)


def brier(pairs: Iterable[tuple[float, bool]]) -> float:
    """Mean squared error of chances against outcomes; NaN without any. Source: Brier 1950."""
    errors = [(chance - helped) ** 2 for chance, helped in pairs]
    return sum(errors) / len(errors) if errors else math.nan


def _inside(chance: float) -> float:
    return min(1.0 - _EDGE, max(_EDGE, chance))


def _logit(chance: float) -> float:
    return math.log(chance / (1.0 - chance))


def _logistic(value: float) -> float:
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, value))))
