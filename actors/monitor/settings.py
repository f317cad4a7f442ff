"""What an operator may say about measuring. Types only; pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from actors.settings import METRICS, Level, Seconds, Share, Threshold
from actors.settings.units import Unit

HOST_METRICS: Final[Mapping[str, Unit]] = MappingProxyType(
    {
        "cpu": "percent",
        "load1": "count",
        "memory": "bytes",
        "swap": "percent",
        "disk": "percent",
        "connections": "count",
    }
)
"""Name of every host metric that can have a threshold -> its unit. cpu is in percent of all cores together."""


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

    connections_max: Annotated[int, Meta(ge=0)] = 10_000
    """Connections of the host above which those of workloads are not counted, as the kernel's table is too long."""

    history_points: Annotated[int, Meta(ge=10, le=100_000)] = 1000
    """Points kept per series; at most 24 bytes each, and next to none while a value stays the same."""

    history_step: Seconds = Seconds(10)
    """Seconds between two kept points; readings in between count for thresholds only."""

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

    starting_grace: Seconds = Seconds(30)
    """Seconds a workload may take from its start until it is ready before it counts as degraded."""

    resync_every: Seconds = Seconds(10)
    """Seconds between two looks at the table of workloads, as facts may be lost."""

    thresholds: dict[str, Threshold | None] = msgspec.field(default_factory=dict)
    """Metric of the host (cpu, load1, memory, swap, disk, connections) -> limit, in place of the default: cpu above
    80%, memory above 85%, disk above 90%, each for 60s. null: no limit."""

    workload_thresholds: dict[str, Threshold | None] = msgspec.field(default_factory=dict)
    """Metric -> limit for every workload that names none itself, in place of the default: latency above 1s for 30s,
    availability below 99% for 30s, connections above 200 for 60s. null: no limit."""

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
        _check(self.thresholds, HOST_METRICS, "thresholds")
        _check(self.workload_thresholds, METRICS, "workload_thresholds")

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


def _check(thresholds: Mapping[str, Threshold | None], units: Mapping[str, Unit], key: str) -> None:
    for metric, threshold in thresholds.items():
        unit = units.get(metric)
        if unit is None:
            raise ValueError(f'{key}: unknown metric "{metric}"; allowed: {", ".join(units)}')
        if threshold is None:
            continue
        if threshold.unit not in (None, unit) and (metric, threshold.unit) != ("memory", "percent"):
            raise ValueError(f"{key}.{metric}: is in {threshold.unit}; allowed: {unit}")
