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

    Beside those: host load1, swap and disk (percent), memory_percent, memory_total; workload uptime (seconds),
    processes, restarts; node cycle_s (seconds the last reading took) and bus_lag (facts of
    other processes that were sent and not read yet). The host's cpu is in percent of all its cores,
    others' of one. interval_s: seconds left between the regular readings of this subject, as in force now. A metric
    that nothing measures is absent.
    """

    kind = "metrics.sampled"
    stream = Stream.SAMPLES
    scope: Scope
    values: dict[str, float]
    interval_s: float


class ThresholdCrossed(Fact, frozen=True, kw_only=True):
    """A metric was beyond its limit for its whole hold time. held_s: seconds it has been so.

    evidence: of error_rate, the newest error lines of the log, oldest first.
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
    """Health of the whole, the node, the host and every workload. sampling_interval_s: seconds between samples."""

    whole: HealthRow
    node: HealthRow
    host: HealthRow
    workloads: list[HealthRow]
    sampling_interval_s: float


class GetHealth(Command, frozen=True, kw_only=True):
    """The health of everything, with reasons."""

    target = "monitor"
    verb = "get_health"
    reply = HealthReport


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
