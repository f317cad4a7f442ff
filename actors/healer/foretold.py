"""What the Monitor says of things to come: forecasts, drift, and readings unlike any before."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from actors.healer import symptoms
from actors.healer.casebook import Case
from actors.healer.issues import WARNING, Symptom
from actors.healer.remedies import needed_by
from actors.healer.strange import Strange
from actors.healer.teaching import Teaching
from bus.messages.monitor import (
    AnomalyDetected,
    ForecastCleared,
    ForecastRaised,
    ListWarnings,
    SeriesDrifted,
    SeriesReturned,
    WarningList,
)

_WARNINGS_S: Final = 5.0


class Foretold(Teaching):
    """The facts about what is not yet wrong; actor.py hears the others."""

    _strange: Strange
    _waiting: set[str]

    def _take(self, symptom: Symptom | None) -> None:
        raise NotImplementedError

    def _seen_well(self, case: Case) -> None:
        raise NotImplementedError

    def on_forecast_raised(self, fact: ForecastRaised) -> None:
        self._take(symptoms.of_forecast(fact))

    def on_forecast_cleared(self, fact: ForecastCleared) -> None:
        for case in self.book.of(fact.subject):
            case.watch.saw_forecast_end(fact)
            self._seen_well(case)

    def on_series_drifted(self, fact: SeriesDrifted) -> None:
        self._take(symptoms.of_drift(fact))

    def on_series_returned(self, fact: SeriesReturned) -> None:
        for case in self.book.of(fact.subject):
            case.watch.saw_return(fact)
            self._seen_well(case)

    def _ask_what_is_foretold(self) -> None:
        """The end of a warning may have been lost: those that the Monitor no longer has are over."""
        open_now = {case.issue.issue for case in self.book.cases() if case.issue.kind in WARNING}
        if open_now:
            self.request(ListWarnings(), partial(self._saw_warnings, open_now), timeout_s=_WARNINGS_S)

    def _saw_warnings(self, asked_of: set[str], outcome: Any) -> None:
        """asked_of: what was open when the Monitor was asked; what came since it may not have known."""
        if not isinstance(outcome, WarningList):
            return
        standing = {(row.subject, row.scope, row.metric, row.what) for row in outcome.warnings}
        for case in self.book.cases():
            issue, cause = case.issue, case.issue.cause
            key = (issue.subject, cause.scope, cause.metric, issue.kind)
            if issue.issue in asked_of and issue.kind in WARNING and key not in standing:
                case.watch.gone = f"the Monitor does not warn of {cause.metric} any more"
                self._seen_well(case)

    def on_anomaly_detected(self, fact: AnomalyDetected) -> None:
        self._strange.note(fact.subject, symptoms.anomaly_text(fact), self.clock())

    def _blamed(self, symptom: Symptom) -> Case | None:
        """The issue of a dependency that this is put down to, while the workload waits for it."""
        if symptom.subject not in self._waiting:
            return None
        return self.book.blamed(symptom, needed_by(symptom.subject, self.node.workloads))

    def _probes(self, subject: str) -> Any:
        workload = self.node.workloads.get(subject)
        return workload.spec.probes if workload is not None else None
