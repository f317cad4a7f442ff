"""Readings made few: lowest, mean, highest and number of those in each equal stretch of time. Pure."""

from __future__ import annotations

import zlib
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from itertools import starmap
from operator import mul
from typing import Any, Final, TypeAlias

import msgspec

NICE_STEPS_S: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)
"""Lengths of a stretch that people reckon in; from a minute on whole minutes, from an hour on hours."""

WEEK_S: Final = 604_800

COMPRESSION: Final = 1
"""Of zlib. A higher one takes several times as long and gives a tenth less."""


Column: TypeAlias = "array[Any]"
"""Whole numbers or floats of 8 bytes each."""


class Damaged(Exception):
    """These bytes are no packed bands."""


class Band(msgspec.Struct, frozen=True):
    """One series in equal stretches of time, those without a reading left out.

    numbers: which stretches, ascending (Unix seconds // length of a stretch). counts: readings in each. lows, means,
    highs: of these. All of one length. Whoever has been given a band does not change it.
    """

    numbers: Column
    counts: Column
    lows: Column
    means: Column
    highs: Column

    def __len__(self) -> int:
        return len(self.numbers)

    def part(self, begin: int, end: int) -> Band:
        """Those from place begin up to, not with, place end."""
        return Band(*(column[begin:end] for column in columns(self)))

    def since(self, number: int) -> Band:
        """Those not before a stretch."""
        begin = bisect_left(self.numbers, number)
        return self.part(begin, len(self)) if begin else self

    def before(self, number: int) -> Band:
        """Those before a stretch."""
        end = bisect_left(self.numbers, number)
        return self.part(0, end) if end < len(self) else self


def columns(band: Band) -> tuple[Column, Column, Column, Column, Column]:
    """The columns in the order of their names in Band."""
    return band.numbers, band.counts, band.lows, band.means, band.highs


def empty() -> Band:
    """A band without readings."""
    return Band(array("q"), array("q"), array("d"), array("d"), array("d"))


def rolled_up(times: Sequence[float], values: Mapping[str, float | Sequence[float]], step_s: float) -> dict[str, Band]:
    """Metrics that were read together, each in stretches of step_s seconds.

    times: Unix seconds, ascending. values: metric -> one finite value for each time, or one that held all the time.
    """
    numbers, counts, cuts, begin = array("q"), array("q"), [], 0
    while begin < len(times):
        number = int(times[begin] // step_s)
        end = max(begin + 1, bisect_left(times, (number + 1) * step_s, begin))
        numbers.append(number)
        counts.append(end - begin)
        cuts.append((begin, end))
        begin = end
    found = {}
    for metric, given in values.items():
        if isinstance(given, float | int):
            level = array("d", [given]) * len(numbers)
            found[metric] = Band(numbers, counts, level, level, level)
        else:
            parts = [given[begin:end] for begin, end in cuts]
            lows, highs = array("d", map(min, parts)), array("d", map(max, parts))
            means = array("d", map(_between, lows, (sum(part) / len(part) for part in parts), highs))
            found[metric] = Band(numbers, counts, lows, means, highs)
    return found


def _between(low: float, value: float, high: float) -> float:
    """The value within its bounds, which rounding, or a sum beyond what a float holds, may have left."""
    return min(max(low, value), high)


def joined(bands: Iterable[Band]) -> Band:
    """Bands of one series and step as one; what was read within the same stretch counts together."""
    ordered = sorted((band for band in bands if len(band)), key=lambda band: band.numbers[0])
    if len(ordered) == 1:
        return ordered[0]
    whole = empty()
    for band in ordered:
        if whole.numbers and band.numbers[0] < whole.numbers[-1]:
            return _sorted_together(ordered)
        _append(whole, band)
    return whole


def _append(whole: Band, band: Band) -> None:
    """Put a band at the end of another that is not given out yet; their stretches touch in one at most."""
    begin = 0
    if whole.numbers and whole.numbers[-1] == band.numbers[0]:
        begin = 1
        count, other = whole.counts[-1], band.counts[0]
        low, high = min(whole.lows[-1], band.lows[0]), max(whole.highs[-1], band.highs[0])
        mean = (whole.means[-1] * count + band.means[0] * other) / (count + other)
        whole.counts[-1], whole.lows[-1], whole.highs[-1] = count + other, low, high
        whole.means[-1] = _between(low, mean, high)
    for column, more in zip(columns(whole), columns(band), strict=True):
        column.extend(more[begin:])


def _sorted_together(bands: Iterable[Band]) -> Band:
    """Bands whose stretches lie among one another, as after a wall clock was set back."""
    singles = [band.part(place, place + 1) for band in bands for place in range(len(band))]
    whole = empty()
    for single in sorted(singles, key=lambda one: one.numbers[0]):
        _append(whole, single)
    return whole


def summed(band: Band) -> tuple[int, float, float, float]:
    """Count, lowest, mean and highest of a whole band, which is not empty."""
    count, low, high = sum(band.counts), min(band.lows), max(band.highs)
    return count, low, _between(low, sum(map(mul, band.means, band.counts)) / count, high), high


def coarser(band: Band, factor: int) -> Band:
    """The same in stretches that are `factor` times as long."""
    if factor == 1:
        return band
    whole, begin = empty(), 0
    while begin < len(band):
        number = band.numbers[begin] // factor
        end = bisect_left(band.numbers, (number + 1) * factor, begin)
        for column, value in zip(columns(whole), (number, *summed(band.part(begin, end))), strict=True):
            column.append(value)
        begin = end
    return whole


def split(bands: Mapping[str, Band], span: int) -> dict[int, dict[str, Band]]:
    """Span number (stretch number // span) -> what lies in that span, by metric."""
    found: dict[int, dict[str, Band]] = {}
    for metric, band in bands.items():
        rest = band
        while len(rest):
            number = rest.numbers[0] // span
            found.setdefault(number, {})[metric] = rest.before((number + 1) * span)
            rest = rest.since((number + 1) * span)
    return found


def nice_step_s(at_least_s: float) -> int:
    """The shortest length of a stretch that people reckon in and that is not below this many seconds."""
    nice = next((step_s for step_s in NICE_STEPS_S if step_s >= at_least_s), 0)
    return nice or WEEK_S * max(1, -int(-at_least_s // WEEK_S))


def packed(bands: Mapping[str, Band]) -> bytes:
    """Bands by metric as bytes: compressed MessagePack of the columns, 8 bytes a number in the machine's order."""
    plain = {metric: [column.tobytes() for column in columns(band)] for metric, band in bands.items()}
    return zlib.compress(msgspec.msgpack.encode(plain), COMPRESSION)


def unpacked(body: bytes, wanted: Iterable[str] | None = None) -> dict[str, Band]:
    """What packed() made bytes of. wanted: these metrics only. Raises: Damaged."""
    try:
        plain = msgspec.msgpack.decode(zlib.decompress(body), type=dict[str, tuple[bytes, bytes, bytes, bytes, bytes]])
        names = plain.keys() if wanted is None else plain.keys() & set(wanted)
        return {name: Band(*starmap(array, zip("qqddd", plain[name], strict=True))) for name in names}
    except (zlib.error, msgspec.DecodeError, ValueError) as error:
        raise Damaged(f"{type(error).__name__}: {error}") from error
