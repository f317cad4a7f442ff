"""The Healer: hears symptoms, lends its hands to the course of remedies, and tells people what was done."""

from __future__ import annotations

from typing import Any

import msgspec

from actors.healer import symptoms
from actors.healer.booting import Booting
from actors.healer.bursts import Bursts
from actors.healer.casebook import Case, Casebook
from actors.healer.changes import ChangeLog
from actors.healer.conditions import Conditions
from actors.healer.flowing import Flowing
from actors.healer.foresight import Foresight
from actors.healer.gathering import Gathering
from actors.healer.issues import Symptom, family
from actors.healer.keeping import Keeping
from actors.healer.ledger import Ledger
from actors.healer.protection import Protection
from actors.healer.returning import Returning
from actors.healer.settings import HealerSettings
from actors.healer.store import Store
from actors.healer.strange import Strange
from actors.healer.treatment import TABLE_TIMEOUT_S, Treatment
from actors.healer.undoing import Undoing
from actors.settings.workloads import judges
from bus.messages.executor import TasksFinished
from bus.messages.healer import IssueRaised
from bus.messages.monitor import (
    AnomalyDetected,
    ForecastCleared,
    ForecastRaised,
    MetricsSampled,
    SeriesDrifted,
    SeriesReturned,
    ThresholdCleared,
    ThresholdCrossed,
    TrendChanged,
)
from bus.messages.node import ActorFailed, ActorStarted, GetNode, NodeInfo
from bus.messages.process_manager import (
    CrashLoopEntered,
    ListProcesses,
    LogLinesRead,
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

_ALL_ROWS_S = 0.25
"""Seconds after a look at all processes in which one that is for a single workload is for that alone."""
_MISSES = 2
"""A probe that failed this many times what it takes has failed, though nobody told so."""


class Healer(Flowing):
    """Owns the issues; nobody else reads or writes them. healer.db in the state directory is its memory."""

    name = "healer"
    Settings = HealerSettings
    # fmt: off
    listens = (
        ActorFailed, ActorStarted, AnomalyDetected, CrashLoopEntered, ForecastCleared, ForecastRaised, LogLinesRead,
        MetricsSampled, ProbeFailed, ProbeMeasured, ProbeRecovered, ProcessExited, ProcessReady, ProcessStarted,
        ProcessStartFailed, ProcessStateChanged, SeriesDrifted, SeriesReturned, TasksFinished, ThresholdCleared,
        ThresholdCrossed, TrendChanged,
    )
    # fmt: on

    def on_start(self) -> None:
        self._ready: set[str] = set()
        self._waiting: set[str] = set()
        self._misses: dict[tuple[str, str], int] = {}
        self._booting = Booting()
        self._waived: set[str] = set()
        self._looking, self._saw_s = False, -_ALL_ROWS_S
        self._conditions = Conditions()
        self._strange = Strange()
        protection = self._protection = Protection(self.settings)
        self._changes = ChangeLog(self.node.state_dir / "changes.log")
        store = Store(self.node.state_dir / "healer.db")
        book = self._book = Casebook(store, self.settings, self.clock, self._remember(), self.altered)
        self._bursts = Bursts(self.settings.errors)
        self._gathering = Gathering(self, book, self._conditions, self._take)
        book.load(protection)
        self._watch_stores(store.changes, book.experience.learned.changes)
        ledger = Ledger(store)
        ledger.forget()
        self._treatment = Treatment(self, book, protection, self.settings, ledger, reading=self._gathering.busy)
        book.experience.foresight = self._foresight = Foresight(self, book, self._take, self._treatment.resolve)
        attempts = self._treatment.attempts
        self._returning = Returning(self, attempts, self.settings.degradation, self._is_troubled, self.altered)
        self._undoing = Undoing(self, book, self._treatment.attempts, self._treatment.consent, self.altered)
        self._keeping = Keeping(self, self._is_troubled, self._not_kept)
        self._checking = False
        self._resyncs = self.every(self.settings.resync, self._resync)
        self._watch_flow()
        self._drop_undeclared()
        for case in book.cases():
            self._treatment.resume(case)
        self._check_later()
        self._resync()

    def on_stop(self) -> None:
        book, self._book = self._book, None
        try:
            if book is not None:
                book.flush()
                self._leave_stores()
        finally:
            self._let_go()
            if book is not None:
                book.store.close()

    def on_reload(self) -> None:
        self._protection.settings = self.book.settings = self.settings
        self._treatment.take_settings(self.settings)
        self._returning.settings = self.settings.degradation
        self._bursts.settings = self.settings.errors
        self._saw_config()
        self._resyncs.interval_s = self.settings.resync
        self._resync()

    # -- symptoms

    def on_process_exited(self, fact: ProcessExited) -> None:
        self._forget_life(fact.subject)
        symptom = symptoms.of_exit(fact)
        if symptom is not None:
            for case in self.book.of(fact.subject):
                case.watch.saw_exit(symptom.text, self.clock(), fact.uptime_s)
            self._gathering.ended(fact)
        elif not fact.asked:
            self.book.flow.completed(self.clock())

    def on_crash_loop_entered(self, fact: CrashLoopEntered) -> None:
        self._gathering.ended(fact)

    def on_process_start_failed(self, fact: ProcessStartFailed) -> None:
        self._take(symptoms.of_start_failure(fact))

    def on_probe_failed(self, fact: ProbeFailed) -> None:
        if self._booting.excuses(fact.subject, fact.probe, fact.detail, self.clock(), self.settings.start_grace):
            return
        self._gathering.probe_failed(fact, was_ready=fact.subject in self._ready)

    def on_threshold_crossed(self, fact: ThresholdCrossed) -> None:
        self._gathering.crossed(fact)

    def on_trend_changed(self, fact: TrendChanged) -> None:
        self._foresight.saw(fact)

    def on_log_lines_read(self, fact: LogLinesRead) -> None:
        self._foresight.saw(fact)
        self._gathering.read(fact)
        self._bursts.read(fact, self.clock())
        if fact.errors:
            self._check_later()

    def on_actor_failed(self, fact: ActorFailed) -> None:
        self._take(symptoms.of_actor(fact))

    def _take(self, symptom: Symptom | None) -> None:
        if symptom is None:
            return
        workload = self.node.workloads.get(symptom.subject)
        if symptom.cause.scope == "workload" and workload is None:
            return
        if (blamed := self._blamed(symptom)) is not None:
            self.book.add_evidence(blamed, symptom)
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
            self._treatment.learnt(case)

    # -- what speaks for a recovery

    def on_process_started(self, fact: ProcessStarted) -> None:
        self._saw_start(fact)
        self._forget_life(fact.subject)
        self._booting.began(fact.subject, self.clock())

    def on_process_ready(self, fact: ProcessReady) -> None:
        self._ready.add(fact.subject)
        workload = self.node.workloads.get(fact.subject)
        if workload is not None and (workload.spec.config_files or workload.spec.env_last_good):
            self.after(self.settings.well_after, self.look)

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
        due = self._booting.is_due(fact.subject, fact.probe, self.clock(), self.settings.start_grace)
        if due or misses == _MISSES * probe.failures:
            untold = ProbeFailed(subject=fact.subject, probe=fact.probe, failures=misses, detail=fact.detail)
            symptom = symptoms.of_probe(untold, was_ready=fact.subject in self._ready)
            if symptom is not None and (due or self.book.news(symptom) != "again"):
                self.on_probe_failed(untold)

    def _probe_ran(self, subject: str, probe: str, *, ok: bool) -> None:
        if ok:
            self._misses.pop((subject, probe), None)
            self._booting.passed(subject, probe)
            self._gathering.well(subject, probe)
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
        self._booting.ended(subject)
        self._bursts.end(subject)
        self._gathering.begun(subject)
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

    def saw_table(self, table: ProcessTable, about: str = "") -> None:
        """Put every row to the watches, take what a lost fact would have told, and judge.

        about: the workload it was asked for; when all rows were looked at a moment ago, that one's will do.
        """
        now_s = self.clock()
        one = about if now_s - self._saw_s < _ALL_ROWS_S else ""
        self._saw_s = self._saw_s if one else now_s
        rows = [row for row in table.processes if row.name in self.node.workloads and one in ("", row.name)]
        if not one:
            self._waiting = {row.name for row in rows if row.state == "waiting"}
        for row in rows:
            if row.state == "ready":
                self._ready.add(row.name)
            if row.state in ("running", "ready"):
                self._waived.discard(row.name)
            for case in self.book.of(row.name):
                case.watch.saw_process(row.state, row.pid, row.uptime_s, now_s)
            symptom = symptoms.of_row(row)
            unsure = self._gathering.busy(row.name) or self._booting.excused(row.name)
            if symptom is None or row.name in self._waived or unsure:
                continue
            if self.book.news(symptom) != "again":
                self._take(symptom)
        for row in rows:
            for case in self.book.of(row.name):
                self._treatment.judge(case)
            self._keeping.seen(row, self.settings.well_after)
            self._returning.seen(row)

    def _is_troubled(self, name: str) -> bool:
        return bool(self.book.of(name))

    def _not_kept(self, name: str, why: str) -> None:
        self.log.warning("last_good.not_kept", workload=name, why=why)

    def _check_later(self) -> None:
        """With no open issue and no error lines there is nothing to verify or to write, and nobody is woken."""
        if not self._checking and (self.book.cases() or self._bursts.going):
            self._checking = True
            self.after(self.settings.check_every, self._check)

    def _check(self) -> None:
        """While remedies are verified the processes are watched closely; what was only counted is written."""
        self._checking = False
        self.book.flush()
        self._gathering.look_at_errors(self._bursts, self._seen_well)
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
        self._gathering.forget(list(self.node.workloads))
        for symptom in self._conditions.due(self.clock(), self.settings.resync):
            if self.book.news(symptom) == "new" and self._blamed(symptom) is None:
                self._take(symptom)
        if any(case.issue.kind == "actor" for case in self.book.cases()):
            self.request(GetNode(), self._saw_node, timeout_s=TABLE_TIMEOUT_S)
        self._ask_what_is_foretold()
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
