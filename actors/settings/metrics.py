"""Metrics that an operator declares: where each comes from, and how its number is to be taken. Types only; pure."""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct, structs

from actors.settings.expressions import names_in
from actors.settings.markers import Command, Environment
from actors.settings.placeholders import well_formed
from actors.settings.probes import check_url
from actors.settings.thresholds import METRICS
from actors.settings.units import Seconds, Unit

METRICS_MAX: Final = 100
"""Metrics of one workload: each is a series that is kept."""
ORIGINS: Final = ("command", "sql", "openmetrics", "push", "source", "expression")
"""Keys that say where a metric comes from; each has exactly one."""
RESERVED: Final = frozenset(METRICS) | {"uptime", "processes", "restarts"}
"""Names of a workload's metrics that are measured anyway."""
POSTGRES: Final = ("postgresql://", "postgres://")
EVERY_S_MIN: Final = 0.1
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_CLASS: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_]*")
_OF_ORIGINS: Final[Mapping[str, str]] = {
    "database": "sql", "sample": "openmetrics", "labels": "openmetrics", "options": "source",
}  # fmt: skip
"""Key -> the origin it goes with."""

As = Literal["value", "rate", "delta"]
"""How the numbers of a source become the metric's: as they are, per second, or the difference from the last one."""


class Metric(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One metric. Exactly one of command, sql, openmetrics, push, source and expression."""

    command: Command | None = None
    """Program and arguments, run in the workload's directory; the last number it prints is the value."""

    sql: str | None = None
    """A query that changes nothing; the first column of its first row is the value."""

    openmetrics: str | None = None
    """URL, http or https, of an endpoint in the text format of Prometheus or OpenMetrics."""

    push: bool = False
    """true: somebody hands the values in, by HTTP, as StatsD datagrams, or by the command PushMetrics."""

    source: str | None = None
    """Import path of a class of the operator, module:Class; a mapping that it reads becomes NAME.PART for each part."""

    expression: str | None = None
    """Arithmetic over other metrics of the same workload, by their names."""

    database: str | None = None
    """Of sql: a file of SQLite, relative to the workload's directory, or postgresql://USER@HOST/NAME."""

    sample: str | None = None
    """Of openmetrics: name of the sample. None: the name of the metric."""

    labels: Environment = msgspec.field(default_factory=dict)
    """Of openmetrics: label -> value it must have. The sum of all samples that have them is taken."""

    options: dict[str, Any] = msgspec.field(default_factory=dict)
    """Of source: keyword arguments for the class."""

    as_: As = msgspec.field(default="value", name="as")
    """value: the number itself. rate: its growth per second; delta: its growth since the last reading. A counter that
    falls was set back, and counts from 0."""

    unit: Unit = "count"
    """Unit of the value: count, percent, bytes or seconds. Thresholds are written in it."""

    every: Seconds | None = None
    """Seconds between two readings. None: the Monitor's interval."""

    within: Seconds = Seconds(2)
    """Seconds a reading may take; one that takes longer counts as none."""

    def __post_init__(self) -> None:
        """Refuse a metric that comes from nowhere, from two places, or from one that cannot be.

        Raises: ValueError.
        """
        origin = self._one_origin()
        for key, goes_with in _OF_ORIGINS.items():
            if getattr(self, key) not in (None, {}) and origin != goes_with:
                raise ValueError(f"{key}: goes with {goes_with}, and this metric has {origin}")
        if self.every is not None and self.every < EVERY_S_MIN:
            raise ValueError("every: is too short; allowed: 100ms or more")
        if self.within <= 0:
            raise ValueError("within: has to be more than 0s")
        _check_origin(self)

    @property
    def origin(self) -> str:
        """The key that says where it comes from."""
        return next(key for key in ORIGINS if getattr(self, key) not in (None, False))

    def _one_origin(self) -> str:
        said = [key for key in ORIGINS if getattr(self, key) not in (None, False)]
        if len(said) != 1:
            these = f"these are {' and '.join(said)}" if said else "there is none"
            raise ValueError(f"exactly one of {', '.join(ORIGINS)} is needed; {these}")
        return said[0]


Metrics = dict[str, Metric]
"""Name -> metric; see check_names."""


def _check_origin(metric: Metric) -> None:
    """Raises: ValueError that begins with the key."""
    if metric.command is not None and not (metric.command and metric.command[0]):
        raise ValueError("command: is empty; allowed: a program and its arguments")
    if metric.openmetrics is not None:
        check_url(well_formed(metric.openmetrics), "openmetrics")
    if metric.source is not None and not _CLASS.fullmatch(metric.source):
        raise ValueError(f'source: "{metric.source}" is no import path; allowed: module:Class')
    if metric.sql is not None:
        _check_sql(metric.sql, metric.database)
    if metric.expression is not None:
        try:
            names_in(metric.expression)
        except ValueError as error:
            raise ValueError(f"expression: {error}") from None


def _check_sql(sql: str, database: str | None) -> None:
    if not sql.strip() or "\0" in sql:
        raise ValueError("sql: is no query; allowed: one such as select count(*) from orders")
    if not database:
        raise ValueError("database: is missing; allowed: a file of SQLite, or postgresql://USER@HOST/NAME")
    scheme, found, _ = database.partition("://")
    if "\0" in database or (found and not database.startswith(POSTGRES)):
        raise ValueError(f'database: "{scheme}" is not read; allowed: a file of SQLite, or postgresql://USER@HOST/NAME')


def check_names(metrics: Mapping[str, Metric], reserved: Collection[str]) -> None:
    """Refuse a name that is none or of a metric that is measured anyway, and too many of them.

    Raises: ValueError that begins with `metrics`.
    """
    if len(metrics) > METRICS_MAX:
        raise ValueError(f"metrics: are {len(metrics)}; allowed: {METRICS_MAX} or fewer")
    for name in metrics:
        if not _NAME.fullmatch(name):
            raise ValueError(f'metrics: "{name}" is no name; allowed: a-z, 0-9 and _, a letter first, at most 64')
        if name in reserved:
            raise ValueError(f'metrics: "{name}" is measured anyway; allowed: another name')


def declared_units(metrics: Mapping[str, Metric]) -> dict[str, Unit]:
    """The unit of each declared metric."""
    return {name: metric.unit for name, metric in metrics.items()}


def declared_unit(metrics: Mapping[str, Metric], name: str) -> Unit | None:
    """The unit of a declared metric, or of a part of one from a class (gpu.memory); None when nobody declares it."""
    metric = metrics.get(name)
    if metric is None:
        whole, _, part = name.partition(".")
        metric = metrics.get(whole) if part else None
        if metric is None or metric.source is None:
            return None
    return metric.unit


def filled_metrics(metrics: Mapping[str, Metric], fill: Callable[[str], str]) -> dict[str, Metric]:
    """The metrics as one instance has them. fill: puts in what only the instance knows."""
    return {name: _filled(metric, fill) for name, metric in metrics.items()}


def _filled(metric: Metric, fill: Callable[[str], str]) -> Metric:
    texts = {
        key: fill(text) for key in ("openmetrics", "sql", "database") if (text := getattr(metric, key)) is not None
    }
    command = [fill(word) for word in metric.command] if metric.command is not None else None
    return structs.replace(metric, command=command, **texts)
