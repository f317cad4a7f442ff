"""Whether a candidate is better than the baseline, valid however often it is looked at. Pure.

Each pair gives the difference of the two logarithms of a metric, the candidate's less the baseline's. The evidence
against "no difference" is the Bayes factor of a t-test whose effect, in standard deviations of a pair, has a normal
prior about 0; for samples of unknown variance it is a test martingale, so that under "no difference" it ever passes
1/alpha with a chance of alpha at most (Ville's inequality). A fixed t-test that is looked at after every pair has no
such bound. Source: Lai, "On confidence sequences", Ann. Statist. 4 (1976); Robbins' mixtures with the variance unknown.
"""

from __future__ import annotations

import math
from typing import Final, Literal

Finding = Literal["", "better", "worse", "alike"]

EFFECT: Final = 0.7
"""Standard deviation of the effect that is expected, in standard deviations of one pair."""


class Sequential:
    """Takes pairs until it is plain.

    alpha: chance of calling two equal ones better, and as much of calling them worse. effect_min: the least relative
    change that is worth anything. pairs_max: after so many it is over. Differences: negative is better.
    """

    def __init__(self, *, alpha: float = 0.05, effect_min: float = 0.0, pairs_max: int = 200) -> None:
        self.count = 0
        self._mean = self._squares = 0.0
        self._alpha, self._floor, self._pairs_max = alpha, math.log1p(-effect_min) if effect_min else 0.0, pairs_max

    @property
    def mean(self) -> float:
        """The mean difference so far; exp of it is the ratio of candidate to baseline."""
        return self._mean

    def take(self, difference: float) -> Finding:
        """One pair. better, worse: as found; alike: too little difference to be found, or to be worth it."""
        self.count += 1
        apart = difference - self._mean
        self._mean += apart / self.count
        self._squares += apart * (difference - self._mean)
        if self.evidence() >= math.log(1 / (2 * self._alpha)):
            if self._mean > 0:
                return "worse"
            return "better" if self._mean <= self._floor else "alike"
        hopeless = self._floor < 0 and self.interval()[0] > self._floor
        return "alike" if hopeless or self.count >= self._pairs_max else ""

    def evidence(self) -> float:
        """The logarithm of the Bayes factor against "no difference"; 0 before there is a variance."""
        if self._squares <= 0:
            return 0.0
        freedom, wide = self.count - 1, 1 + self.count * EFFECT**2
        t2 = self.count * self._mean**2 * freedom / self._squares
        return -0.5 * math.log(wide) + 0.5 * self.count * (math.log1p(t2 / freedom) - math.log1p(t2 / (freedom * wide)))

    def interval(self) -> tuple[float, float]:
        """What the mean difference lies within, with a confidence of 1 - 2 alpha at all times together."""
        if self._squares <= 0:
            return -math.inf, math.inf
        wide = 1 + self.count * EFFECT**2
        limit = math.exp(2 / self.count * (math.log(1 / (2 * self._alpha)) + 0.5 * math.log(wide)))
        if limit >= wide:
            return -math.inf, math.inf
        half = math.sqrt((limit - 1) / (1 - limit / wide) * self._squares / self.count)
        return self._mean - half, self._mean + half
