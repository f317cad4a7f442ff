"""What is measured and counted, as Prometheus reads it: base units, counters that end in _total. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder

from actors.gateway.views import LEVELS, Outcomes
from actors.settings.thresholds import METRICS

_UNITS: Final = {
    "bytes": ("_bytes", 1.0),
    "percent": ("_ratio", 0.01),
    "seconds": ("_seconds", 1.0),
    "count": ("", 1.0),
}
"""Unit of a metric -> the end of its name, and what one of it is in the base unit."""
_NOT_AGAIN: Final = frozenset({"restarts", "uptime"})
"""Metrics of workloads that are told from another source."""
_HOST: Final = {
    "cpu": "percent",
    "memory_percent": "percent",
    "swap": "percent",
    "disk": "percent",
    "inodes": "percent",
}
_HOST_PLAIN: Final = {"load1": "count", "fds": "count", "memory": "bytes", "memory_total": "bytes"}
_RATES: Final = {"disk_read": "_bytes_per_second", "disk_write": "_bytes_per_second", "log_rate": "_lines_per_second"}
"""What a metric is called that is a quantity per second."""


class Own(msgspec.Struct, frozen=True):
    """Of the Gateway itself. requests: by status. facts: heard, by type. streams: followers of events."""

    requests: Mapping[int, int]
    facts: Mapping[str, int]
    streams: int


def exposed(found: Outcomes, own: Own, accept: str) -> tuple[bytes, str]:
    """The text and its media type, in the format that is accepted."""
    encode, media = choose_encoder(accept)
    return encode(_Collector(list(families(found, own)))), media


def families(found: Outcomes, own: Own) -> Iterator[Metric]:
    """Every family, also those without a sample now."""
    replies = found.replies
    yield from _node(replies.get("node"))
    yield from _workloads(replies.get("processes"))
    yield from _health(replies.get("health"))
    yield from _counts(replies)
    yield from _tasks(replies.get("tasks"))
    yield from _datasets(replies.get("datasets"))
    yield _counter("http_requests", "Requests answered over HTTP.", ["status"], own.requests)
    yield _counter("facts", "Facts of this node that were heard.", ["type"], own.facts)
    yield _gauge("http_streams", "Followers of /events now.", [], {(): own.streams})
    missing = {(part,): 1 for part in found.missing}
    yield _gauge("scrape_part_missing", "Parts that gave no answer to this scrape.", ["part"], missing)


class _Collector:
    def __init__(self, found: list[Metric]) -> None:
        self._found = found

    def collect(self) -> list[Metric]:
        """As the encoders ask for it."""
        return self._found


def _gauge(name: str, text: str, labels: list[str], values: Mapping[Any, float]) -> Metric:
    family = GaugeMetricFamily(f"gyrostat_{name}", text, labels=labels)
    for key, value in values.items():
        family.add_metric(_labels(key), value)
    return family


def _counter(name: str, text: str, labels: list[str], values: Mapping[Any, float]) -> Metric:
    family = CounterMetricFamily(f"gyrostat_{name}", text, labels=labels)
    for key, value in values.items():
        family.add_metric(_labels(key), value)
    return family


def _labels(key: Any) -> list[str]:
    return [str(each) for each in (key if isinstance(key, tuple) else (key,))]


def _node(info: Any) -> Iterator[Metric]:
    if info is None:
        return
    about = {"node": info.node, "mode": info.mode, "version": info.release, "revision": info.revision}
    yield InfoMetricFamily("gyrostat_node", "The node and what it runs.", value=about)
    yield _gauge("node_uptime_seconds", "Since the node started.", [], {(): info.uptime_s})
    yield _gauge("node_cpu_ratio", "Of one core that the node takes.", [], {(): info.cpu_percent / 100})
    yield _gauge("node_memory_bytes", "Resident memory of the node.", [], {(): info.memory_bytes})
    rows = info.actors
    yield _gauge("actor_up", "Whether an actor runs.", ["actor"], {row.name: row.state == "running" for row in rows})
    for field, name, text in (
        ("handled", "actor_messages", "Messages that an actor handled."),
        ("failures", "actor_failures", "Messages that an actor failed over."),
        ("restarts", "actor_restarts", "How often an actor was made anew."),
        ("dead_letters", "actor_dead_letters", "Messages that were never handled."),
        ("dropped", "actor_dropped_messages", "Messages that a full inbox gave up."),
    ):
        yield _counter(name, text, ["actor"], {row.name: getattr(row, field) for row in rows})
    waiting = {row.name: row.waiting for row in rows}
    yield _gauge("actor_inbox_messages", "Messages that wait for an actor.", ["actor"], waiting)


def _workloads(table: Any) -> Iterator[Metric]:
    if table is None:
        return
    rows = table.processes
    labels = ["workload", "mode"]
    up = {(row.name, row.mode): row.pid is not None for row in rows}
    yield _gauge("workload_up", "Whether its process runs.", labels, up)
    ready = {(row.name, row.mode): row.state in {"ready", "running"} for row in rows}
    yield _gauge("workload_ready", "Whether it is up, and ready as far as it says.", labels, ready)
    states = {(row.name, row.mode, row.state): 1 for row in rows}
    yield _gauge("workload_state", "The state it is in; of others nothing is told.", [*labels, "state"], states)
    restarts = {(row.name, row.mode): row.restarts for row in rows}
    yield _counter("workload_restarts", "Starts that nobody asked for.", labels, restarts)
    uptimes = {(row.name, row.mode): row.uptime_s for row in rows if row.uptime_s is not None}
    yield _gauge("workload_uptime_seconds", "Since its process was spawned.", labels, uptimes)
    yield _gauge("drained", "Whether the node is drained.", [], {(): table.draining})


def _health(report: Any) -> Iterator[Metric]:
    if report is None:
        return
    rows = [report.whole, report.node, report.host, *report.workloads]
    levels = {(row.scope, row.subject): LEVELS.index(row.level) for row in rows}
    yield _gauge("health_level", f"0 to 4: {', '.join(LEVELS)}.", ["scope", "subject"], levels)
    yield _gauge("emergency", "Whether an emergency lasts.", [], {(): bool(report.emergency)})
    for metric, unit in METRICS.items():
        if metric not in _NOT_AGAIN:
            values = {row.subject: row.values[metric] for row in report.workloads if metric in row.values}
            yield _measured("workload", metric, unit, ["workload"], values)
    for metric, kind in {**_HOST, **_HOST_PLAIN}.items():
        if metric in report.host.values:
            yield _measured("host", metric, kind, [], {(): report.host.values[metric]})
    others = {
        (row.subject, metric): value
        for row in report.workloads
        for metric, value in row.values.items()
        if metric not in METRICS and metric not in _NOT_AGAIN
    }
    yield _gauge(
        "workload_custom_value", "Metrics that the config declares, as they are.", ["workload", "name"], others
    )


def _measured(scope: str, metric: str, unit: str, labels: list[str], values: Mapping[Any, float]) -> Metric:
    end, factor = (_RATES[metric], 1.0) if metric in _RATES else _UNITS[unit]
    name = metric.removesuffix("_percent") + end
    text = f"{metric} as measured last; docs/metrics.md."
    return _gauge(f"{scope}_{name}", text, labels, {key: value * factor for key, value in values.items()})


def _counts(replies: Mapping[str, Any]) -> Iterator[Metric]:
    if "issues" in replies:
        rows = replies["issues"].issues
        yield _gauge("issues_open", "Issues that are open.", ["state", "severity"], _by(rows, "state", "severity"))
    if "approvals" in replies:
        waiting = len(replies["approvals"].approvals)
        yield _gauge("approvals_waiting", "Remedies that wait for a person's word.", [], {(): waiting})
    if "drift" in replies:
        yield _gauge("drift_open", "Differences from the config.", ["kind"], _by(replies["drift"].drifts, "drift"))
    if "goals" in replies:
        yield _gauge("goals_open", "Goals that are not met yet.", ["kind"], _by(replies["goals"].goals, "goal_kind"))
    if "experiments" in replies:
        running = sum(row.state == "running" for row in replies["experiments"].experiments)
        yield _gauge("experiments_running", "Parameters that are tried at another value.", [], {(): running})


def _by(rows: Any, *fields: str) -> dict[tuple[str, ...], int]:
    found: dict[tuple[str, ...], int] = {}
    for row in rows:
        key = tuple(getattr(row, field) for field in fields)
        found[key] = found.get(key, 0) + 1
    return found


def _tasks(stats: Any) -> Iterator[Metric]:
    if stats is None:
        return
    yield _gauge("tasks", "Tasks in the queue, and those that ended and are kept.", ["state"], stats.counts)
    yield _gauge("task_workers", "Processes that carry out tasks.", [], {(): stats.workers})
    oldest: dict[str, float] = {}
    for row in stats.waiting:
        oldest[row.kind] = max(oldest.get(row.kind, 0.0), row.oldest_s)
    yield _gauge("task_oldest_seconds", "Since the oldest waiting task was added.", ["kind"], oldest)
    yield _gauge("tasks_paused", "Whether no task is taken.", [], {(): stats.paused is not None})


def _datasets(table: Any) -> Iterator[Metric]:
    if table is None:
        return
    rows = table.datasets
    yield _gauge(
        "dataset_keys_wanted", "Keys that should be there.", ["dataset"], {row.name: row.should for row in rows}
    )
    yield _gauge("dataset_keys_found", "Keys that are there.", ["dataset"], {row.name: row.have for row in rows})
    gaps = {(row.name, kind): number for row in rows for kind, number in row.counts.items()}
    yield _gauge("dataset_gaps", "Keys that are not as they should be.", ["dataset", "kind"], gaps)
    filled = {row.name: row.filled for row in rows}
    yield _gauge("dataset_keys_filled", "Gaps that were closed since all was there last.", ["dataset"], filled)
