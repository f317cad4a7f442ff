"""The Healer: hears symptoms, lends its hands to the course of remedies, and tells people what was done."""

from __future__ import annotations

from typing import Any

import msgspec

from actors.healer import symptoms
from actors.healer.casebook import Case, Casebook
from actors.healer.conditions import Conditions
from actors.healer.issues import Symptom, family
from actors.healer.people import People
from actors.healer.protection import Protection
from actors.healer.remedies import needed_by
from actors.healer.settings import HealerSettings
from actors.healer.store import Store
from actors.healer.strange import Strange
from actors.healer.treatment import TABLE_TIMEOUT_S, Treatment
from actors.settings.workloads import judges
from bus.messages.healer import (
    IssueRaised,
)
from bus.messages.monitor import (
    AnomalyDetected,
    ForecastCleared,
    ForecastRaised,
    MetricsSampled,
    SeriesDrifted,
    SeriesReturned,
    ThresholdCleared,
    ThresholdCrossed,
)
from bus.messages.node import ActorFailed, ActorStarted, GetNode, NodeInfo
from bus.messages.process_manager import (
    CrashLoopEntered,
    ListProcesses,
    ProbeFailed,
    ProbeMeasured,
    ProbeRecovered,
    ProcessExited,
    ProcessReady,
    ProcessStarted,
    ProcessStartFailed,
    ProcessStateChanged,
    ProcessTable,
)

_MISSES = 2
"""A probe that failed this many times what it takes has failed, though nobody told so."""


class Healer(People):
    """Owns the issues; nobody else reads or writes them. healer.db in the state directory is its memory."""

    name = "healer"
    Settings = HealerSettings
    listens = (
        ActorFailed,
        ActorStarted,
        AnomalyDetected,
        CrashLoopEntered,
        ForecastCleared,
        ForecastRaised,
        MetricsSampled,
        ProbeFailed,
        ProbeMeasured,
        ProbeRecovered,
        ProcessExited,
        ProcessReady,
        ProcessStarted,
        ProcessStartFailed,
        ProcessStateChanged,
        SeriesDrifted,
        SeriesReturned,
        ThresholdCleared,
        ThresholdCrossed,
    )

    def on_start(self) -> None:
        self._ready: set[str] = set()
        self._waiting: set[str] = set()
        self._misses: dict[tuple[str, str], int] = {}
        self._waived: set[str] = set()
        self._looking = False
        self._conditions = Conditions()
        self._strange = Strange()
        protection = self._protection = Protection(self.settings)
        book = self._book = Casebook(Store(self.node.state_dir / "healer.db"), self.settings, self.clock)
        book.load(protection)
        self._treatment = Treatment(self, book, protection, self.settings)
        self._checking = False
        self._resyncs = self.every(self.settings.resync, self._resync)
        self._drop_undeclared()
        for case in book.cases():
            self._treatment.resume(case)
        self._check_later()
        self._resync()

    def on_stop(self) -> None:
        book, self._book = self._book, None
        if book is not None:
            try:
                book.flush()
            finally:
                book.store.close()

    def on_reload(self) -> None:
        self._protection.settings = self.book.settings = self.settings
        self._treatment.take_settings(self.settings)
        self._resyncs.interval_s = self.settings.resync
        self._resync()

    # -- symptoms

    def on_process_exited(self, fact: ProcessExited) -> None:
        self._forget_life(fact.subject)
        symptom = symptoms.of_exit(fact)
        if symptom is not None:
            for case in self.book.of(fact.subject):
                case.watch.saw_exit(symptom.text, self.clock())
            self._take(symptom)

    def on_crash_loop_entered(self, fact: CrashLoopEntered) -> None:
        self._take(symptoms.of_crash_loop(fact))

    def on_process_start_failed(self, fact: ProcessStartFailed) -> None:
        self._take(symptoms.of_start_failure(fact))

    def on_probe_failed(self, fact: ProbeFailed) -> None:
        symptom = symptoms.of_probe(fact, was_ready=fact.subject in self._ready)
        if symptom is not None:
            self._conditions.begin(symptom, self.clock())
        self._take(symptom)

    def on_threshold_crossed(self, fact: ThresholdCrossed) -> None:
        symptom = symptoms.of_threshold(fact)
        self._conditions.begin(symptom, self.clock())
        case = self._blamed(symptom)
        if case is None:
            self._take(symptom)
        else:
            self.book.add_evidence(case, symptom)

    def _blamed(self, symptom: Symptom) -> Case | None:
        """The issue of a dependency that this is put down to, while the workload waits for it."""
        if symptom.subject not in self._waiting:
            return None
        return self.book.blamed(symptom, needed_by(symptom.subject, self.node.workloads))

    def on_forecast_raised(self, fact: ForecastRaised) -> None:
        self._take(symptoms.of_forecast(fact))

    def on_series_drifted(self, fact: SeriesDrifted) -> None:
        self._take(symptoms.of_drift(fact))

    def on_anomaly_detected(self, fact: AnomalyDetected) -> None:
        self._strange.note(fact.subject, symptoms.anomaly_text(fact), self.clock())

    def on_actor_failed(self, fact: ActorFailed) -> None:
        self._take(symptoms.of_actor(fact))

    def _take(self, symptom: Symptom | None) -> None:
        if symptom is None:
            return
        workload = self.node.workloads.get(symptom.subject)
        if symptom.cause.scope == "workload" and workload is None:
            return
        symptom = msgspec.structs.replace(symptom, notes=self._strange.of(symptom.subject, self.clock()))
        case, news = self.book.take(symptom, critical=workload is not None and workload.spec.critical)
        self._check_later()
        if news == "again":
            self._repeat(case, symptom)
            return
        issue = case.issue
        self.publish(
            IssueRaised(
                subject=issue.subject,
                issue=issue.issue,
                issue_kind=issue.kind,
                severity=issue.severity,
                fingerprint=issue.fingerprint,
                summary=issue.summary,
                evidence=list(issue.evidence),
                count=issue.count,
            )
        )
        if news == "new":
            self._treatment.consider(case)
        else:
            self._treatment.superseded(case)

    def _repeat(self, case: Case, symptom: Symptom) -> None:
        """A repeated symptom speaks against the remedy under way; the watch has heard of an exit already."""
        own = family(case.issue.kind, case.issue.cause) == family(symptom.kind, symptom.cause)
        if own and symptom.kind not in ("crash", "forecast"):
            case.watch.saw_symptom(symptom.text, self.clock())
        if case.attempt is not None:
            self._treatment.judge(case)

    # -- what speaks for a recovery

    def on_process_started(self, fact: ProcessStarted) -> None:
        self._forget_life(fact.subject)

    def on_process_ready(self, fact: ProcessReady) -> None:
        self._ready.add(fact.subject)

    def on_process_state_changed(self, fact: ProcessStateChanged) -> None:
        if fact.state == "ready":
            self._ready.add(fact.subject)
        (self._waiting.add if fact.state == "waiting" else self._waiting.discard)(fact.subject)
        for case in self.book.of(fact.subject):
            case.watch.saw_process(fact.state, fact.pid, None, self.clock())

    def on_probe_recovered(self, fact: ProbeRecovered) -> None:
        self._probe_ran(fact.subject, fact.probe, ok=True)

    def on_probe_measured(self, fact: ProbeMeasured) -> None:
        self._probe_ran(fact.subject, fact.probe, ok=fact.ok)
        probe = getattr(self._probes(fact.subject), fact.probe, None)
        if fact.ok or probe is None:
            return
        misses = self._misses[fact.subject, fact.probe] = self._misses.get((fact.subject, fact.probe), 0) + 1
        if misses == _MISSES * probe.failures:
            untold = ProbeFailed(subject=fact.subject, probe=fact.probe, failures=misses, detail=fact.detail)
            symptom = symptoms.of_probe(untold, was_ready=fact.subject in self._ready)
            if symptom is not None and self.book.news(symptom) != "again":
                self._take(symptom)

    def _probe_ran(self, subject: str, probe: str, *, ok: bool) -> None:
        if ok:
            self._misses.pop((subject, probe), None)
            self._conditions.end_probe(subject, probe)
        for case in self.book.of(subject):
            was_gone = case.watch.gone
            case.watch.saw_probe(probe, ok=ok)
            if case.watch.gone and not was_gone:
                self.look()

    def on_threshold_cleared(self, fact: ThresholdCleared) -> None:
        self._conditions.end_metric(fact.subject, fact.scope, fact.metric)
        for case in self.book.of(fact.subject):
            case.watch.saw_cleared(fact)
            self._seen_well(case)

    def on_forecast_cleared(self, fact: ForecastCleared) -> None:
        for case in self.book.of(fact.subject):
            case.watch.saw_forecast_end(fact)
            self._seen_well(case)

    def on_series_returned(self, fact: SeriesReturned) -> None:
        for case in self.book.of(fact.subject):
            case.watch.saw_return(fact)
            self._seen_well(case)

    def on_metrics_sampled(self, fact: MetricsSampled) -> None:
        self._conditions.sampled(fact.subject, fact.scope, fact.values, self.clock())
        if fact.scope == "workload":
            self._treatment.attempts.intervals_s[fact.subject] = fact.interval_s
        for case in self.book.of(fact.subject):
            was_gone = case.watch.gone
            case.watch.saw_values(fact.scope, fact.values)
            if not was_gone:
                self._seen_well(case)

    def on_actor_started(self, fact: ActorStarted) -> None:
        for case in self.book.of(fact.subject):
            if case.issue.kind == "actor":
                case.watch.saw_actor_start()
                self._seen_well(case)

    def _seen_well(self, case: Case) -> None:
        """What has a process is judged on a fresh table, all else at once."""
        if case.watch.gone and case.issue.cause.scope == "workload":
            self.look()
        elif case.watch.gone:
            self._treatment.judge(case)

    def _forget_life(self, subject: str) -> None:
        """What was true of the former process is not of the next."""
        self._ready.discard(subject)
        self._conditions.end_probes(subject)
        for key in [key for key in self._misses if key[0] == subject]:
            del self._misses[key]

    # -- looking for itself

    def look(self) -> None:
        """Ask for the process table, once at a time."""
        if not self._looking:
            self._looking = True
            self.request(ListProcesses(), self._looked, timeout_s=TABLE_TIMEOUT_S)

    def _looked(self, outcome: Any) -> None:
        self._looking = False
        if isinstance(outcome, ProcessTable):
            self.saw_table(outcome)
        else:
            self.log.warning("healer.table_unread", error=str(outcome))

    def saw_table(self, table: ProcessTable) -> None:
        """Put every row to the watches, take what a lost fact would have told, and judge."""
        rows = [row for row in table.processes if row.name in self.node.workloads]
        self._waiting = {row.name for row in rows if row.state == "waiting"}
        now_s = self.clock()
        for row in rows:
            if row.state == "ready":
                self._ready.add(row.name)
            if row.state in ("running", "ready"):
                self._waived.discard(row.name)
            for case in self.book.of(row.name):
                case.watch.saw_process(row.state, row.pid, row.uptime_s, now_s)
            symptom = symptoms.of_row(row)
            if symptom is not None and row.name not in self._waived and self.book.news(symptom) != "again":
                self._take(symptom)
        for row in rows:
            for case in self.book.of(row.name):
                self._treatment.judge(case)

    def _check_later(self) -> None:
        """Only an open issue has a remedy to verify, or a count to write: with none, nobody is woken."""
        if not self._checking and self.book.cases():
            self._checking = True
            self.after(self.settings.check_every, self._check)

    def _check(self) -> None:
        """While remedies are verified the processes are watched closely; what was only counted is written."""
        self._checking = False
        self.book.flush()
        verifying = [case for case in self.book.cases() if case.attempt and case.attempt.phase == "verifying"]
        if verifying:
            self.look()
        for case in verifying:
            if case.watch.deadline_s is not None and self.clock() >= case.watch.deadline_s:
                self._treatment.judge(case)
        self._check_later()

    def _resync(self) -> None:
        """Facts may have been lost: hold what is open and what lasts against the world."""
        self._drop_undeclared()
        for symptom in self._conditions.due(self.clock(), self.settings.resync):
            if self.book.news(symptom) == "new" and self._blamed(symptom) is None:
                self._take(symptom)
        if any(case.issue.kind == "actor" for case in self.book.cases()):
            self.request(GetNode(), self._saw_node, timeout_s=TABLE_TIMEOUT_S)
        self.look()

    def _drop_undeclared(self) -> None:
        """What is no longer in the config has no issue, and neither has a probe that is not asked any more."""
        for case in self.book.cases():
            issue = case.issue
            if issue.cause.scope != "workload":
                continue
            if issue.subject not in self.node.workloads:
                self._conditions.end_subject(issue.subject)
                self._treatment.resolve(case, "itself", "it is no longer declared")
            elif issue.cause.probe and not judges(self.node.workloads[issue.subject].spec, issue.cause.probe):
                self._conditions.end_probe(issue.subject, issue.cause.probe)
                self._treatment.resolve(case, "itself", f"its {issue.cause.probe} probe is no longer declared")

    def _saw_node(self, outcome: Any) -> None:
        for row in outcome.actors if isinstance(outcome, NodeInfo) else []:
            if row.state == "running":
                self.on_actor_started(ActorStarted(subject=row.name, restarts=row.restarts))

    def _probes(self, subject: str) -> Any:
        workload = self.node.workloads.get(subject)
        return workload.spec.probes if workload is not None else None
