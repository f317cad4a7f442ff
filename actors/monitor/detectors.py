"""What is found in the series of one subject beyond its thresholds: forecasts, anomalies and drifts. Pure.

A detector is made when its series first moves, so that what stands still costs nothing. Forecasts are made of every
reading, as they are awaited; anomalies and drifts of one in step_s seconds, as they were judged.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, Literal

from msgspec import Struct

from actors.monitor.anomaly import ALARM, AnomalyDetector
from actors.monitor.drift import Drift, DriftDetector, Return
from actors.monitor.history import History
from actors.monitor.outlook import Outlook, Raised, lead_s, out_of_sight
from actors.monitor.thresholds import Limit
from bus.message import Fact
from bus.messages import (
    AnomalyDetected,
    ForecastCleared,
    ForecastRaised,
    Scope,
    SeriesDrifted,
    SeriesReturned,
)

UNWATCHED: Final = frozenset({"uptime", "restarts", "interval_s", "memory_total", "ignored_readings", "detectors"})
"""Metrics that are no news when they move: counters, and what never changes."""

ASKED_FOR_SHARE: Final = 4
"""One in so many detectors is kept free for what an operator asked for: forecasts and drifts."""

REPLAYED_S: Final = 3000.0
"""Seconds of the kept past that a new detector is shown, so that the first move of a flat series is one."""

Kind = Literal["anomaly", "drift"]


class Detecting(Struct):
    """What all subjects of a node share.

    left: detectors that may still be made, of most. step_s: see above. lead_s: seconds before a limit at which it is
    warned of. measured: metrics that are no operator's own. offset_s: wall time at monotonic 0. refused: detectors that
    there was no room for.
    """

    most: int = 0
    left: int = 0
    step_s: float = 10.0
    lead_s: float = 0.0
    measured: Collection[str] = frozenset()
    offset_s: float = 0.0
    refused: int = 0

    def refit(self, most: int, step_s: float, lead_s: float) -> None:
        """Other settings are in force; detectors beyond a smaller number stay as long as they are needed."""
        self.left += most - self.most
        self.most, self.step_s, self.lead_s = most, step_s, lead_s

    def take(self, *, asked_for: bool) -> bool:
        """Room for one more detector, if there is any."""
        if self.left <= (0 if asked_for else self.most // ASKED_FOR_SHARE):
            self.refused += 1
            return False
        self.left -= 1
        return True


class Detectors:
    """The detectors of one subject. Times are monotonic seconds.

    raised: metric -> the warning that stands. owed: facts that became due when nothing was read.
    """

    __slots__ = (
        "_anomalies", "_drifting", "_drifts", "_life_from_s", "_looked_s", "_outlooks", "_shared", "_who", "owed",
        "raised",
    )  # fmt: skip

    def __init__(self, name: str, scope: Scope, shared: Detecting) -> None:
        self.raised: dict[str, Raised] = {}
        self.owed: list[Fact] = []
        self._who: tuple[str, Scope] = (name, scope)
        self._shared = shared
        self._drifting: frozenset[str] = frozenset()
        self._outlooks: dict[str, Outlook] = {}
        self._anomalies: dict[str, AnomalyDetector] = {}
        self._drifts: dict[str, DriftDetector] = {}
        self._looked_s: dict[str, float] = {}
        self._life_from_s = -math.inf

    @property
    def awake(self) -> bool:
        """Whether readings are wanted that are the same as the last."""
        return bool(self._looked_s or self.raised or self.owed)

    def read(
        self, values: Mapping[str, float], now_s: float, limits: Mapping[str, Limit], history: History
    ) -> list[Fact]:
        """Take in readings before they are history; gives what follows from them."""
        facts, self.owed = self.owed, []
        for metric, value in values.items():
            limit = limits.get(metric)
            if metric not in self._looked_s:
                if metric in UNWATCHED or self._stands_still(metric, value, history):
                    continue
                self._watch(metric, now_s, limit, history)
            if limit is not None:
                facts += self._foresee(limit, value, now_s)
            if now_s - self._looked_s[metric] >= self._shared.step_s * 0.9:
                self._looked_s[metric] = now_s
                facts += self._look(metric, value, now_s)
        for metric in self.raised.keys() & values.keys() - self._outlooks.keys():
            facts += self._settle(metric, None, now_s)
        return facts

    # -- which series

    def _stands_still(self, metric: str, value: float, history: History) -> bool:
        """Whether a series has not moved yet; one that is known from before has."""
        known = metric in self._anomalies or metric in self._drifts
        return not known and history.last(metric) in (None, value)

    def _watch(self, metric: str, now_s: float, limit: Limit | None, history: History) -> None:
        """A series moves for the first time: make its detectors, and show them what is kept of its past."""
        shared = self._shared
        self._looked_s[metric] = now_s - shared.step_s
        from_s = max(now_s - REPLAYED_S, self._life_from_s)
        known = history.last(metric) is not None
        points = list(zip(*history.since(metric, from_s), strict=True)) if known else []
        if limit is not None:
            ahead_s = lead_s(limit, shared.lead_s, shared.measured)
            if ahead_s and shared.take(asked_for=True):
                outlook = self._outlooks[metric] = Outlook(limit, ahead_s)
                for at_s, value in points:
                    outlook.read(value, at_s)
        elif metric not in self._anomalies and shared.take(asked_for=False):
            detector = self._anomalies[metric] = AnomalyDetector()
            for at_s, value in points:
                detector.update(at_s + shared.offset_s, value)
        if metric in self._drifting and metric not in self._drifts and shared.take(asked_for=True):
            self._drifts[metric] = DriftDetector()

    def _drop(self, kept: dict[str, Any], metric: str) -> None:
        if kept.pop(metric, None) is not None:
            self._shared.left += 1

    def close(self) -> None:
        """The subject is gone."""
        self._shared.left += len(self._outlooks) + len(self._anomalies) + len(self._drifts)
        for kept in (self._outlooks, self._anomalies, self._drifts, self._looked_s):
            kept.clear()

    def restrict(self, before: Mapping[str, Limit], limits: Mapping[str, Limit], now_s: float) -> list[Fact]:
        """Other limits are in force: a series that has one is forecast, one that has none may be strange."""
        for metric in before.keys() | limits.keys():
            if before.get(metric) != limits.get(metric):
                self._drop(self._outlooks, metric)
                self._looked_s.pop(metric, None)
            if metric in limits:
                self._drop(self._anomalies, metric)
        for metric, outlook in list(self._outlooks.items()):
            outlook.lead_s = lead_s(limits[metric], self._shared.lead_s, self._shared.measured)
            if not outlook.lead_s:
                self._drop(self._outlooks, metric)
        return [self._cleared(metric, now_s, "limit_removed") for metric in self.raised.keys() - limits.keys()]

    def watch_drift(self, metrics: Collection[str]) -> list[Fact]:
        """Other series are watched for drift; what drifted and is not watched any more is taken back."""
        self._drifting = frozenset(metrics)
        gone = self._drifts.keys() - self._drifting
        facts: list[Fact] = []
        name, scope = self._who
        for metric in gone:
            if self._drifts[metric].away:
                back = SeriesReturned(subject=name, scope=scope, metric=metric, now=0.0, because="not_watched")
                facts.append(back)
            self._drop(self._drifts, metric)
        for metric in self._drifting & self._looked_s.keys() - self._drifts.keys():
            if self._shared.take(asked_for=True):
                self._drifts[metric] = DriftDetector()
        return facts

    # -- forecasts

    def _foresee(self, limit: Limit, value: float, now_s: float) -> list[Fact]:
        metric = limit.metric
        outlook = self._outlooks.get(metric)
        if outlook is None:
            return []
        left_s = outlook.read(value, now_s)
        if metric in self.raised:
            return self._settle(metric, left_s, now_s)
        if not outlook.is_near or not left_s or limit.beyond(value):
            return []
        self.raised[metric] = Raised(now_s, now_s)
        name, scope = self._who
        return [
            ForecastRaised(
                subject=name,
                scope=scope,
                metric=metric,
                value=value,
                limit=limit.value,
                direction=limit.direction,
                in_s=left_s,
                unit=limit.unit,
            )
        ]

    def _settle(self, metric: str, left_s: float | None, now_s: float) -> list[Fact]:
        outlook = self._outlooks.get(metric)
        ahead_s = outlook.lead_s if outlook is not None else self._shared.lead_s
        if out_of_sight(self.raised[metric], left_s, ahead_s, now_s):
            return [self._cleared(metric, now_s, "reading")]
        return []

    def _cleared(
        self, metric: str, now_s: float, because: Literal["reading", "crossed", "new_life", "limit_removed"]
    ) -> ForecastCleared:
        raised, (name, scope) = self.raised.pop(metric), self._who
        lasted_s = max(0.0, now_s - raised.at_s)
        return ForecastCleared(subject=name, scope=scope, metric=metric, lasted_s=lasted_s, because=because)

    def standing(self) -> Iterator[tuple[str, Literal["forecast", "drift"]]]:
        """Metrics with a warning that stands, and of what."""
        yield from ((metric, "forecast") for metric in self.raised)
        yield from ((metric, "drift") for metric, detector in self._drifts.items() if detector.away)

    def resume(self, metric: str, at_s: float, now_s: float) -> None:
        """A warning stands that was raised in another life of this actor: it is cleared unless readings confirm it."""
        self.raised[metric] = Raised(at_s, now_s)

    def crossed(self, metric: str, now_s: float) -> list[Fact]:
        """What was foreseen has come."""
        return [self._cleared(metric, now_s, "crossed")] if metric in self.raised else []

    def end_life(self, now_s: float) -> None:
        """A life has ended: what it was heading for is not the next one's way.

        A warning that was resumed stands until readings do not confirm it: the first look at a process that goes on is
        no new life of it.
        """
        self._life_from_s = now_s
        foreseen = self.raised.keys() & self._outlooks.keys()
        self.owed += [self._cleared(metric, now_s, "new_life") for metric in foreseen]
        for metric in list(self._outlooks):
            self._drop(self._outlooks, metric)
            self._looked_s.pop(metric, None)

    # -- anomalies and drifts

    def _look(self, metric: str, value: float, now_s: float) -> list[Fact]:
        facts: list[Fact] = []
        (name, scope), at_s = self._who, now_s + self._shared.offset_s
        strange = self._anomalies.get(metric)
        if strange is not None:
            score = strange.update(at_s, value)
            if score >= ALARM:
                facts.append(AnomalyDetected(subject=name, scope=scope, metric=metric, value=value, score=score))
        drifting = self._drifts.get(metric)
        if drifting is not None:
            found = drifting.update(at_s, value)
            if isinstance(found, Drift):
                since_s = max(0.0, at_s - found.since_s)
                facts.append(
                    SeriesDrifted(
                        subject=name,
                        scope=scope,
                        metric=metric,
                        what=found.kind,
                        before=found.before,
                        after=found.after,
                        since_s=since_s,
                    )
                )
            elif isinstance(found, Return):
                facts.append(SeriesReturned(subject=name, scope=scope, metric=metric, now=found.now))
        return facts

    # -- what survives

    def saved(self) -> Iterator[tuple[str, Kind, bytes]]:
        """Metric, kind and state of each detector that learns for days and was used in this life of the actor."""
        for metric in self._looked_s:
            if metric in self._anomalies:
                yield metric, "anomaly", self._anomalies[metric].save()
            if metric in self._drifts:
                yield metric, "drift", self._drifts[metric].save()

    def restore(self, metric: str, kind: Kind, state: bytes) -> None:
        """Go on with a detector of another life of this actor. Raises ValueError when the state cannot be read."""
        made = AnomalyDetector(state) if kind == "anomaly" else DriftDetector(state)
        if self._shared.take(asked_for=kind == "drift"):
            if isinstance(made, AnomalyDetector):
                self._anomalies[metric] = made
            else:
                self._drifts[metric] = made
