"""When a growing series will reach its limit: of curves over windows of many lengths, which to believe. Pure.

A curve counts when its rise is far from chance, more than any earlier rise that went back by itself and no single jump,
has not stopped, and meets the newest readings.
"""

from __future__ import annotations

import math
from typing import Final

from actors.monitor.curves import BINS, SPAN_MIN_S, Curve, Scale, roughness, season_s

SCALES_MAX: Final = 20  # Scales at most: windows of up to 16 million readings.
REACH: Final = 2.5  # How far ahead a window may look, in its own lengths.
HOLD: Final = 0.1  # How long a forecast stands when the windows fall silent, in lengths of the window it came from.
Z_SLOPE: Final = 4.5  # Standard errors that a slope has to be away from 0.
RISE_MIN: Final = 1.4  # Rise of a window, in multiples of the largest earlier rise that went back by itself.
JUMP_MAX: Final = 0.5  # Share of a window's rise that may lie between two neighbouring means; more is a step.
AGREE_Z: Final = 1.5  # Standard errors of the shorter window by which a longer one's slope may differ from it,
AGREE_SHARE: Final = 0.06  # and the share of its slope on top.
STALL_SHARE: Final = 0.3  # A later part of a window has stopped when its slope is surely below this share of it.
STALL_Z: Final = 2.5  # Standard errors for "surely".
SEASON_Z: Final = 2.5  # Standard errors that the gain from season to season has to be away from 0.
SEASON_TRUST: Final = 3.0  # Errors of a line's slope up to which that of a season's slope makes it preferred.
NEAR: Final = 2.0  # Means of a season from which on, and over which, the flank says better when the limit comes.
PEAKS_FROM: Final = 2  # Scale whose means make the peaks: single readings would be noise.
FLAT: Final = -0.95  # Share of the way to the level where a curve flattens at which the limit counts as never reached.
HUGE: Final = 1e140  # Readings beyond it are ignored, as their squares are no numbers.


class Forecaster:
    """Tells how long a series has until it reaches a limit above it.

    limit: in the unit of the values. For a series that falls towards a limit give both with the sign changed. Raises
    ValueError when the limit is no finite number.
    Source: windows by Lepski (1991); draw-ups and their retracements as in Magdon-Ismail and Atiya (2004).
    """

    def __init__(self, limit: float) -> None:
        if not math.isfinite(limit):
            raise ValueError(f"a limit has to be a finite number, not {limit}")
        self.limit = limit
        self._restart()

    def _restart(self) -> None:
        self._scales = [Scale(0)]
        self._last_s = -math.inf
        self._end_s: float | None = None
        self._noise = 0.0
        self._noise_s = 0.0
        self._hold_s = -math.inf
        self._over = False

    def update(self, time_s: float, value: float) -> float | None:
        """Take in a reading; seconds from it to the limit, 0 when it is reached, None when it is not in sight.

        time_s: ascending seconds, any origin, any steps. A reading that is no number or comes twice is ignored; a time
        before the last begins a new series. One reading above the limit, while the series is below, counts as noise.
        """
        if not abs(value) < HUGE or not math.isfinite(time_s) or time_s == self._last_s:
            return self._left_s(self._last_s)
        if time_s < self._last_s:
            self._restart()
        self._last_s = time_s
        if self._take_in(time_s, value):
            end_s = self._decide(time_s)
            if end_s is not None or time_s >= self._hold_s:
                self._end_s = end_s
        left_s = self._left_s(time_s)
        before, self._over = self._over, value >= self.limit
        if self._over and (before or left_s is None or left_s <= self._noise_s):
            for scale in self._scales:
                scale.swing = 0.0  # a rise that reached the limit is no harmless one
            return 0.0
        return left_s

    def _left_s(self, now_s: float) -> float | None:
        return None if self._end_s is None else max(0.0, self._end_s - now_s)

    def _take_in(self, time_s: float, value: float) -> bool:
        """Hand the reading from scale to scale as far as it completes a mean; tells whether a curve is new."""
        scales, number, high, new = self._scales, 0, value, False
        while True:
            scale = scales[number]
            if scale.add(time_s, value, high):
                scale.refit()
                new = True
                if number == PEAKS_FROM:
                    self._noise = roughness(scale.values)
            half = scale.half
            if half is None:
                scale.half = (time_s, value, high)
                return new
            scale.half = None
            number += 1
            if number == len(scales):
                if number == SCALES_MAX:
                    return new
                scales.append(Scale(number))
            time_s, value = (half[0] + time_s) / 2, (half[1] + value) / 2
            high = value if number <= PEAKS_FROM else max(half[2], high)

    def _decide(self, now_s: float) -> float | None:
        """When the limit is reached, by the window to believe; None when there is none or it lies too far ahead."""
        curve = self._believed()
        season, sharpness, coarsest = None, math.inf, 0
        for scale in self._scales:
            if scale.curve is not None and scale.curve.season is not None:
                coarsest = scale.number
                error = scale.curve.season.error / season_s(scale, scale.curve.season)
                if error < sharpness:
                    season, sharpness = scale, error
        if season is not None and (
            curve is None or curve.scale <= coarsest + 1 or sharpness < SEASON_TRUST * curve.slope_error
        ):
            end_s = self._seasonal_end_s(season, now_s)
            if end_s is not None or curve is None or curve.scale <= coarsest:
                return end_s
        return None if curve is None else self._curve_end_s(curve, now_s)

    def _believed(self) -> Curve | None:
        """The longest window that agrees with all shorter ones that count."""
        best, best_slope, best_error = None, 0.0, 0.0
        for curve in self._counting():
            bend = curve.drawn()
            slope = curve.slope + 2 * bend * curve.ahead_s
            if best is not None and abs(slope - best_slope) > AGREE_Z * best_error + AGREE_SHARE * best_slope:
                break
            best, best_slope, best_error = curve, slope, curve.slope_error
            if bend:
                best_error = math.hypot(best_error, 2 * curve.ahead_s * curve.bend_error)
        return best

    def _counting(self) -> list[Curve]:
        """The curves that show a growth of today, from short to long."""
        swing, found = 0.0, []
        for scale in reversed(self._scales):
            swing = max(swing, scale.swing)
            curve = scale.curve
            if curve is None or curve.span_s < SPAN_MIN_S or not curve.slope > Z_SLOPE * curve.slope_error:
                continue
            rise = curve.rise
            if rise - max(0.0, curve.jump) < RISE_MIN * swing or curve.jump > JUMP_MAX * rise:
                continue
            if not self._has_stalled(curve) and not curve.strays_from(self._scales[max(0, scale.number - 3)]):
                found.append(curve)
        return found[::-1]

    def _has_stalled(self, curve: Curve) -> bool:
        """Whether the newest half or quarter of the window says for itself that it no longer grows like this."""
        parts = (scale.curve for scale in self._scales[max(0, curve.scale - 2) : curve.scale])
        return any(
            part is not None and part.slope + STALL_Z * part.slope_error < STALL_SHARE * curve.slope for part in parts
        )

    def _curve_end_s(self, curve: Curve, now_s: float) -> float | None:
        """Where the curve, carried on as an exponential of its slope and bend, brings the peaks to the limit."""
        bend = curve.drawn()
        slope = curve.slope + 2 * bend * curve.ahead_s
        if slope <= 0:
            return None
        self._noise_s = self._noise / 2 / slope
        level = curve.mean + curve.slope * curve.ahead_s + bend * curve.p_end + slope * (now_s - curve.at_s)
        gap = self.limit - level - self._peaks(curve)
        if gap <= 0:
            return now_s
        rate = 2 * math.log(slope / curve.slope) / curve.span_s
        bent = rate * gap / slope
        if bent <= FLAT:
            return None
        ahead_s = math.log1p(bent) / rate if rate else gap / slope
        return self._within_reach(now_s + ahead_s, curve, now_s)

    def _peaks(self, curve: Curve) -> float:
        """How far peaks lie above the curve, without what noise alone would make of as many means."""
        return max(0.0, curve.peaks - self._of_noise(curve.scale, BINS)) if curve.scale > PEAKS_FROM else 0.0

    def _of_noise(self, scale: int, means: int) -> float:
        """The expected largest of the fine means of noise in so many means of a scale."""
        return self._noise * math.sqrt(2 * math.log(means * 2.0 ** (scale - PEAKS_FROM)))

    def _seasonal_end_s(self, scale: Scale, now_s: float) -> float | None:
        """Where the last season, repeated with its gain, first reaches the limit."""
        curve = scale.curve
        if curve is None or curve.season is None:
            return None
        lag, gain, error = curve.season
        swing = max((other.swing for other in self._scales[scale.number + 3 :]), default=0.0)
        if not gain > SEASON_Z * error or gain * len(scale.times) / lag < RISE_MIN * swing:
            return None
        fine, times = scale.number > PEAKS_FROM, scale.times
        values = scale.highs if fine else scale.values
        limit = self.limit + (self._of_noise(scale.number, 1) if fine else 0.0)
        length_s, end_s = season_s(scale, curve.season), math.inf
        for index in range(len(times) - lag, len(times)):
            seasons = max(1.0, (limit - values[index]) / gain // 1 + 1)
            over, step = values[index] + seasons * gain - limit, values[index] - values[index - 1]
            back = min(1.0, max(0.0, over) / step) if step > 0 else 1.0
            at_s = times[index] + seasons * length_s - back * (times[index] - times[index - 1])
            end_s = min(end_s, at_s if at_s >= now_s else at_s + length_s)
        return self._within_reach(self._sharpened(end_s, curve.span_s / (len(times) - 1), now_s), curve, now_s)

    def _sharpened(self, end_s: float, blur_s: float, now_s: float) -> float:
        """An end that is known to blur_s only and is near, by the line of the flank that leads there."""
        if end_s - now_s < NEAR * blur_s:
            for scale in reversed(self._scales):
                flank = scale.curve
                if flank is None or not SPAN_MIN_S <= flank.span_s <= NEAR * blur_s:
                    continue
                if flank.slope > Z_SLOPE * flank.slope_error and not flank.strays_from(self._scales[0]):
                    flank_end_s = self._curve_end_s(flank, now_s)
                    return end_s if flank_end_s is None else min(max(flank_end_s, end_s - blur_s), end_s + blur_s)
        return end_s

    def _within_reach(self, end_s: float, curve: Curve, now_s: float) -> float | None:
        """The end unless the window may not look as far; one that is told stands for a while, so that it is steady."""
        if not end_s - now_s <= REACH * curve.span_s:
            return None
        self._hold_s = now_s + HOLD * curve.span_s
        return end_s
