"""When a metric of a workload is an issue. Pure."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Struct

from actors.settings.markers import LevelText
from actors.settings.units import Level, Seconds, Unit

METRICS: Final[Mapping[str, Unit]] = MappingProxyType(
    {
        "memory": "bytes",
        "cpu": "percent",
        "threads": "count",
        "fds": "count",
        "error_rate": "percent",
        "log_rate": "count",
        "latency": "seconds",
        "availability": "percent",
        "connections": "count",
        "zombies": "count",
        "processes": "count",
        "restarts": "count",
        "pss": "bytes",
        "disk_read": "bytes",
        "disk_write": "bytes",
    }
)
"""Name of every metric that can have a threshold -> its unit.

cpu is in percent of one core. error_rate: percent of the lines of its log that are error lines (see
process_manager/errorlines.py), log_rate: lines of its log per second, both over the Monitor's log_window. memory is the
resident set, pss its part of it where pages are shared. disk_read, disk_write: bytes per second.
"""

UNITS_ALLOWED: Final[Mapping[str, tuple[Unit, ...]]] = MappingProxyType(
    {name: ("bytes", "percent") if name == "memory" else (unit,) for name, unit in METRICS.items()}
)
"""Name of a metric -> the units its threshold may be written in. Memory in percent is of the host's memory."""


PILES_UP: Final = frozenset({"memory", "swap", "disk", "inodes", "threads", "fds", "connections"})
"""Metrics that grow until something is full, so that it can be said when; a declared metric is taken for one."""


class Threshold(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One limit of one metric, with a hold time and hysteresis so that a spike is no issue."""

    above: Annotated[float, LevelText()] | None = None
    """In `unit`. An issue while the metric is over it. Exactly one of above and below."""

    below: Annotated[float, LevelText()] | None = None
    """In `unit`. An issue while the metric is under it."""

    for_: Seconds = msgspec.field(default=Seconds(0), name="for")
    """Seconds. How long the limit has to be passed without a break; shorter is a spike."""

    clear: Annotated[float, LevelText()] | None = None
    """In `unit`. Where the issue ends; None: 90 % of above, 110 % of below, so that it does not flap."""

    severity: Literal["warning", "critical"] = "warning"
    """A critical issue is acted upon even while the workload is busy."""

    unit: Unit | None = None
    """Unit of above, below and clear; None: the metric's own. Read from the values when they carry one."""

    cool_down: Seconds = Seconds(0)
    """Seconds from one issue in which the next one is not made; what then still is beyond the limit, is one."""

    action: str | None = None
    """Remedy that is tried first: restart, hook:NAME, signal:NAME or end_strays. None: as the kind of issue wants."""

    forecast: Seconds | None = None
    """Seconds. The limit is warned of when it will be reached sooner than that; 0: never. None: the Monitor's
    forecast_lead for what piles up (see PILES_UP), never for the others."""

    def __post_init__(self) -> None:
        """Refuse what can never be true, and take the unit over from values such as 80%.

        Raises: ValueError.
        """
        if (self.above is None) == (self.below is None):
            raise ValueError("exactly one of above and below is needed")
        levels = [level for level in (self.above, self.below, self.clear) if level is not None]
        units = {level.unit for level in levels if isinstance(level, Level) and level.unit is not None}
        if self.unit is not None:
            units.add(self.unit)
        if len(units) > 1:
            raise ValueError(f"one unit only: these are {' and '.join(sorted(units))}")
        if units:
            msgspec.structs.force_setattr(self, "unit", units.pop())
        for field in ("above", "below", "clear"):
            level = getattr(self, field)
            if isinstance(level, Level):
                msgspec.structs.force_setattr(self, field, float(level))
        if self.clear is None:
            return
        if self.above is not None and self.clear > self.above:
            raise ValueError("clear: has to be at or under above")
        if self.below is not None and self.clear < self.below:
            raise ValueError("clear: has to be at or over below")

    def clear_at(self) -> float:
        """Give the value at which the issue ends, in the threshold's unit."""
        if self.clear is not None:
            return self.clear
        if self.above is not None:
            return self.above * 0.9
        return (self.below or 0.0) * 1.1

    def unit_for(self, metric: str) -> Unit:
        """Give the unit of the values when the threshold stands beneath this metric.

        Raises: KeyError when the metric is unknown and the threshold carries no unit.
        """
        return self.unit or METRICS[metric]
