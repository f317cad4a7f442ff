"""Curves through the means of a growing series, one for each of its scales: a line with a bend, and its season. Pure.

Readings are averaged in twos, over and over; each scale keeps its newest means, so that windows double in length. Each
gets a line with a bend, the error of its slope (wider when neighbouring residuals are alike), and its season if it has
one.
"""

from __future__ import annotations

import math
from operator import add, mul, sub
from typing import Final, NamedTuple

BINS: Final = 32  # Means kept per scale; the cost of a look grows with them.
BINS_MIN: Final = 12  # Means below which a window says nothing.
REFIT_EVERY: Final = (16, 8, 8, 4, 4, 2, 2)  # New means until a window is looked at again, finest first; then 1.
SPAN_MIN_S: Final = 90.0  # Seconds below which a window is too short to say anything.
Z_BEND: Final = 3.0  # Standard errors by which a bend is drawn to 0.
RETRACE: Final = 0.5  # Share of a rise that has to be lost for it to have gone back.
FORGET: Final = 1 - 1 / 2048  # What remains of the largest earlier rise with each later one that went back.
STRAY_SD: Final = 2.0  # Residual standard deviations by which the newest readings may lie off the curve,
STRAY_SHARE: Final = 0.05  # and the share of the window's rise on top.
LAG_MIN: Final = 6  # Means in the shortest season.
SEASON_BINS_MIN: Final = 20  # Means below which no season is looked for.
SEASON_LIKENESS: Final = 0.4  # Autocorrelation from which on residuals are a season,
SEASON_FALL: Final = 0.25  # if the series also falls by this share of its growth in one season.


class Season(NamedTuple):
    """A rhythm in a window. lag: its length in means. gain: units per season, error: of the gain."""

    lag: int
    gain: float
    error: float


class Curve(NamedTuple):
    """A line with a bend over one window: mean + slope * t + bend * p(t), t in seconds from the middle.

    ahead_s, p_end: t and p at the last mean, which is of at_s. sd: of the residuals. jump: the largest step up between
    two means. peaks: how far the peaks lie above the curve, before noise is taken off.
    """

    scale: int
    at_s: float
    span_s: float
    mean: float
    slope: float
    bend: float
    slope_error: float
    bend_error: float
    ahead_s: float
    p_end: float
    sd: float
    jump: float
    peaks: float
    season: Season | None

    @property
    def rise(self) -> float:
        """Units gained over the window."""
        return self.slope * self.span_s

    def drawn(self) -> float:
        """The bend, drawn to 0 by as much as its error makes it doubtful."""
        doubt = Z_BEND * self.bend_error
        return self.bend * (1 - (doubt / self.bend) * (doubt / self.bend)) if abs(self.bend) > doubt else 0.0

    def strays_from(self, scale: Scale) -> bool:
        """Whether the newest means of a finer scale have left the curve."""
        times, values = scale.times[-4:], scale.values[-4:]
        after_s, newest = sum(times) / len(times) - self.at_s, sum(values) / len(values)
        steep = self.slope + 2 * self.bend * self.ahead_s
        expected = self.mean + self.slope * self.ahead_s + self.bend * self.p_end + steep * after_s
        return abs(expected - newest) > STRAY_SD * self.sd + STRAY_SHARE * self.rise


class Scale:
    """The newest means of one scale, the largest rise that went back, and the curve through the means."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.times: list[float] = []
        self.values: list[float] = []
        self.highs: list[float] = []
        self.half: tuple[float, float, float] | None = None
        self.swing = 0.0
        self.curve: Curve | None = None
        self.is_short = True
        self._low = math.inf
        self._peak = -math.inf
        self._fresh = 0
        self._refit_every = REFIT_EVERY[number] if number < len(REFIT_EVERY) else 1

    def add(self, time_s: float, value: float, high: float) -> bool:
        """Take in a mean; tells whether it is time to refit."""
        times = self.times
        times.append(time_s)
        self.values.append(value)
        self.highs.append(high)
        if len(times) > BINS:
            del times[0], self.values[0], self.highs[0]
        if value > self._peak:
            self._peak = value
            self._low = min(self._low, value)
        elif self._peak - value >= RETRACE * (self._peak - self._low):
            self.swing = max(self.swing * FORGET, self._peak - self._low)
            self._low = self._peak = value
        self._fresh += 1
        if self.is_short and len(times) >= BINS_MIN and time_s - times[0] >= SPAN_MIN_S:
            self.is_short = False
            return True
        return len(times) == BINS_MIN or (self._fresh >= self._refit_every and len(times) > BINS_MIN)

    def refit(self) -> None:
        """Lay the curve anew, by least squares."""
        self._fresh = 0
        self.curve = None
        times, values = self.times, self.values
        count = len(times)
        middle_s, mean = sum(times) / count, sum(values) / count
        t = [time_s - middle_s for time_s in times]
        tt = list(map(mul, t, t))
        t_square = sum(tt)
        if t_square <= 0:
            return
        base, lean = t_square / count, sum(map(mul, tt, t)) / t_square
        p = [square - base - lean * one for square, one in zip(tt, t, strict=True)]
        p_square = sum(map(mul, p, p))
        if p_square <= 0:
            return
        slope, bend = sum(map(mul, t, values)) / t_square, sum(map(mul, p, values)) / p_square
        rests = [v - mean - slope * one - bend * two for v, one, two in zip(values, t, p, strict=True)]
        square = sum(map(mul, rests, rests))
        likeness = sum(map(mul, rests, rests[1:])) / square if square > 0 else 0.0
        likeness = min(0.9, max(0.0, likeness + 3 / count))
        variance = square / (count - 3) * (1 + likeness) / (1 - likeness)
        span_s = times[-1] - times[0]
        over = map(add, map(sub, self.highs[-BINS // 2 :], values[-BINS // 2 :]), rests[-BINS // 2 :])
        self.curve = Curve(
            scale=self.number,
            at_s=times[-1],
            span_s=span_s,
            mean=mean,
            slope=slope,
            bend=bend,
            slope_error=math.sqrt(variance / t_square),
            bend_error=math.sqrt(variance / p_square),
            ahead_s=t[-1],
            p_end=p[-1],
            sd=math.sqrt(square / (count - 3)),
            jump=max(map(sub, values[1:], values)),
            peaks=max(over) - slope * span_s / (count - 1) / 2,
            season=self._season(rests, square, slope * span_s)
            if likeness > SEASON_LIKENESS and count >= SEASON_BINS_MIN
            else None,
        )

    def _season(self, rests: list[float], square: float, rise: float) -> Season | None:
        """The rhythm of the residuals, if they have one and the series goes up and down with it."""
        count = len(rests)
        best, lag = SEASON_LIKENESS * square, 0
        for one in range(LAG_MIN, count // 2 + 1):
            found = sum(map(mul, rests, rests[one:])) * count / (count - one)
            if found > best:
                best, lag = found, one
        if lag in (0, LAG_MIN, count // 2):  # at an edge it is no maximum
            return None
        if self._largest_fall() < max(math.sqrt(square / count), SEASON_FALL * abs(rise) * lag / count):
            return None
        gains = list(map(sub, self.values[lag:], self.values))
        gain = sum(gains) / len(gains)
        off = [one - gain for one in gains]
        return Season(lag, gain, math.sqrt(sum(map(mul, off, off)) / len(off) / max(1.0, len(off) / LAG_MIN)))

    def _largest_fall(self) -> float:
        top, fall = -math.inf, 0.0
        for value in self.values:
            if value > top:
                top = value
            elif top - value > fall:
                fall = top - value
        return fall


def season_s(scale: Scale, season: Season) -> float:
    """The length of a season in seconds."""
    return scale.times[-1] - scale.times[-1 - season.lag]


def roughness(values: list[float]) -> float:
    """The standard deviation of the noise on a smooth course, from its second differences."""
    bends: list[float] = sorted(map(abs, map(sub, map(sub, values[2:], values[1:]), map(sub, values[1:], values))))
    return bends[len(bends) // 2] / 1.65
