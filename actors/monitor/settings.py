"""What an operator may say about measuring. Types only; pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from actors.monitor.emergency import EmergencySettings
from actors.monitor.incidents import IncidentSettings
from actors.monitor.pace import PaceSettings
from actors.settings import METRICS, Bytes, Level, Seconds, Share, Threshold
from actors.settings.expressions import circle, names_in
from actors.settings.metrics import Metrics, check_names, declared_unit
from actors.settings.push import PushSettings
from actors.settings.units import Unit

HOST_METRICS: Final[Mapping[str, Unit]] = MappingProxyType(
    {
        "cpu": "percent",
        "load1": "count",
        "memory": "bytes",
        "swap": "percent",
        "disk": "percent",
        "connections": "count",
        "fds": "count",
        "inodes": "percent",
        "pressure_cpu": "percent",
        "pressure_memory": "percent",
        "pressure_io": "percent",
        "stall_memory": "percent",
        "stall_io": "percent",
        "disk_read": "bytes",
        "disk_write": "bytes",
        "net_in": "bytes",
        "net_out": "bytes",
    }
)
"""Name of every host metric that can have a threshold -> its unit. cpu is in percent of all cores together.

pressure: percent of the time in which something had to wait, stall: in which all had to. disk_read, disk_write, net_in
and net_out are per second.
"""

Dear = Literal["connections", "disk_io", "pss"]
"""What is not read each time, as it costs as much as all else together or more."""
DEAR: Final[Mapping[str, Dear]] = MappingProxyType(
    {"connections": "connections", "disk_read": "disk_io", "disk_write": "disk_io", "pss": "pss"}
)
"""Metric of a workload -> what has to be read for it."""


def _host_defaults() -> dict[str, Threshold]:
    return {
        "cpu": Threshold(above=Level(80, "percent"), for_=Seconds(60)),
        "memory": Threshold(above=Level(85, "percent"), for_=Seconds(60)),
        "disk": Threshold(above=Level(90, "percent"), for_=Seconds(60)),
    }


def _workload_defaults() -> dict[str, Threshold]:
    return {
        "latency": Threshold(above=Level(1, "seconds"), for_=Seconds(30)),
        "availability": Threshold(below=Level(99, "percent"), clear=Level(99.5, "percent"), for_=Seconds(30)),
        "connections": Threshold(above=Level(200), for_=Seconds(60)),
    }


class ArchiveSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is kept of readings on disk, beyond the points in memory; each 0 but the first keeps nothing of its kind."""

    write_every: Seconds = Seconds(300)
    """Seconds between two writes. A `kill -9` of the node loses as much at most; an orderly end loses nothing."""

    minutes_kept: Seconds = Seconds(2 * 86_400)
    """Seconds. Age up to which there is a point for each minute; at most 32 bytes each, mostly a few."""

    hours_kept: Seconds = Seconds(90 * 86_400)
    """Seconds. Age up to which there is a point for each hour."""

    removed_kept: Seconds = Seconds(7 * 86_400)
    """Seconds that the past of a workload is kept after it was removed from the config."""

    size_max: Bytes = Bytes(256_000_000)
    """Bytes of the file. Beyond it the oldest goes before its time, minutes first."""

    def __post_init__(self) -> None:
        """Refuse what cannot be kept. Raises: ValueError."""
        if self.write_every < 1:
            raise ValueError("write_every: has to be at least 1s")
        if self.hours_kept < self.minutes_kept:
            raise ValueError("hours_kept: has to be at least minutes_kept")


class MonitorSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often is measured, how much is kept, and from where on a reading is an issue."""

    interval: Seconds = Seconds(5)
    """Seconds between two readings; each costs some milliseconds of one core. The Optimizer may change it."""

    interval_min: Seconds = Seconds(0.5)
    """Seconds. The shortest interval anybody can set; below it the reading itself would be seen in the load."""

    interval_max: Seconds = Seconds(60)
    """Seconds. The longest interval anybody can set; beyond it a fault goes unseen for too long."""

    sample_after_start: Seconds = Seconds(1)
    """Seconds from the start of a workload to its first reading, so that values are there soon."""

    connections_every: Seconds = Seconds(30)
    """Seconds between two counts of a workload's connections, the dearest reading; with an own threshold on
    `connections` it is counted every time."""

    disk_io_every: Seconds = Seconds(30)
    """Seconds between two readings of what a workload reads from and writes to disks; with an own threshold on
    `disk_read` or `disk_write` it is read every time."""

    pss_every: Seconds = Seconds(300)
    """Seconds between two readings of a workload's PSS: the kernel looks through all its pages for it. With an own
    threshold on `pss` it is read every time."""

    connections_max: Annotated[int, Meta(ge=0)] = 10_000
    """Connections of the host above which those of workloads are not counted, as the kernel's table is too long."""

    history_points: Annotated[int, Meta(ge=10, le=100_000)] = 1000
    """Points kept per series; at most 24 bytes each, and next to none while a value stays the same."""

    history_step: Seconds = Seconds(10)
    """Seconds between two kept points; readings in between count for thresholds only."""

    archive: ArchiveSettings = ArchiveSettings()
    """How long older readings are kept, by the minute and by the hour, in <state_dir>/history.db."""

    trend_window: Seconds = Seconds(1800)
    """Seconds over which a trend is looked for."""

    trend_every: Seconds = Seconds(30)
    """Seconds between two looks at the trends of all series."""

    trend_change: Share = Share(0.05)
    """Change over the looked-at time, as a share of the metric's level, below which a trend is called stable."""

    availability_window: Seconds = Seconds(300)
    """Seconds over which availability is reckoned."""

    log_window: Seconds = Seconds(60)
    """Seconds over which error_rate and log_rate are reckoned; in a short one a single line is a high share."""

    forecast_lead: Seconds = Seconds(3600)
    """Seconds before a metric that piles up (memory, disk, fds, connections and their kind, and what is declared)
    reaches its limit, at which that is warned of; 0: never. A threshold's own `forecast` wins."""

    detectors_max: Annotated[int, Meta(ge=0, le=100_000)] = 500
    """Detectors of anomalies (8 kB each), drifts (4 kB) and forecasts (50 kB) at the same time; a series that never
    moved needs none. One in four is kept free for forecasts and drifts."""

    drift: list[str] = msgspec.field(default_factory=list)
    """Metrics of the host whose level and spread are watched: a lasting change of either is an issue."""

    starting_grace: Seconds = Seconds(30)
    """Seconds a workload may take from its start until it is ready before it counts as degraded."""

    resync_every: Seconds = Seconds(30)
    """Seconds between two looks at the table of workloads, as facts may be lost."""

    metrics: Metrics = msgspec.field(default_factory=dict)
    """Name -> where a metric of the host comes from, beside those that are measured anyway."""

    push: PushSettings = PushSettings()
    """Where values of metrics with `push: true` are taken, besides the bus."""

    source_threads: Annotated[int, Meta(ge=2, le=256)] = 16
    """Readings of declared metrics that run at the same time; half of them stay free of those that were late the last
    time. A thread costs some 30 kB while it is there."""

    thresholds: dict[str, Threshold | None] = msgspec.field(default_factory=dict)
    """Metric of the host (cpu, load1, memory, swap, disk, connections), or one of `metrics` -> limit, in place of
    the default: cpu above 80%, memory above 85%, disk above 90%, each for 60s. null: no limit."""

    workload_thresholds: dict[str, Threshold | None] = msgspec.field(default_factory=dict)
    """Metric -> limit for every workload that names none itself, in place of the default: latency above 1s for 30s,
    availability below 99% for 30s, connections above 200 for 60s. null: no limit."""

    pace: PaceSettings = PaceSettings()
    """How far the interval adapts to how things are."""

    incidents: IncidentSettings = IncidentSettings()
    """When troubles of several subjects are one incident."""

    emergency: EmergencySettings = EmergencySettings()
    """What is done when several places are critical at once."""

    def __post_init__(self) -> None:
        """Refuse intervals that exclude one another and limits that no reading could meet.

        Raises: ValueError.
        """
        windows = ("trend_window", "availability_window", "log_window")
        for key in ("interval", "interval_min", "trend_every", "resync_every", *windows):
            if getattr(self, key) <= 0:
                raise ValueError(f"{key}: has to be more than 0s")
        if not self.interval_min <= self.interval <= self.interval_max:
            raise ValueError("interval: has to lie between interval_min and interval_max")
        check_names(self.metrics, HOST_METRICS.keys() | {"memory_total", "memory_percent"})
        own = {name: unit for name in self.thresholds if (unit := declared_unit(self.metrics, name)) is not None}
        _check(self.thresholds, {**HOST_METRICS, **own}, "thresholds")
        _check(self.workload_thresholds, METRICS, "workload_thresholds")
        _check_host(self.metrics, self.thresholds, self.drift)

    def workloads_named(self) -> dict[str, list[str]]:
        """Key -> workloads that may be stopped because of it."""
        return {"emergency.shed": self.emergency.shed}

    def programs_named(self) -> dict[str, list[str]]:
        """Key -> program and arguments, run in the directory of the config file."""
        own = {f"metrics.{name}.command": one.command for name, one in self.metrics.items() if one.command is not None}
        return {"emergency.alert": self.emergency.alert, **own}

    @property
    def host_limits(self) -> dict[str, Threshold]:
        """Limits of the host: the defaults, then what the operator says."""
        return _without_none({**_host_defaults(), **self.thresholds})

    @property
    def workload_limits(self) -> dict[str, Threshold]:
        """Limits of a workload that names none: the defaults, then what the operator says."""
        return _without_none({**_workload_defaults(), **self.workload_thresholds})


def _without_none(thresholds: Mapping[str, Threshold | None]) -> dict[str, Threshold]:
    return {metric: threshold for metric, threshold in thresholds.items() if threshold is not None}


def _check_host(metrics: Metrics, thresholds: Mapping[str, Threshold | None], drift: Collection[str]) -> None:
    needs = {name: names_in(one.expression) for name, one in metrics.items() if one.expression is not None}
    named = {f"metrics.{name}.expression": others for name, others in needs.items()} | {"drift": frozenset(drift)}
    for key, others in named.items():
        for other in sorted(others):
            if other not in HOST_METRICS and declared_unit(metrics, other) is None:
                raise ValueError(f'{key}: unknown metric "{other}"; allowed: {", ".join([*HOST_METRICS, *metrics])}')
    if names := circle(needs):
        raise ValueError(f"metrics: {' and '.join(names)} need one another; allowed: other metrics")
    for metric, threshold in thresholds.items():
        if threshold is not None and threshold.action is not None:
            raise ValueError(f"thresholds.{metric}: action: no remedy is allowed on the host; leave it out")


def _check(thresholds: Mapping[str, Threshold | None], units: Mapping[str, Unit], key: str) -> None:
    for metric, threshold in thresholds.items():
        unit = units.get(metric)
        if unit is None:
            raise ValueError(f'{key}: unknown metric "{metric}"; allowed: {", ".join(units)}')
        if threshold is None:
            continue
        if threshold.unit not in (None, unit) and (metric, threshold.unit) != ("memory", "percent"):
            raise ValueError(f"{key}.{metric}: is in {threshold.unit}; allowed: {unit}")
