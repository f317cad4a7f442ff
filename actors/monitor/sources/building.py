"""Makes the source that a plan asks for, with what the subject's own directory and account are."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from actors.base import NodeView
from actors.monitor.feedplan import FeedPlan
from actors.monitor.sources.custom import CustomSource
from actors.monitor.sources.reader import MetricSource
from actors.settings.metrics import POSTGRES, Metric

_OF_THE_NODE: Final = ("GYROSTAT_TOKEN", "GYROSTAT_INCARNATION", "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")
"""Variables of the node's own process that a command is not given."""


class NothingToRead:
    """Of metrics whose values are handed in."""

    def read(self) -> Mapping[str, float]:
        """Nothing comes from here."""
        return {}

    def close(self) -> None:
        """There is nothing to let go of."""


class Recipe:
    """What a source is made of: two that are equal make the same. subject: a workload, or the host."""

    def __init__(self, node: NodeView, subject: str, plan: FeedPlan) -> None:
        workload = node.workloads.get(subject)
        self.plan = plan
        self.directory: Path = workload.cwd if workload is not None else node.root
        self.account = (workload.spec.user, workload.spec.group) if workload is not None else (None, None)
        self.env = {"GYROSTAT_NODE": node.name}
        if workload is not None:
            self.env |= {**workload.env, "GYROSTAT_WORKLOAD": subject, "GYROSTAT_MODE": workload.mode}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Recipe) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    def build(self) -> MetricSource:
        """Make the source; nothing is opened before its first reading. What it needs is imported now, not before."""
        name, metric = next(iter(self.plan.metrics.items()))
        origin = self.plan.origin
        if origin == "command":
            return self._command(name, metric)
        if origin == "sql":
            return self._sql(name, metric)
        if origin == "openmetrics":
            from actors.monitor.sources.openmetrics import OpenMetricsSource, Wanted  # noqa: PLC0415 - HTTP, TLS

            wanted = {each: Wanted(one.sample or each, one.labels) for each, one in self.plan.metrics.items()}
            return OpenMetricsSource(metric.openmetrics or "", wanted, self.plan.within_s)
        if origin == "source":
            return CustomSource(name, metric.source or "", metric.options)
        return NothingToRead()

    def _command(self, name: str, metric: Metric) -> MetricSource:
        from actors.monitor.sources.command import Account, CommandSource  # noqa: PLC0415

        env = {key: value for key, value in os.environ.items() if key not in _OF_THE_NODE} | self.env
        account = Account(*self.account)
        return CommandSource(name, metric.command or [], metric.within, cwd=self.directory, env=env, account=account)

    def _sql(self, name: str, metric: Metric) -> MetricSource:
        from actors.monitor.sources.sql import PostgresSource, SqliteSource  # noqa: PLC0415

        query, database = metric.sql or "", metric.database or ""
        if database.startswith(POSTGRES):
            return PostgresSource(name, query, metric.within, database)
        return SqliteSource(name, query, metric.within, self.directory / database)
