"""Compares two settings that are served in turns, and stops as soon as it is plain. Pure.

Costs are compared by their logarithms. A window of the candidate is held against the windows of the incumbent before
and after it, so that a slow change of the load falls out. Before anything is measured the two are expected to differ
little: a normal prior about 0, which keeps chance from looking like a gain when it is looked at after every window. The
more comparisons there were, the surer it has to be.
"""

from __future__ import annotations

import math
from itertools import pairwise
from statistics import NormalDist
from typing import Final, Literal

Verdict = Literal["", "better", "no better"]

UNSURE: Final = 0.03
"""The chance of being no better at which the first candidate is taken."""
UNSURE_TESTS: Final = 16.0
"""Comparisons after which that chance has to be half as large."""
HOPELESS: Final = 0.2
"""Below this chance of being better by GAIN_MIN a candidate is given up."""
GAIN_MIN: Final = 0.02
"""The part of the cost that a change has to save, or it is none."""
PAIRS_MAX: Final = 14
OUTLIER: Final = 3.0
"""Standard deviations beyond which a window counts no further."""
SHOCK: Final = 4.0
"""Standard deviations by which one window alone ends a comparison."""
_NOISE_FIRST: Final = 0.07
_NOISE_WEIGHT: Final = 4.0
"""What the noise is taken for before it was seen, and as how many sightings that counts."""
_BELL: Final = NormalDist()


class Noise:
    """How much windows of one setting differ by chance. tests: comparisons that were begun."""

    def __init__(self) -> None:
        self.tests = 0
        self._sum, self._count = _NOISE_WEIGHT * _NOISE_FIRST**2, _NOISE_WEIGHT

    @property
    def sigma(self) -> float:
        """The standard deviation of the logarithm of one window."""
        return math.sqrt(self._sum / self._count)

    def saw(self, before: float, after: float) -> None:
        """Two windows of one setting, near in time."""
        apart = min(OUTLIER * self.sigma * math.sqrt(2), abs(after - before))
        self._sum += apart * apart / 2
        self._count += 1


class Pairs:
    """One comparison under way. prior: standard deviation of the difference that is expected, as part of the cost."""

    def __init__(self, noise: Noise, prior: float) -> None:
        noise.tests += 1
        self._noise = noise
        self._prior = prior
        self._own: list[float] = []
        self._others: list[float] = []

    def candidate(self, log: float) -> Verdict:
        """A window of the candidate; a verdict when it is so much worse that one is enough."""
        self._own.append(log)
        return "no better" if self.shock > SHOCK * self._noise.sigma * math.sqrt(2) else ""

    def incumbent(self, log: float) -> Verdict:
        """A window of what it is compared with; a verdict when it is plain."""
        if self._others:
            self._noise.saw(self._others[-1], log)
        self._others.append(log)
        return self._judge() if self._whole else ""

    @property
    def shock(self) -> float:
        """By how much the candidate's last window was worse than the one before it."""
        return self._own[-1] - self._others[-1] if self._own and self._others else 0.0

    def measured(self) -> tuple[float, float] | None:
        """The difference as it was measured, and its variance; None before there is a pair."""
        if not self._whole:
            return None
        sigma, count = self._noise.sigma, len(self._own)
        found = sorted(own - sum(two) / 2 for own, two in zip(self._own, pairwise(self._others), strict=False))
        middle, far = found[len(found) // 2], OUTLIER * sigma * math.sqrt(1.5)
        mean = sum(min(middle + far, max(middle - far, one)) for one in found) / len(found)
        return mean, sigma**2 * (2 / count - 0.5 / count**2)

    def apart(self) -> tuple[float, float]:
        """The difference that is believed in, and its standard deviation."""
        mean, variance = self.measured() or (0.0, math.inf)
        if math.isinf(variance):
            return max(0.0, self.shock), self._prior
        weight = self._prior**2 / (self._prior**2 + variance)
        return weight * mean, math.sqrt(weight * variance)

    @property
    def _whole(self) -> bool:
        return bool(self._own) and len(self._others) > 1

    def _judge(self) -> Verdict:
        mean, spread = self.apart()
        unsure = UNSURE * UNSURE_TESTS / (UNSURE_TESTS + self._noise.tests)
        if mean < -GAIN_MIN and _BELL.cdf(mean / spread) <= unsure:
            return "better"
        hopeless = _BELL.cdf((-GAIN_MIN - mean) / spread) < HOPELESS
        return "no better" if hopeless or len(self._own) >= PAIRS_MAX else ""
