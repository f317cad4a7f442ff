"""The Healer: hears symptoms, lends its hands to the course of remedies, and tells people what was done."""

from __future__ import annotations

from typing import Any

from actors.base import Actor
from actors.healer import symptoms
from actors.healer.casebook import Case, Casebook
from actors.healer.conditions import Conditions
from actors.healer.issues import Issue, Symptom, family
from actors.healer.protection import Protection
from actors.healer.settings import HealerSettings
from actors.healer.store import Store
from actors.healer.treatment import TABLE_TIMEOUT_S, Treatment
from actors.settings.workloads import judges
from bus.errors import Refused
from bus.message import Done
from bus.messages.healer import (
    ExplainIssue,
    IssueDetail,
    IssueList,
    IssueRaised,
    ListIssues,
    ResolveIssue,
)
from bus.messages.monitor import MetricsSampled, ThresholdCleared, ThresholdCrossed
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


class Healer(Actor[HealerSettings]):
    """Owns the issues; nobody else reads or writes them. healer.db in the state directory is its memory."""

    name = "healer"
    Settings = HealerSettings
    listens = (
        ActorFailed,
        ActorStarted,
        CrashLoopEntered,
        MetricsSampled,
        ProbeFailed,
        ProbeMeasured,
        ProbeRecovered,
        ProcessExited,
        ProcessReady,
        ProcessStarted,
        ProcessStartFailed,
        ProcessStateChanged,
        ThresholdCleared,
        ThresholdCrossed,
    )
    answers = (ExplainIssue, ListIssues, ResolveIssue)

    _book: Casebook | None = None

    def on_start(self) -> None:
        self._ready: set[str] = set()
        self._misses: dict[tuple[str, str], int] = {}
        self._waived: set[str] = set()
        self._looking = False
        self._conditions = Conditions()
        protection = self._protection = Protection(self.settings)
        book = self._book = Casebook(Store(self.node.state_dir / "healer.db"), self.settings, self.clock)
        book.load(protection)
        self._treatment = Treatment(self, book, protection, self.settings)
        self._checks = self.every(self.settings.check_every, self._check)
        self._resyncs = self.every(self.settings.resync, self._resync)
        self._drop_undeclared()
        for case in book.cases():
            self._treatment.resume(case)
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
        self._checks.interval_s = self.settings.check_every
        self._resyncs.interval_s = self.settings.resync
        self._resync()

    @property
    def book(self) -> Casebook:
        """The open issues. Raises RuntimeError before the start and after the end."""
        if self._book is None:
            raise RuntimeError("the casebook is closed")
        return self._book

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
        self._take(symptom)

    def on_actor_failed(self, fact: ActorFailed) -> None:
        self._take(symptoms.of_actor(fact))

    def _take(self, symptom: Symptom | None) -> None:
        if symptom is None:
            return
        workload = self.node.workloads.get(symptom.subject)
        if symptom.cause.scope == "workload" and workload is None:
            return
        case, news = self.book.take(symptom, critical=workload is not None and workload.spec.critical)
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
        if own and symptom.kind != "crash":
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

    def _check(self) -> None:
        """While remedies are verified the processes are watched closely; what was only counted is written."""
        self.book.flush()
        verifying = [case for case in self.book.cases() if case.attempt and case.attempt.phase == "verifying"]
        if verifying:
            self.look()
        for case in verifying:
            if case.watch.deadline_s is not None and self.clock() >= case.watch.deadline_s:
                self._treatment.judge(case)

    def _resync(self) -> None:
        """Facts may have been lost: hold what is open and what lasts against the world."""
        self._drop_undeclared()
        for symptom in self._conditions.due(self.clock(), self.settings.resync):
            if self.book.news(symptom) == "new":
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

    # -- people

    def do_list_issues(self, command: ListIssues) -> IssueList:
        if command.open_only:
            issues = [case.issue for case in reversed(self.book.cases())][: max(0, command.limit)]
        else:
            self.book.flush()
            issues = self.book.store.newest(max(0, command.limit))
        return IssueList(issues=[issue.row() for issue in issues])

    def do_explain_issue(self, command: ExplainIssue) -> IssueDetail:
        issue = self._named(command.issue)
        return IssueDetail(row=issue.row(), evidence=list(issue.evidence), audit=self.book.store.history(issue.issue))

    def do_resolve_issue(self, command: ResolveIssue) -> Done:
        issue = self._named(command.issue)
        case = self.book.get(issue.issue)
        if case is None:
            return Done(detail=f"{issue.issue} was resolved already")
        self._waived.add(issue.subject)
        self._conditions.end_subject(issue.subject)
        self._treatment.resolve(case, "person", command.note or "a person says so")
        return Done(detail=f"{issue.kind} of {issue.subject} is resolved")

    def _named(self, prefix: str) -> Issue:
        """The issue of that id, or the only one that begins so. Raises Refused."""
        self.book.flush()
        found = self.book.store.beginning_with(prefix) if prefix else []
        exact = [issue for issue in found if issue.issue == prefix]
        if len(exact or found) == 1:
            return (exact or found)[0]
        if not found:
            raise Refused(f"no issue begins with {prefix!r}; list them with ListIssues")
        raise Refused(f"{prefix!r} is ambiguous: {', '.join(issue.issue for issue in found)}")
