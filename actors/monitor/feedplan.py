"""Which readings the declared metrics of a subject need: those of one endpoint are one reading. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from actors.settings.metrics import Metric


class FeedPlan(Struct, frozen=True):
    """One reading that comes again. key: what makes two metrics share it. metrics: those that it gives.

    every_s: None for the Monitor's interval. within_s: seconds it may take.
    """

    key: str
    metrics: dict[str, Metric]
    every_s: float | None
    within_s: float

    @property
    def origin(self) -> str:
        """Where it reads: command, sql, openmetrics, source or push."""
        return next(iter(self.metrics.values())).origin

    @property
    def shared(self) -> bool:
        """Whether several metrics can come from it, of which some may be absent."""
        return self.origin in {"openmetrics", "push"}


def plan_feeds(metrics: Mapping[str, Metric]) -> list[FeedPlan]:
    """The readings of one subject, in the order of the config.

    Those that share one come as often as the most frequent of them wants, and may take as long as the most patient
    allows. An expression needs no reading of its own.
    """
    shared: dict[str, dict[str, Metric]] = {}
    for name, metric in metrics.items():
        if metric.origin != "expression":
            shared.setdefault(_key(name, metric), {})[name] = metric
    return [
        FeedPlan(
            key,
            together,
            min((float(one.every) for one in together.values() if one.every is not None), default=None),
            max(float(one.within) for one in together.values()),
        )
        for key, together in shared.items()
    ]


def _key(name: str, metric: Metric) -> str:
    if metric.push:
        return "push"
    return metric.openmetrics if metric.openmetrics is not None else name
