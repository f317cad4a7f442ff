"""One measured subject: its latest readings, its past, its thresholds and its level; readings in, facts out. Pure."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Final

from msgspec import Struct

from actors.monitor.detectors import Detecting, Detectors
from actors.monitor.expressions import Expressions
from actors.monitor.health import Crossing, Verdict
from actors.monitor.history import History, Points
from actors.monitor.samples import Samples
from actors.monitor.thresholds import CALM, Cleared, Limit, Watch, ends_hold_s, restarted, step
from actors.monitor.trend import SPAN_SHARE_MIN, STABLE, UNTRENDED, Bad, Slope, bad_direction, enough, find_trend
from actors.settings.metrics import Metric
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

RECENT_S: Final = 3600.0
"""Seconds for which a reading is used by the expressions that name it."""


ALWAYS_MOVES: Final = frozenset({"uptime"})
"""What is no news when it moves, and is not kept: the present reading says it all."""
WHOLLY_THERE: Final = 100.0
"""Percent of availability at which there is nothing to prove."""


class TrendJob(Struct, frozen=True):
    """What one look for a trend needs."""

    subject: Subject
    metric: str
    points: Points
    bad: Bad


class Subject:
    """The host, the node, the whole or a workload. Times are monotonic seconds.

    ignored: readings that were no finite number. crossed_value: the latest reading of each crossed metric.
    expressions: its metrics that are reckoned from others. shared: see Detecting; without it there are no detectors.
    """

    def __init__(
        self, name: str, scope: Scope, history: History, now_s: float, shared: Detecting | None = None
    ) -> None:
        self.name = name
        self.scope: Scope = scope
        self.history = history
        self.limits: Mapping[str, Limit] = {}
        self.watches: dict[str, Watch] = {}
        self.trends: dict[str, Slope] = {}
        self.verdict = Verdict("healthy", [])
        self.level_since_s = now_s
        self.ignored = 0
        self.crossed_value: dict[str, float] = {}
        self.expressions: Expressions | None = None
        self.detectors = Detectors(name, scope, shared or Detecting())
        self.hold_s_min = math.inf
        self._values: dict[str, float] = {}
        self._read_s: dict[str, float] = {}
        self._moved_s: dict[str, float] = {}
        self._samples = Samples()
        self._unchecked: AbstractSet[str] = frozenset()
        self._life_from_s = -math.inf

    # -- readings

    def read(self, values: Mapping[str, float], now_s: float, interval_s: float) -> list[Fact]:
        """Take in readings; gives the sample, when it is news, and what crossed or cleared by it.

        Nothing when no value is usable.
        """
        usable = {metric: float(value) for metric, value in values.items() if math.isfinite(value)}
        self.ignored += len(values) - len(usable)
        if not usable:
            return []
        if self.expressions is not None:
            usable |= self._reckoned(self.expressions, usable, now_s)
        before = self._values
        moved = {
            name: value for name, value in usable.items() if before.get(name) != value and name not in ALWAYS_MOVES
        }
        if moved:
            self._moved_s.update({name: now_s for name in moved if name in before})
        before.update(usable)
        self._read_s.update(dict.fromkeys(usable, now_s))
        awake = self.detectors.awake
        found = (
            self.detectors.read(usable if awake else moved, now_s, self.limits, self.history) if moved or awake else []
        )
        kept = [pair for pair in usable.items() if pair[0] not in ALWAYS_MOVES]
        self.history.add(now_s, kept, moved=bool(moved))
        checked = [
            fact
            for name, limit in self.limits.items()
            if name in usable and (name in moved or name in self.watches or name in self._unchecked)
            for fact in self._check(limit, usable[name], now_s)
        ]
        return [*self._sampled(usable, moved, now_s, interval_s), *checked, *found]

    def _sampled(self, usable: dict[str, float], moved: Collection[str], now_s: float, interval_s: float) -> list[Fact]:
        """The sample, unless it says of a workload what the last one said, and nothing is wrong."""
        group = next(iter(usable))
        calm = self.scope == "workload" and not moved and not self._disturbed()
        if calm and self._samples.leaves_out(group, now_s):
            return []
        same_s = self._samples.told(group, now_s)
        sampled = MetricsSampled(
            subject=self.name, scope=self.scope, values=usable, interval_s=interval_s, unchanged_s=same_s
        )
        return [sampled]

    def _disturbed(self) -> bool:
        """Whether a limit is passed, or it is not always there: then every reading counts for somebody."""
        return bool(self.watches) or self._values.get("availability", WHOLLY_THERE) < WHOLLY_THERE

    def _reckoned(self, expressions: Expressions, usable: Mapping[str, float], now_s: float) -> dict[str, float]:
        """The metrics that follow from these readings and the latest others."""
        recent = {metric: value for metric, value in self._values.items() if now_s - self._read_s[metric] <= RECENT_S}
        failed = expressions.failed
        found = expressions.values(recent | dict(usable), usable.keys())
        self.ignored += expressions.failed - failed
        return found

    def _check(self, limit: Limit, value: float, now_s: float) -> list[Fact]:
        watch, event = step(self.watches.get(limit.metric, CALM), limit, value, now_s)
        self._unchecked = self._unchecked - {limit.metric} if self._unchecked else self._unchecked
        if watch.phase == "calm":
            self.watches.pop(limit.metric, None)
        else:
            self.watches[limit.metric] = watch
        if watch.phase == "crossed":
            self.crossed_value[limit.metric] = value
        if event is None:
            return []
        if isinstance(event, Cleared):
            return [self._cleared(limit.metric, value, event.lasted_s)]
        crossed = ThresholdCrossed(
            subject=self.name,
            scope=self.scope,
            metric=limit.metric,
            value=value,
            limit=limit.value,
            direction=limit.direction,
            held_s=event.held_s,
            severity=limit.severity,
            action=limit.action,
            unit=limit.unit,
        )
        return [crossed, *self.detectors.crossed(limit.metric, now_s)]

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
        return self._values.get(metric)

    def read_at(self, metric: str) -> float | None:
        """When the latest reading of a metric was taken; None when there is none of the present life."""
        return self._read_s.get(metric)

    def reborn(self, now_s: float) -> None:
        """A new incarnation: holds start afresh, trends too, and old readings are no longer the latest."""
        self.watches = {name: watch for name, watch in self.watches.items() if restarted(watch) is watch}
        self.trends = {name: slope for name, slope in self.trends.items() if slope != STABLE}
        self._life_from_s = now_s
        self.gone(now_s)

    def gone(self, now_s: float) -> None:
        """There is nothing to read now: values of the past are not shown as present ones, nor carried on."""
        self._values.clear()
        self._read_s.clear()
        self.detectors.end_life(now_s)

    def owed(self) -> list[Fact]:
        """Facts that became due without a reading."""
        owed, self.detectors.owed = self.detectors.owed, []
        return owed

    def hold_ends_s(self) -> float | None:
        """The earliest end of a pending hold, so that a reading can be taken just then."""
        ends = (ends_hold_s(self.watches[m], limit) for m, limit in self.limits.items() if m in self.watches)
        return min((end for end in ends if end is not None), default=None)

    # -- thresholds

    def restrict(self, limits: Mapping[str, Limit], now_s: float) -> list[Fact]:
        """Other limits are in force; a crossing whose limit is gone is cleared."""
        lost = [metric for metric in self.watches if metric not in limits]
        facts: list[Fact] = [*self.detectors.restrict(self.limits, limits, now_s)]
        for metric in lost:
            watch = self.watches.pop(metric)
            if watch.phase == "crossed":
                value = self.crossed_value.get(metric, 0.0)
                facts.append(self._cleared(metric, value, max(0.0, now_s - watch.crossed_s), removed=True))
        self.limits = limits
        self._unchecked = {metric for metric in limits if metric in self._values} or frozenset()
        self.hold_s_min = min((limit.hold_s for limit in limits.values()), default=math.inf)
        return facts

    def declare(self, metrics: Mapping[str, Metric], drift: Collection[str]) -> list[Fact]:
        """Metrics of its own are reckoned, and series watched for drift, as the config now says."""
        texts = {name: one.expression for name, one in metrics.items() if one.expression is not None}
        if texts != (self.expressions.texts if self.expressions is not None else {}):
            self.expressions = Expressions(texts) if texts else None
        return self.detectors.watch_drift(drift)

    def removed(self, now_s: float) -> list[Fact]:
        """The subject is no more: whatever was told of it is taken back."""
        facts = [*self.restrict({}, now_s), *self.declare({}, ())]
        self.detectors.close()
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
                unit=limit.unit,
                lasted_s=max(0.0, now_s - self.watches[metric].since_s),
            )
            for metric, limit in self.limits.items()
            if metric in self.watches and self.watches[metric].phase == "crossed"
        ]

    # -- trends

    @property
    def _lives_from_s(self) -> float:
        """When the present process began; its uptime tells it of one that is older than this actor."""
        uptime_s = self._values.get("uptime")
        return self._life_from_s if uptime_s is None else min(self._life_from_s, self._read_s["uptime"] - uptime_s)

    def trend_jobs(self, now_s: float, window_s: float) -> list[TrendJob]:
        """What is to be looked at for trends: every series of the present life that moved within the window.

        One that stood still and is known to be stable needs no look; most do.
        """
        lives_s = self._lives_from_s
        from_s = max(now_s - window_s, lives_s)
        short = now_s - lives_s < window_s * SPAN_SHARE_MIN
        return [
            TrendJob(self, metric, self.history.since(metric, from_s), self.bad_way(metric))
            for metric in self.history.metrics
            if metric not in UNTRENDED
            and not self._rests(metric, lives_s if short else from_s, short=short)
            and not self._still(metric, from_s, window_s)
        ]

    def _rests(self, metric: str, since_s: float, *, short: bool) -> bool:
        """Whether it can be said without its past that a series has no trend: it did not move, or not for long.

        short: the present life is too short for a trend.
        """
        still = self._moved_s.get(metric, -math.inf) < since_s
        return still and (self.trends.get(metric) is STABLE or (short and metric not in self.trends))

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

    def bad_way(self, metric: str) -> Bad:
        """The way in which a metric gets worse."""
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
            values={metric: value for metric, value in self._values.items() if now_s - self._read_s[metric] <= stale_s},
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
