"""What was measured as lines: a table with a curve for each series, or comma-separated values. Pure but for widths."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from statistics import fmean, median
from typing import Final

from actors.cli.paint import Cell, Paint, in_unit, measured, span, table
from actors.settings.units import format_duration
from bus.messages import HistoryRow, MetricsHistory

MARKS: Final = "▁▂▃▄▅▆▇█"
PLAIN_MARKS: Final = ".:-=+*#@"
"""Where the terminal knows no blocks."""
WIDTH_MIN: Final = 16
WIDTH_MAX: Final = 60
BESIDE: Final = 75
"""Characters of a line for what is not a curve."""
GAP: Final = 2.5
"""How many times as far apart as usual two readings may be until there is a gap between them."""
HOUR_S: Final = 3600
TONES: Final = {"degrading": "warn", "improving": "good"}


def width_for(curves: int) -> int:
    """Characters of a curve, with so many of them in a line of the terminal."""
    free = (shutil.get_terminal_size((120, 24)).columns - BESIDE) // curves
    return min(max(free, WIDTH_MIN), WIDTH_MAX)


def marks_for(encoding: str | None) -> str:
    """The marks of a curve, lowest first, that can be written in this encoding."""
    try:
        MARKS.encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return PLAIN_MARKS
    return MARKS


def lines_of(found: MetricsHistory, paint: Paint, width: int, marks: str, *, overview: bool) -> list[str]:
    """Every line. width: characters of a curve. overview: a line for each subject in place of each series."""
    length_s = found.until - found.since
    last = f"the last {format_duration(round(length_s, 3))}"
    if not found.rows:
        lines = [f"no readings in {last}"] if found.until else ["nothing was measured yet"]
    else:
        make = _overview if overview else _series
        until = datetime.fromtimestamp(found.until).astimezone()
        lines = [
            paint(f"{last}, to {until:%Y-%m-%d %H:%M:%S}; a column is {span(length_s / width)}", "dim"),
            *make(found, paint, width, marks),
        ]
    if found.note:
        lines.append(paint(f"what is older is missing: {found.note}", "warn"))
    return lines


def _overview(found: MetricsHistory, paint: Paint, width: int, marks: str) -> list[str]:
    metrics = list(dict.fromkeys(row.metric for row in found.rows))
    by_subject: dict[str, dict[str, HistoryRow]] = {}
    for row in found.rows:
        by_subject.setdefault(row.subject, {})[row.metric] = row
    head = ["SUBJECT", *(text for metric in metrics for text in (f"{metric.upper()} OVER TIME", "LAST"))]
    cells: list[list[Cell | str]] = []
    for subject, rows in by_subject.items():
        line: list[Cell | str] = [subject]
        for metric in metrics:
            one = rows.get(metric)
            line += ["-", "-"] if one is None else [curve(one, found, width, marks), shown(one, one.last)]
        cells.append(line)
    return table(cells, paint, head)


def _series(found: MetricsHistory, paint: Paint, width: int, marks: str) -> list[str]:
    several = len({row.subject for row in found.rows}) > 1
    head = ("METRIC", "OVER TIME", "MIN", "MEAN", "MAX", "LAST", "TREND")
    cells: list[list[Cell | str]] = [
        [
            f"{row.subject} {row.metric}" if several else row.metric,
            curve(row, found, width, marks),
            *(shown(row, value) for value in (row.lowest, row.mean, row.highest, row.last)),
            (trend_of(row), TONES.get(row.trend or "", "plain")),
        ]
        for row in found.rows
    ]
    return table(cells, paint, head)


def shown(row: HistoryRow, value: float | None) -> str:
    """A value of a series in its unit."""
    if value is None:
        return "-"
    return in_unit(value, row.unit) if row.unit else measured(row.metric, value)


def trend_of(row: HistoryRow) -> str:
    """`degrading +1.2 MB/h`, `stable`, or `-` while nothing can be said."""
    if row.trend is None or row.slope_per_s is None:
        return "-"
    if row.trend == "stable":
        return row.trend
    sign = "+" if row.slope_per_s > 0 else ""
    return f"{row.trend} {sign}{shown(row, row.slope_per_s * HOUR_S)}/h"


def curve(row: HistoryRow, found: MetricsHistory, width: int, marks: str) -> str:
    """The means over time as one mark each, between the lowest and the highest of them; a gap is blank."""
    values = _columns(row, found.since, (found.until - found.since) / width, width)
    there = [value for value in values if value is not None]
    low, reach = min(there, default=0.0), max(there, default=0.0) - min(there, default=0.0)
    top = len(marks) - 1

    def mark(value: float | None) -> str:
        if value is None:
            return " "
        return marks[min(top, int((value - low) / reach * len(marks)))] if reach > 0 else marks[0]

    return "".join(map(mark, values))


def _columns(row: HistoryRow, since: float, column_s: float, width: int) -> list[float | None]:
    """The mean of each column, or that of the point that reaches into it."""
    found: list[list[float]] = [[] for _ in range(width)]
    for at, mean in zip(row.times, row.means, strict=True):
        found[min(max(int((at - since) / column_s), 0), width - 1)].append(mean)
    lasts_s = _lasts_s(row)
    columns: list[float | None] = []
    number = -1
    for place, means in enumerate(found):
        number += len(means)
        middle = since + (place + 0.5) * column_s
        reached = number >= 0 and middle < row.times[number] + lasts_s
        columns.append(fmean(means) if means else row.means[number] if reached else None)
    return columns


def _lasts_s(row: HistoryRow) -> float:
    """Seconds that a point stands for; of single readings, until they are further apart than usual."""
    apart = [later - earlier for earlier, later in zip(row.times, row.times[1:], strict=False)]
    return row.step_s or (GAP * median(apart) if apart else 0.0)


def csv_lines(rows: Iterable[HistoryRow]) -> list[str]:
    """A head, then a line for each point, times in UTC. seconds: that it stands for; 0 for a single reading."""
    lines = ["time,subject,metric,seconds,count,min,mean,max"]
    for row in rows:
        begin = f"{row.subject},{row.metric},{row.step_s:g}"
        points: Sequence[tuple[float, int, float, float, float]] = list(
            zip(row.times, row.counts, row.lows, row.means, row.highs, strict=True)
        )
        lines += [f"{_utc(at)},{begin},{count},{low!r},{mean!r},{high!r}" for at, count, low, mean, high in points]
    return lines


def _utc(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
