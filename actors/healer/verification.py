"""Whether an issue is gone: what was observed since its last symptom, or since the action of a remedy. Pure."""

from __future__ import annotations

import math
from collections import deque
from typing import Final, Literal

import msgspec

from actors.healer.issues import LIFE, PROBE, WARNING, Cause, Issue
from actors.healer.remedies import Remedy
from actors.healer.settings import HealerSettings
from actors.settings import Workload
from actors.settings.wording import said
from bus.messages.healer import IssueKind
from bus.messages.monitor import ForecastCleared, SeriesReturned, ThresholdCleared

UP = ("running", "ready")
"""States that count as up; one that is unhealthy is not."""

AVERAGED_S = 330.0
"""Availability is reckoned over minutes (five by default), so that it shows no repair before."""

OUT_OF_SIGHT_S = 600.0
"""A limit has to be out of sight for minutes (six by default) before a forecast is taken back."""

_UNDER_LIMIT = 3
"""Samples in a row behind the limit that end an issue nobody acted upon, in case ThresholdCleared was lost."""


STARTS_WITHIN_S = 1.5
"""Seconds after its start in which a probe that fails may only say that it is not up yet."""

_TELLING_S = 0.05
"""Seconds that an end may have taken to be told."""


_OUTLIVES: Final = 1.5
"""So many times as long as a life that ended early the next one has to last, to be taken for a better one."""
_LIVES: Final = 8
"""The latest lives that are remembered."""
_EARLY: Final = 2.0
"""A life ended early that lasted less than so many times what counts as stable."""


class Verdict(msgspec.Struct, frozen=True):
    """wait: not known yet. text: what was looked at, or what is missing."""

    outcome: Literal["verified", "failed", "wait"]
    text: str


class Watch:
    """Observations of one issue's subject. Times are monotonic seconds.

    since_s: what is earlier does not count. deadline_s: when a remedy has failed; None while nothing is being done.
    tolerant: the end of the process is part of the remedy. acting: its command is not answered yet. gone: what says
    that the symptom is gone, or empty. against: what happened since that speaks against the remedy, or empty.
    ended_anew: whether a life that began since then ended. aside: set when the remedy is to leave it down.
    """

    def __init__(
        self,
        kind: IssueKind,
        cause: Cause,
        *,
        since_s: float,
        deadline_s: float | None = None,
        tolerant: bool = True,
        acting: bool = False,
    ) -> None:
        self.kind = kind
        self.cause = cause
        self.since_s = since_s
        self.deadline_s = deadline_s
        self.gone = ""
        self._tolerant = tolerant
        self._acting = acting
        self.aside = False
        self._pid: int | None = None
        self._up_since_s: float | None = None
        self.against = ""
        self.ended_anew = False
        self._doubt = ""
        self._behind = 0
        self._state = "unknown"
        self._lives_s: deque[float] = deque(maxlen=_LIVES)

    def saw_process(self, state: str, pid: int | None, age_s: float | None, now_s: float) -> None:
        """The state of the process now. age_s: seconds it is up, when known."""
        self._state = state
        if state not in UP or pid is None:
            self._up_since_s = None
        elif pid != self._pid or self._up_since_s is None:
            self._up_since_s = max(self.since_s, now_s - (age_s or 0.0))
        self._pid = pid

    def saw_exit(self, text: str, now_s: float, uptime_s: float) -> None:
        """It ended, and nobody asked it to; what was seen before says nothing about the next life.

        A life that began before what is watched speaks neither for nor against it.
        """
        former = now_s - uptime_s < self.since_s + _TELLING_S
        self.since_s = now_s
        self._up_since_s = None
        self._pid = None
        self.gone = ""
        self.ended_anew = self.ended_anew or not former
        self._lives_s.append(uptime_s)
        if not (self._tolerant or former) and self.deadline_s is not None:
            self.against = text

    def saw_symptom(self, text: str, now_s: float) -> None:
        """The symptom showed again. While acting, what probes and samples say is about the process before."""
        if self._acting and self.kind not in LIFE:
            return
        self.gone = ""
        self._behind = 0
        if self.deadline_s is not None and self.kind in PROBE and self._starts(now_s):
            self._doubt = text
        elif self.deadline_s is not None:
            self.against = text
        else:
            self.since_s = now_s

    def saw_probe(self, probe: str, *, ok: bool) -> None:
        """One run of a probe."""
        if probe == self.cause.probe:
            self.gone = f"{probe} probe passes" if ok else ""
            self._doubt = "" if ok else self._doubt

    def saw_cleared(self, fact: ThresholdCleared) -> None:
        """The metric is behind its clear value, or has no limit any more."""
        if (fact.scope, fact.metric) != (self.cause.scope, self.cause.metric) or self.kind in WARNING:
            return
        if fact.because == "limit_removed":
            self.gone = f"{fact.metric} has no limit any more"
            return
        down = "down to " if self.cause.direction == "above" else ""
        self.gone = f"{fact.metric} is {down}{said(fact.metric, fact.value)}"

    def saw_forecast_end(self, fact: ForecastCleared) -> None:
        """The limit is not in sight any more."""
        if self.kind == "forecast" and (fact.scope, fact.metric) == (self.cause.scope, self.cause.metric):
            reasons = {"new_life": "a new life began", "limit_removed": f"{fact.metric} has no limit any more"}
            self.gone = reasons.get(fact.because, f"the limit of {fact.metric} is not in sight any more")

    def saw_return(self, fact: SeriesReturned) -> None:
        """The series is what it was before."""
        if self.kind == "drift" and (fact.scope, fact.metric) == (self.cause.scope, self.cause.metric):
            back = f"{fact.metric} is back at {said(fact.metric, fact.now)}"
            self.gone = back if fact.because == "reading" else f"{fact.metric} is not watched for drift any more"

    def saw_values(self, scope: str, values: dict[str, float]) -> None:
        """One sample. After an action one value behind the limit will do; by itself it takes more."""
        value = values.get(self.cause.metric) if scope == self.cause.scope else None
        if value is None or not math.isfinite(value) or self.kind in WARNING:
            return
        if self.cause.is_beyond(value):
            self._behind = 0
            self.gone = ""
            return
        self._behind += 1
        if self._behind >= (_UNDER_LIMIT if self.deadline_s is None else 1):
            metric = self.cause.metric
            self.gone = f"{metric} {said(metric, value)} is behind its limit {said(metric, self.cause.limit)}"

    def saw_actor_start(self) -> None:
        """The actor runs again."""
        self.gone = "the actor runs again"

    def judge(self, now_s: float, stable_for_s: float) -> Verdict:
        """Verified when it was up for stable_for_s seconds and its symptom is gone; failed at the deadline.

        What is to be down is verified when it is held, with no process.
        """
        if self.aside:
            return self._judge_aside(now_s)
        if self.against:
            return Verdict("failed", self.against)
        if self._doubt and not self._starts(now_s):
            return Verdict("failed", self._doubt)
        missing = [text for text in (self._not_stable(now_s, stable_for_s), self._not_gone()) if text]
        if not missing:
            return Verdict("verified", self._seen(now_s))
        if self.deadline_s is not None and now_s >= self.deadline_s:
            return Verdict("failed", f"not verified in time: {' and '.join(missing)}")
        return Verdict("wait", " and ".join(missing))

    def is_up_again(self) -> bool:
        """Whether what was held was seen and is not any more: a person let it go."""
        return self._state not in ("unknown", "held", "stopping")

    def _judge_aside(self, now_s: float) -> Verdict:
        if self._state == "held" and self._pid is None:
            return Verdict("verified", "it is held, and has no process")
        late = self.deadline_s is not None and now_s >= self.deadline_s
        return Verdict("failed" if late else "wait", f"it is {self._state}, and not held")

    def _starts(self, now_s: float) -> bool:
        return now_s - (self.since_s if self._up_since_s is None else self._up_since_s) < STARTS_WITHIN_S

    def _not_stable(self, now_s: float, stable_for_s: float) -> str:
        if self.cause.scope != "workload":
            return ""
        if self._up_since_s is None:
            return f"the process is {self._state}"
        up_s = now_s - self._up_since_s
        early_s = max((lived_s for lived_s in self._lives_s if lived_s < _EARLY * stable_for_s), default=0.0)
        return "" if up_s >= max(stable_for_s, _OUTLIVES * early_s) else f"it is up for {up_s:.1f} s only"

    def _not_gone(self) -> str:
        if self.kind in LIFE or self.gone:
            return ""
        if self.kind == "foreseen":
            return "" if self.deadline_s is not None else "what is foreseen may still come"
        if self.cause.probe:
            return f"the {self.cause.probe} probe has not passed"
        return f"{self.cause.metric or 'the actor'} is not seen to be well"

    def _seen(self, now_s: float) -> str:
        if self._up_since_s is None or self.cause.scope != "workload":
            return self.gone
        up = f"pid {self._pid} is {self._state} for {now_s - self._up_since_s:.1f} s with no exit"
        return f"{up}, {self.gone}" if self.gone else up


def window_s(
    remedy: Remedy, issue: Issue, workload: Workload, settings: HealerSettings, interval_s: float | None
) -> float:
    """Seconds in which a remedy has to be verified. interval_s: between samples of the subject, when known."""
    least_s = float(settings.verify_within)
    if issue.kind == "availability":
        least_s = max(least_s, AVERAGED_S)
    if issue.kind in WARNING:
        least_s = max(least_s, OUT_OF_SIGHT_S)
    if issue.cause.metric:
        least_s = max(least_s, issue.cause.held_s + 2 * (interval_s or 0.0) + settings.stable_for)
    probe = getattr(workload.spec.probes, issue.cause.probe, None) if issue.cause.probe else None
    if probe is not None:
        rounds_s = probe.every * (probe.successes + 1) + probe.timeout
        least_s = max(least_s, probe.initial_delay + rounds_s + settings.stable_for)
    if remedy.verb == "await_restart":
        least_s += workload.spec.restart.backoff_max
    return least_s
