"""What the Monitor says of things to come: forecasts, drift, and readings unlike any before."""

from __future__ import annotations

from actors.healer import symptoms
from actors.healer.casebook import Case
from actors.healer.issues import Symptom
from actors.healer.remedies import needed_by
from actors.healer.strange import Strange
from actors.healer.teaching import Teaching
from bus.messages.monitor import AnomalyDetected, ForecastCleared, ForecastRaised, SeriesDrifted, SeriesReturned


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

    def on_anomaly_detected(self, fact: AnomalyDetected) -> None:
        self._strange.note(fact.subject, symptoms.anomaly_text(fact), self.clock())

    def _blamed(self, symptom: Symptom) -> Case | None:
        """The issue of a dependency that this is put down to, while the workload waits for it."""
        if symptom.subject not in self._waiting:
            return None
        return self.book.blamed(symptom, needed_by(symptom.subject, self.node.workloads))
