"""One measured subject: its latest readings, its past, its thresholds and its level; readings in, facts out. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from msgspec import Struct

from actors.monitor.health import Crossing, Verdict
from actors.monitor.history import History, Points
from actors.monitor.thresholds import CALM, Cleared, Limit, Watch, ends_hold_s, restarted, step
from actors.monitor.trend import STABLE, UNTRENDED, Bad, Slope, bad_direction, enough, find_trend
from bus.message import Fact
from bus.messages import (
    HealthChanged,
    HealthLevel,
    HealthRow,
    MetricsSampled,
    Scope,
    ThresholdCleared,
    ThresholdCrossed,
    TrendChanged,
)


class TrendJob(Struct, frozen=True):
    """What one look for a trend needs."""

    subject: Subject
    metric: str
    points: Points
    bad: Bad


class Subject:
    """The host, the node, the whole or a workload. Times are monotonic seconds.

    ignored: readings that were no finite number. crossed_value: the latest reading of each crossed metric.
    """

    def __init__(self, name: str, scope: Scope, history: History, now_s: float) -> None:
        self.name = name
        self.scope: Scope = scope
        self.history = history
        self.limits: dict[str, Limit] = {}
        self.watches: dict[str, Watch] = {}
        self.trends: dict[str, Slope] = {}
        self.verdict = Verdict("healthy", [])
        self.level_since_s = now_s
        self.ignored = 0
        self.crossed_value: dict[str, float] = {}
        self._latest: dict[str, tuple[float, float]] = {}
        self._life_from_s = -math.inf

    # -- readings

    def read(self, values: Mapping[str, float], now_s: float, interval_s: float) -> list[Fact]:
        """Take in readings; gives the sample and what crossed or cleared by it. Nothing when no value is usable."""
        usable = {metric: float(value) for metric, value in values.items() if math.isfinite(value)}
        self.ignored += len(values) - len(usable)
        if not usable:
            return []
        self._latest.update({metric: (now_s, value) for metric, value in usable.items()})
        self.history.add(now_s, usable.items())
        sampled = MetricsSampled(subject=self.name, scope=self.scope, values=usable, interval_s=interval_s)
        moved = (self._check(limit, usable[metric], now_s) for metric, limit in self.limits.items() if metric in usable)
        return [sampled, *(fact for fact in moved if fact is not None)]

    def _check(self, limit: Limit, value: float, now_s: float) -> Fact | None:
        watch, event = step(self.watches.get(limit.metric, CALM), limit, value, now_s)
        self.watches[limit.metric] = watch
        if watch.phase == "crossed":
            self.crossed_value[limit.metric] = value
        if event is None:
            return None
        if isinstance(event, Cleared):
            return self._cleared(limit.metric, value, event.lasted_s)
        return ThresholdCrossed(
            subject=self.name,
            scope=self.scope,
            metric=limit.metric,
            value=value,
            limit=limit.value,
            direction=limit.direction,
            held_s=event.held_s,
            severity=limit.severity,
        )

    def _cleared(self, metric: str, value: float, lasted_s: float, *, removed: bool = False) -> ThresholdCleared:
        self.crossed_value.pop(metric, None)
        return ThresholdCleared(
            subject=self.name,
            scope=self.scope,
            metric=metric,
            value=value,
            lasted_s=lasted_s,
            because="limit_removed" if removed else "reading",
        )

    def latest(self, metric: str) -> float | None:
        """The latest reading of a metric; None when there is none of the present life."""
        found = self._latest.get(metric)
        return None if found is None else found[1]

    def reborn(self, now_s: float) -> None:
        """A new incarnation: holds start afresh, trends too, and old readings are no longer the latest."""
        self.watches = {metric: restarted(watch) for metric, watch in self.watches.items()}
        self._life_from_s = now_s
        self.gone()

    def gone(self) -> None:
        """There is nothing to read now: values of the past are not shown as present ones."""
        self._latest.clear()

    def hold_ends_s(self) -> float | None:
        """The earliest end of a pending hold, so that a reading can be taken just then."""
        ends = (ends_hold_s(self.watches[m], limit) for m, limit in self.limits.items() if m in self.watches)
        return min((end for end in ends if end is not None), default=None)

    # -- thresholds

    def restrict(self, limits: Mapping[str, Limit], now_s: float) -> list[Fact]:
        """Other limits are in force; a crossing whose limit is gone is cleared."""
        lost = [metric for metric in self.watches if metric not in limits]
        facts: list[Fact] = []
        for metric in lost:
            watch = self.watches.pop(metric)
            if watch.phase == "crossed":
                value = self.crossed_value.get(metric, 0.0)
                facts.append(self._cleared(metric, value, max(0.0, now_s - watch.crossed_s), removed=True))
        self.limits = dict(limits)
        return facts

    def resume(self, metric: str, value: float, since_s: float, crossed_s: float) -> None:
        """A threshold was told to be crossed before this actor was made anew."""
        self.watches[metric] = Watch(phase="crossed", since_s=since_s, crossed_s=crossed_s)
        self.crossed_value[metric] = value

    def crossings(self, now_s: float) -> list[Crossing]:
        """The thresholds that are crossed now."""
        return [
            Crossing(
                metric=metric,
                value=self.crossed_value.get(metric, limit.value),
                limit=limit.value,
                direction=limit.direction,
                severity=limit.severity,
                lasted_s=max(0.0, now_s - self.watches[metric].since_s),
            )
            for metric, limit in self.limits.items()
            if metric in self.watches and self.watches[metric].phase == "crossed"
        ]

    # -- trends

    def trend_jobs(self, now_s: float, window_s: float) -> list[TrendJob]:
        """What is to be looked at for trends: every series of the present life that moved within the window.

        One that stood still and is known to be stable needs no look; most do.
        """
        from_s = max(now_s - window_s, self._life_from_s)
        return [
            TrendJob(self, metric, self.history.since(metric, from_s), self._bad(metric))
            for metric in self.history.metrics
            if metric not in UNTRENDED and not self._still(metric, from_s, window_s)
        ]

    def _still(self, metric: str, from_s: float, window_s: float) -> bool:
        """Whether a series was stable before and has not moved since; how much is known of it is noted."""
        steady = self.history.steady(metric, from_s)
        if steady is None or self.trends.get(metric, STABLE) != STABLE:
            return False
        if enough(*steady, window_s):
            self.trends[metric] = STABLE
        else:
            self.trends.pop(metric, None)
        return True

    def _bad(self, metric: str) -> Bad:
        limit = self.limits.get(metric)
        return bad_direction(metric, [limit.direction] if limit else [])

    def trended(self, metric: str, slope: Slope | None) -> TrendChanged | None:
        """A look at one series is done; a series that is too short counts as stable."""
        before = self.trends.get(metric, STABLE)
        after = slope or STABLE
        if slope is None:
            self.trends.pop(metric, None)
        else:
            self.trends[metric] = slope
        if after.trend == before.trend:
            return None
        return TrendChanged(
            subject=self.name, metric=metric, trend=after.trend, before=before.trend, slope_per_s=after.per_s
        )

    # -- level

    def judged(self, verdict: Verdict, now_s: float) -> HealthChanged | None:
        """The present verdict; a fact when the level moved."""
        before, self.verdict = self.verdict.level, verdict
        if verdict.level == before:
            return None
        self.level_since_s = now_s
        return HealthChanged(subject=self.name, scope=self.scope, level=verdict.level, before=before, why=verdict.why)

    def stand_at(self, level: HealthLevel, since_s: float) -> None:
        """The level that was told before this actor was made anew."""
        self.verdict, self.level_since_s = Verdict(level, []), since_s

    def row(self, now_s: float, stale_s: float) -> HealthRow:
        """For the report; a reading older than stale_s seconds is left out."""
        return HealthRow(
            subject=self.name,
            scope=self.scope,
            level=self.verdict.level,
            since_s=max(0.0, now_s - self.level_since_s),
            why=list(self.verdict.why),
            values={metric: value for metric, (at_s, value) in self._latest.items() if now_s - at_s <= stale_s},
            trends={metric: slope.trend for metric, slope in self.trends.items()},
        )


def look_for_trends(
    jobs: Iterable[TrendJob], window_s: float, change_min: float
) -> list[tuple[TrendJob, Slope | None]]:
    """Every job with what was found; some tenths of a millisecond for each series that moves."""
    return [
        (job, find_trend(*job.points, metric=job.metric, bad=job.bad, window_s=window_s, change_min=change_min))
        for job in jobs
    ]
