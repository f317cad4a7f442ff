"""What was measured over a time that is past: the points in memory and those of the archive as one answer. Pure."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from actors.monitor.rollup import Band, coarser, empty, joined, nice_step_s, rolled_up, summed
from actors.monitor.trend import UNTRENDED, Bad, find_trend
from bus.messages import HistoryRow, Scope

ANSWER_POINTS_MAX: Final = 20_000
"""Points of one answer; each takes some 40 bytes of a message, which may have a MiB."""


class Window(Struct, frozen=True):
    """What is asked for. since, until: Unix seconds. points: of each series at most. change_min: see find_trend."""

    since: float
    until: float
    points: int
    change_min: float

    @property
    def step_s(self) -> float:
        """Seconds that a point has to stand for at least."""
        return (self.until - self.since) / self.points


class Fresh(Struct, frozen=True):
    """The points of one series that are in memory. times: Unix seconds, ascending."""

    times: array[float]
    values: array[float]


class Archived(Struct, frozen=True):
    """What the archive has. grain: seconds of a point. written: Unix seconds up to which it has all readings."""

    grain: int
    bands: Mapping[str, Band]
    written: float


class Nature(Struct, frozen=True):
    """What is known of a metric. bad: the way in which it gets worse. unit: empty when nobody says."""

    bad: Bad = "rising"
    unit: str = ""


class _Look(Struct, frozen=True):
    """One series in the window. step_s: 0 for single readings. times, values: the same at the finest there is."""

    step_s: float
    band: Band
    begins: Sequence[float]
    times: Sequence[float]
    values: Sequence[float]


def look_back(
    subject: tuple[str, Scope],
    fresh: Mapping[str, Fresh],
    archived: Archived,
    window: Window,
    natures: Mapping[str, Nature],
) -> list[HistoryRow]:
    """A row for each metric that has a reading in the window, in the order of their names.

    subject: name and scope. natures: by metric, where they are known.
    """
    rows = []
    for metric in sorted(fresh.keys() | archived.bands.keys()):
        look = _look(fresh.get(metric), archived.bands.get(metric, empty()), archived, window)
        if look is not None:
            rows.append(_row(subject, metric, look, window, natures.get(metric, Nature())))
    return rows


def _look(live: Fresh | None, kept: Band, archived: Archived, window: Window) -> _Look | None:
    """By readings when those in memory are all there is, else in stretches as long as the archive has them."""
    grain = archived.grain
    if live is not None:
        first = bisect_left(live.times, window.since)
        live = Fresh(live.times[first:], live.values[first:])
    if live is not None and live.times and not (len(kept) and (kept.numbers[0] + 1) * grain <= live.times[0]):
        return _by_reading(live, window)
    bands = [kept]
    if live is not None:
        unwritten = bisect_right(live.times, archived.written)
        bands.append(_rolled(Fresh(live.times[unwritten:], live.values[unwritten:]), grain))
    exact = joined(bands)
    if not len(exact):
        return None
    step_s = nice_step_s(max(grain, window.step_s))
    band = coarser(exact, step_s // grain)
    last = [live.values[-1]] if live is not None and live.values else exact.means[-1:]
    values = array("d", [*exact.means[:-1], *last])
    return _Look(step_s, band, _begins(band, step_s), _begins(exact, grain), values)


def _by_reading(live: Fresh, window: Window) -> _Look:
    if len(live.times) > window.points:
        step_s = nice_step_s(window.step_s)
        band = _rolled(live, step_s)
        return _Look(step_s, band, _begins(band, step_s), live.times, live.values)
    single = Band(array("q"), array("q", [1]) * len(live.times), live.values, live.values, live.values)
    return _Look(0.0, single, live.times, live.times, live.values)


def _rolled(live: Fresh, step_s: float) -> Band:
    return rolled_up(live.times, {"": live.values}, step_s)[""]


def _begins(band: Band, step_s: float) -> list[float]:
    return [number * float(step_s) for number in band.numbers]


def _row(subject: tuple[str, Scope], metric: str, look: _Look, window: Window, nature: Nature) -> HistoryRow:
    band, span_s, slope = look.band, window.until - window.since, None
    if metric not in UNTRENDED:
        times, values, change = look.times, look.values, window.change_min
        slope = find_trend(times, values, metric=metric, bad=nature.bad, window_s=span_s, change_min=change)
    _, lowest, mean, highest = summed(band)
    return HistoryRow(
        subject=subject[0],
        scope=subject[1],
        metric=metric,
        step_s=look.step_s,
        times=list(look.begins),
        counts=band.counts.tolist(),
        lows=band.lows.tolist(),
        means=band.means.tolist(),
        highs=band.highs.tolist(),
        lowest=lowest,
        mean=mean,
        highest=highest,
        last=look.values[-1],
        trend=slope.trend if slope else None,
        slope_per_s=slope.per_s if slope else None,
        unit=nature.unit,
    )
