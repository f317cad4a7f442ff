"""Messages of the Monitor: what is measured, and how well things are."""

from __future__ import annotations

from typing import Literal

import msgspec

from bus.message import Command, Fact, Reply, Stream

HealthLevel = Literal["healthy", "degraded", "unhealthy", "critical", "failing"]
"""Ordered from best to worst."""
Scope = Literal["host", "workload", "node", "whole"]
"""host: the machine. workload: one process tree. node: this system's own processes. whole: everything together."""
Trend = Literal["improving", "stable", "degrading"]
Severity = Literal["warning", "critical"]


class MetricsSampled(Fact, frozen=True, kw_only=True):
    """One reading of a subject. values: metric name to number, in the units of actors.settings METRICS.

    Beside those: host load1, swap, disk and inodes (percent), memory_percent, memory_total, fds, pressure_cpu,
    pressure_memory, pressure_io (percent of the time in which something waited for it), stall_memory, stall_io (in
    which all did), disk_read, disk_write, net_in, net_out (bytes per second); workload uptime (seconds); node cycle_s
    (seconds the last reading took), monitor_cpu (percent of one core that measuring takes) and bus_lag (facts of other
    processes that were sent and not read yet). The host's cpu is in percent of all its cores, others' of one.
    interval_s: seconds left between the regular readings of this subject, as in force now. A metric that nothing
    measures is absent.

    A workload's readings that are the same as those told before are left out for up to a minute while nothing is wrong
    with it; unchanged_s: seconds after the former fact through which that was so.
    """

    kind = "metrics.sampled"
    stream = Stream.SAMPLES
    scope: Scope
    values: dict[str, float]
    interval_s: float
    unchanged_s: float = 0.0


class ThresholdCrossed(Fact, frozen=True, kw_only=True):
    """A metric was beyond its limit for its whole hold time. held_s: seconds it has been so.

    evidence: of error_rate, the newest error lines of the log, oldest first. action: the remedy that the operator wants
    first, as in restart or hook:NAME, or empty. unit: of value and limit: bytes, percent, count or seconds; empty from
    an older node.
    """

    kind = "threshold.crossed"
    scope: Scope
    metric: str
    value: float
    limit: float
    direction: Literal["above", "below"]
    held_s: float
    severity: Severity
    evidence: list[str] = []
    action: str = ""
    unit: str = ""


class ThresholdCleared(Fact, frozen=True, kw_only=True):
    """A metric is back behind its clear value. lasted_s: seconds since it crossed.

    because: a reading says so, or the limit is not there any more (removed from the config, or its subject was).
    """

    kind = "threshold.cleared"
    scope: Scope
    metric: str
    value: float
    lasted_s: float
    because: Literal["reading", "limit_removed"] = "reading"


class HealthChanged(Fact, frozen=True, kw_only=True):
    """The health level of a subject moved. why: the readings that decided, worst first."""

    kind = "health.changed"
    stream = Stream.STATE
    scope: Scope
    level: HealthLevel
    before: HealthLevel
    why: list[str] = []


class TrendChanged(Fact, frozen=True, kw_only=True):
    """The trend of a metric over the rolling window moved. slope_per_s: units of the metric per second."""

    kind = "trend.changed"
    metric: str
    trend: Trend
    before: Trend
    slope_per_s: float


class ForecastRaised(Fact, frozen=True, kw_only=True):
    """A metric moves towards its limit and will reach it soon. in_s: seconds from this reading to the limit.

    unit: as of ThresholdCrossed.
    """

    kind = "forecast.raised"
    scope: Scope
    metric: str
    value: float
    limit: float
    direction: Literal["above", "below"]
    in_s: float
    unit: str = ""


class ForecastCleared(Fact, frozen=True, kw_only=True):
    """The limit is not in sight any more. lasted_s: seconds since it was raised.

    because: readings say so, or it was crossed, or the subject began a new life, or there is no such limit any more.
    """

    kind = "forecast.cleared"
    scope: Scope
    metric: str
    lasted_s: float
    because: Literal["reading", "crossed", "new_life", "limit_removed"] = "reading"


class AnomalyDetected(Fact, frozen=True, kw_only=True):
    """A reading is unlike everything its series has shown before: evidence, and no issue. score: 0.5 to 1."""

    kind = "anomaly.detected"
    scope: Scope
    metric: str
    value: float
    score: float


class SeriesDrifted(Fact, frozen=True, kw_only=True):
    """The level or the spread of a series changed for good.

    what: level (before and after are means of the readings) or spread (of their distances from the level). since_s:
    seconds ago that the change began.
    """

    kind = "series.drifted"
    scope: Scope
    metric: str
    what: Literal["level", "spread"]
    before: float
    after: float
    since_s: float


class SeriesReturned(Fact, frozen=True, kw_only=True):
    """A series that drifted is back at what it was before, or is not watched any more. now: its level or spread."""

    kind = "series.returned"
    scope: Scope
    metric: str
    now: float
    because: Literal["reading", "not_watched"] = "reading"


class HealthRow(msgspec.Struct, frozen=True, kw_only=True):
    """The health of one subject, with the readings behind it and the latest values."""

    subject: str
    scope: Scope
    level: HealthLevel
    since_s: float
    why: list[str] = []
    values: dict[str, float] = {}
    trends: dict[str, Trend] = {}


class HealthReport(Reply, frozen=True, kw_only=True):
    """Health of the whole, the node, the host and every workload.

    sampling_interval_s: seconds between samples, as asked for; paced_interval_s: as in force now. emergency: the
    incident of the one that lasts, or empty; frozen: nothing may be tried while it does.
    """

    whole: HealthRow
    node: HealthRow
    host: HealthRow
    workloads: list[HealthRow]
    sampling_interval_s: float
    paced_interval_s: float | None = None
    emergency: str = ""
    frozen: bool = False


class GetHealth(Command, frozen=True, kw_only=True):
    """The health of everything, with reasons."""

    target = "monitor"
    verb = "get_health"
    reply = HealthReport


class WarningRow(msgspec.Struct, frozen=True, kw_only=True):
    """What a series is warned of, and that is not over."""

    subject: str
    scope: Scope
    metric: str
    what: Literal["forecast", "drift"]


class WarningList(Reply, frozen=True, kw_only=True):
    """The warnings that stand. An anomaly is over when it was told."""

    warnings: list[WarningRow]


class ListWarnings(Command, frozen=True, kw_only=True):
    """The warnings that stand now, for who may have missed their end."""

    target = "monitor"
    verb = "list_warnings"
    reply = WarningList


class Series(Reply, frozen=True, kw_only=True):
    """Points of one series, oldest first. times: Unix seconds."""

    subject: str
    metric: str
    times: list[float]
    values: list[float]
    trend: Trend | None
    slope_per_s: float | None


class GetSeries(Command, frozen=True, kw_only=True):
    """The kept points of one metric of one subject since `since_s` seconds ago."""

    target = "monitor"
    verb = "get_series"
    reply = Series
    subject: str
    metric: str
    since_s: float = 1800.0


class SamplingInterval(Reply, frozen=True, kw_only=True):
    """The interval now in force and the one before, in seconds."""

    interval_s: float
    before_s: float


class SetSamplingInterval(Command, frozen=True, kw_only=True):
    """Change how often the Monitor samples, within its configured bounds; refused outside them."""

    target = "monitor"
    verb = "set_sampling_interval"
    reply = SamplingInterval
    interval_s: float
    why: str = "asked"


class MetricSourceFailed(Fact, frozen=True, kw_only=True):
    """Declared metrics of a subject have no readings: twice in a row nothing came, or a reading hangs. Told once.

    error: of the newest attempt. It is tried on.
    """

    kind = "metric_source.failed"
    metrics: list[str]
    error: str


class MetricSourceRecovered(Fact, frozen=True, kw_only=True):
    """Readings come again. missed: attempts that gave nothing. after_s: seconds since it was told."""

    kind = "metric_source.recovered"
    metrics: list[str]
    missed: int
    after_s: float


class MetricsTaken(Reply, frozen=True, kw_only=True):
    """Values were taken in. taken: how many."""

    taken: int


class PushMetrics(Command, frozen=True, kw_only=True):
    """Hand in values of metrics that are declared with `push: true`; refused as a whole when one is not.

    subject: the workload, or host. values: metric to its value now. add: metric to what is counted on top.
    """

    target = "monitor"
    verb = "push_metrics"
    reply = MetricsTaken
    subject: str
    values: dict[str, float] = {}
    add: dict[str, float] = {}
