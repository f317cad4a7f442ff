"""Messages of the Monitor about what is past: series over hours and months."""

from __future__ import annotations

import msgspec

from bus.message import Command, Reply
from bus.messages.monitor import Scope, Trend


class HistoryRow(msgspec.Struct, frozen=True, kw_only=True):
    """One series over a time that is past, oldest first.

    step_s: seconds that a point stands for; 0: every point is a single reading. times: Unix seconds, the begin of each
    point. counts: readings behind each. lows, means, highs: of these. lowest, mean, highest: of all, last: the newest
    reading; None without readings. trend: over this time; None while it is too short to say. unit: bytes, percent,
    seconds, count, or empty when nobody says.
    """

    subject: str
    scope: Scope
    metric: str
    step_s: float
    times: list[float]
    counts: list[int]
    lows: list[float]
    means: list[float]
    highs: list[float]
    lowest: float | None = None
    mean: float | None = None
    highest: float | None = None
    last: float | None = None
    trend: Trend | None = None
    slope_per_s: float | None = None
    unit: str = ""


class MetricsHistory(Reply, frozen=True, kw_only=True):
    """What was measured between two times in Unix seconds, a row for each series. note: why older readings miss."""

    since: float
    until: float
    rows: list[HistoryRow]
    note: str = ""


class GetMetrics(Command, frozen=True, kw_only=True):
    """What was measured in the last since_s seconds, also before a restart; older readings by the minute or hour.

    subjects, metrics: by name; all when none is named. points: as many for each series at most, by taking longer
    stretches together. Refused when that would be more points in all than an answer holds.
    """

    target = "monitor"
    verb = "get_metrics"
    reply = MetricsHistory
    subjects: list[str] = []
    metrics: list[str] = []
    since_s: float = 3600.0
    points: int = 1000


class SeriesRow(msgspec.Struct, frozen=True, kw_only=True):
    """The series of one subject. since: Unix seconds of the oldest that is kept; gone: since it left the config."""

    subject: str
    scope: Scope
    metrics: list[str]
    since: float | None = None
    gone: float | None = None


class SeriesList(Reply, frozen=True, kw_only=True):
    """Every subject that something is kept of; those that are gone come last."""

    rows: list[SeriesRow]


class ListSeries(Command, frozen=True, kw_only=True):
    """Which series there are, also of workloads that were removed lately."""

    target = "monitor"
    verb = "list_series"
    reply = SeriesList
