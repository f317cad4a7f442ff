"""When a reading is an issue: one small state machine per subject and metric. Pure.

calm -> pending -> crossed -> calm: beyond the limit, beyond it for the whole hold time, back behind the clear value.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final, Literal

from msgspec import Struct

from actors.settings import Threshold
from actors.settings.units import Unit

Direction = Literal["above", "below"]
Severity = Literal["warning", "critical"]

_PERCENT_TOP: Final = {"availability": 100.0}
"""Metrics that cannot rise over a value, so that the value at which an issue ends has to lie under it."""


class Limit(Struct, frozen=True, kw_only=True):
    """One threshold in the units of the readings. clear: where it ends. hold_s: seconds it must last.

    cool_down_s: seconds from one crossing in which the next is not told. action: the remedy wanted first, or empty.
    forecast_s: see Threshold.forecast. unit: of value and clear; empty for that of the metric's name.
    """

    metric: str
    direction: Direction
    value: float
    clear: float
    hold_s: float = 0.0
    severity: Severity = "warning"
    cool_down_s: float = 0.0
    action: str = ""
    unit: str = ""
    forecast_s: float | None = None

    def beyond(self, reading: float) -> bool:
        """Whether a reading is past the limit."""
        return reading > self.value if self.direction == "above" else reading < self.value

    def behind(self, reading: float) -> bool:
        """Whether a reading is back at or behind the clear value."""
        return reading <= self.clear if self.direction == "above" else reading >= self.clear


class Watch(Struct, frozen=True, kw_only=True):
    """What is remembered of one threshold.

    since_s: monotonic time of the first reading beyond the limit, in pending and crossed. crossed_s: monotonic time at
    which it was told. rests_s: monotonic time until which it is not told again.
    """

    phase: Literal["calm", "pending", "crossed"] = "calm"
    since_s: float = 0.0
    crossed_s: float = 0.0
    rests_s: float = -math.inf

    def calmed(self) -> Watch:
        """The same with nothing beyond the limit."""
        return CALM if self.rests_s == -math.inf else Watch(rests_s=self.rests_s)


CALM: Final = Watch()


class Crossed(Struct, frozen=True):
    """The limit was passed for the whole hold time. held_s: seconds."""

    held_s: float


class Cleared(Struct, frozen=True):
    """The metric is back. lasted_s: seconds since it crossed."""

    lasted_s: float


def step(watch: Watch, limit: Limit, reading: float, now_s: float) -> tuple[Watch, Crossed | Cleared | None]:
    """Take in one reading; gives what to remember, and what is to be told.

    A reading that is no finite number changes nothing. When time went backwards the hold starts afresh.
    """
    if not math.isfinite(reading):
        return watch, None
    if watch.phase == "crossed":
        if not limit.behind(reading):
            return watch, None
        calm = Watch(rests_s=watch.crossed_s + limit.cool_down_s) if limit.cool_down_s else CALM
        return calm, Cleared(max(0.0, now_s - watch.crossed_s))
    if not limit.beyond(reading):
        return watch.calmed(), None
    if watch.phase == "calm" or now_s < watch.since_s:
        watch = Watch(phase="pending", since_s=now_s, rests_s=min(watch.rests_s, now_s + limit.cool_down_s))
    held_s = now_s - watch.since_s
    if held_s < limit.hold_s or now_s < watch.rests_s:
        return watch, None
    return Watch(phase="crossed", since_s=watch.since_s, crossed_s=now_s), Crossed(held_s)


def restarted(watch: Watch) -> Watch:
    """The subject began a new life: a hold starts afresh, what was told stays until a reading clears it."""
    return watch.calmed() if watch.phase == "pending" else watch


def ends_hold_s(watch: Watch, limit: Limit) -> float | None:
    """The monotonic time at which a pending hold is over, so that a reading can be taken just then."""
    return max(watch.since_s + limit.hold_s, watch.rests_s) if watch.phase == "pending" else None


def limit_of(metric: str, threshold: Threshold, unit: Unit, memory_total: float) -> Limit:
    """The limit in the metric's own unit.

    unit: of the readings. memory_total: bytes of the host. The clear value of an availability that was left to the
    default lies half-way to 100 %, as 110 % of it may never be reached.
    """
    if threshold.above is not None:
        direction: Direction = "above"
        value = float(threshold.above)
    else:
        direction = "below"
        value = float(threshold.below or 0.0)
    clear = float(threshold.clear_at())
    top = _PERCENT_TOP.get(metric)
    if top is not None and direction == "below" and threshold.clear is None:
        clear = min(clear, (value + top) / 2)
    if unit == "bytes" and threshold.unit == "percent":
        value, clear = value / 100 * memory_total, clear / 100 * memory_total
    return Limit(
        metric=metric,
        direction=direction,
        value=value,
        clear=clear,
        hold_s=float(threshold.for_),
        severity=threshold.severity,
        cool_down_s=float(threshold.cool_down),
        action=threshold.action or "",
        unit=unit,
        forecast_s=None if threshold.forecast is None else float(threshold.forecast),
    )


def limits_of(thresholds: Mapping[str, Threshold], units: Mapping[str, Unit], memory_total: float) -> dict[str, Limit]:
    """Every limit by metric; the unit of a metric that is not among units is that of its threshold."""
    return {
        metric: limit_of(metric, threshold, _unit_of(metric, units) or threshold.unit or "count", memory_total)
        for metric, threshold in thresholds.items()
    }


def _unit_of(metric: str, units: Mapping[str, Unit]) -> Unit | None:
    """That of the whole for a part of it, such as gpu.memory."""
    return units.get(metric) or units.get(metric.partition(".")[0])


def interval_for(limits: Mapping[str, Limit], interval_s: float, interval_min_s: float) -> float:
    """Seconds between readings that are short enough for every hold time: half of the shortest one.

    A limit without a hold time is to be seen at once: interval_min_s.
    """
    return min([interval_s, *(max(interval_min_s, limit.hold_s / 2) for limit in limits.values())])
