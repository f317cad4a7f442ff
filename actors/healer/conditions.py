"""What facts said is wrong and no fact has yet said to be over: so that a sign that came at a bad moment is not lost.

Pure. Bounded by the workloads' probes and metrics.
"""

from __future__ import annotations

import math

import msgspec

from actors.healer.issues import Symptom, family


class Condition(msgspec.Struct):
    """A symptom that lasts. beyond_s: monotonic time since which the metric's samples are beyond the limit, or None."""

    symptom: Symptom
    beyond_s: float | None


class Conditions:
    """Lasting symptoms by subject and family; a probe's name is part of its key."""

    def __init__(self) -> None:
        self._lasting: dict[str, dict[str, Condition]] = {}

    def begin(self, symptom: Symptom, now_s: float) -> None:
        """A probe failed or a metric crossed."""
        self._lasting.setdefault(symptom.subject, {})[_key(symptom)] = Condition(symptom, now_s)

    def told(self, symptom: Symptom) -> bool:
        """More is known of a symptom that has begun; whether it lasts still."""
        condition = self._lasting.get(symptom.subject, {}).get(_key(symptom))
        if condition is not None:
            condition.symptom = symptom
        return condition is not None

    def having(self, metric: str) -> list[str]:
        """Workloads of which this metric is beyond its limit."""
        return [subject for subject, lasting in self._lasting.items() if f"workload:{metric}" in lasting]

    def end_probe(self, subject: str, probe: str) -> None:
        """The probe passes."""
        self._lasting.get(subject, {}).pop(f"probe {probe}", None)

    def end_probes(self, subject: str) -> None:
        """The process they were about is no more."""
        kept = {key: one for key, one in self._lasting.get(subject, {}).items() if not one.symptom.cause.probe}
        self._lasting[subject] = kept

    def end_metric(self, subject: str, scope: str, metric: str) -> None:
        """The metric is behind its clear value."""
        self._lasting.get(subject, {}).pop(f"{scope}:{metric}", None)

    def end_subject(self, subject: str) -> None:
        """A person dealt with it, or it is no longer declared."""
        self._lasting.pop(subject, None)

    def sampled(self, subject: str, scope: str, values: dict[str, float], now_s: float) -> None:
        """Note which lasting metrics are beyond their limit in this sample."""
        for condition in self._lasting.get(subject, {}).values():
            cause = condition.symptom.cause
            value = values.get(cause.metric) if cause.scope == scope else None
            if value is not None and math.isfinite(value):
                beyond_s = now_s if condition.beyond_s is None else condition.beyond_s
                condition.beyond_s = beyond_s if cause.is_beyond(value) else None

    def due(self, now_s: float, after_s: float) -> list[Symptom]:
        """Symptoms that last for their threshold's hold time and after_s seconds at least."""
        return [
            condition.symptom
            for lasting in self._lasting.values()
            for condition in lasting.values()
            if condition.beyond_s is not None
            and now_s - condition.beyond_s >= max(after_s, condition.symptom.cause.held_s)
        ]


def _key(symptom: Symptom) -> str:
    probe = symptom.cause.probe
    return f"probe {probe}" if probe else family(symptom.kind, symptom.cause)
