"""What happens to an open issue, from the first look to its end: attempts, waits, a person, or gone by itself.

Decides nothing by itself (course.py and verification.py do) and touches no bus: it works with the actor's hands.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from actors.healer import remedies
from actors.healer.attempts import Attempts
from actors.healer.casebook import Case, Casebook
from actors.healer.course import Act, Escalate, Situation, Skip, Wait, decide
from actors.healer.hands import Hands
from actors.healer.holders import find_holder
from actors.healer.issues import LIFE, PROBE
from actors.healer.plans import Plan, plan_for
from actors.healer.ports import ports_in, probed_ports
from actors.healer.protection import Protection
from actors.healer.remedies import Holder, Seen, unready_dependencies
from actors.healer.settings import HealerSettings
from actors.healer.verification import Watch
from actors.settings import Workload
from bus.errors import CommandError
from bus.messages.healer import IssueEscalated, IssueResolved, RemedyDeferred, RemedyVerified
from bus.messages.process_manager import ListProcesses, ProcessTable

TABLE_TIMEOUT_S = 5.0
"""Seconds for the process table; a ProcessManager that takes longer is asked again at the next look."""


class Treatment:
    """Treats the cases of a casebook."""

    def __init__(self, hands: Hands, book: Casebook, protection: Protection, settings: HealerSettings) -> None:
        self.settings = settings
        self.attempts = Attempts(hands, book, protection, settings, self._after_failure)
        self._hands = hands
        self._book = book
        self._protection = protection

    # -- what is next

    def take_settings(self, settings: HealerSettings) -> None:
        """New settings hold from now on."""
        self.settings = self.attempts.settings = settings

    def consider(self, case: Case) -> None:
        """Look at the world afresh and do what is next; nothing while a remedy or a person is waited for."""
        if case.attempt is not None or case.looking or case.issue.state == "escalated":
            return
        case.forget_alarm()
        plan = self._plan(case)
        if plan.told_only:
            self._decide(case, None, None)
            return
        case.looking = True
        ahead = [remedies.parse(name) for name in plan.remedies[case.issue.step :]]
        strays = any(remedy is not None and remedy.verb == "end_strays" for remedy in ahead)
        command = ListProcesses(strays=strays)
        self._hands.request(command, partial(self._looked, case.issue.issue), timeout_s=TABLE_TIMEOUT_S)

    def resume(self, case: Case) -> None:
        """Go on with an issue of another incarnation: what was under way is verified anew, from a fresh look."""
        issue = case.issue
        if issue.state == "escalated":
            if issue.retry_at is not None:
                left_s = issue.retry_at - self._hands.clock.wall()
                case.alarm = self._hands.after(min(max(0.0, left_s), self.settings.retry_max), self._retry, issue.issue)
            return
        remedy = remedies.parse(issue.tried[-1]) if issue.tried else None
        if issue.state in ("healing", "verifying") and remedy is not None and self._workload(case) is not None:
            self._book.pick_up(case, remedy)
            self.attempts.verify(case, "the Healer was started again")
        else:
            self.consider(case)

    def superseded(self, case: Case) -> None:
        """The issue became another: what is under way for the former is not judged any more."""
        case.watch = Watch(case.issue.kind, case.issue.cause, since_s=self._hands.clock())
        case.deferred = ""
        case.forget_alarm()
        if case.attempt is None:
            self.consider(case)
            return
        case.attempt.stale = True
        if case.attempt.phase == "verifying":
            self.attempts.fail(case, f"the issue became {case.issue.kind}")

    def _looked(self, issue: str, outcome: Any) -> None:
        case = self._book.get(issue)
        if case is None:
            return
        case.looking = False
        if isinstance(outcome, CommandError):
            self._wait(case, Wait("", f"the process table cannot be read: {outcome}", self.settings.resync))
            return
        self._hands.saw_table(outcome)
        if self._book.get(issue) is not case or case.attempt is not None or case.looking:
            return
        ports = self._ports(case)
        if not ports:
            self._decide(case, outcome, None)
            return
        case.looking = True
        self._hands.run(partial(find_holder, ports), partial(self._found, issue, outcome))

    def _found(self, issue: str, table: ProcessTable, holder: Holder | Exception | None) -> None:
        case = self._book.get(issue)
        if case is not None:
            case.looking = False
            if case.attempt is None:
                self._decide(case, table, holder if isinstance(holder, Holder) else None)

    def _decide(self, case: Case, table: ProcessTable | None, holder: Holder | None) -> None:
        if case.issue.state == "escalated":
            return
        now_s = self._hands.clock()
        while True:
            situation = self._situation(case, table, holder)
            decision = decide(situation, self._protection, self.settings, now_s)
            if not isinstance(decision, Skip):
                break
            step = ("skipped", f"{decision.remedy}: {decision.why}")
            self._book.change(case, step, step=case.issue.step + 1)
        if isinstance(decision, Act) and situation.seen is not None:
            issue, steps = case.issue, len(situation.plan.remedies)
            why = f"remedy {issue.step + 1} of {steps} for {issue.kind}; {decision.precondition}"
            case.deferred = ""
            self.attempts.begin(case, decision.remedy, situation.seen.row, why)
        elif isinstance(decision, Escalate):
            self._escalate(case, decision)
        elif isinstance(decision, Wait):
            self._wait(case, decision)

    def _situation(self, case: Case, table: ProcessTable | None, holder: Holder | None) -> Situation:
        rows = {row.name: row for row in table.processes} if table else {}
        issue, workload, row = case.issue, self._workload(case), rows.get(case.issue.subject)
        sick = self._sick(workload) if workload else ()
        unready = unready_dependencies(workload, rows) if workload else ()
        self._note_dependencies(case, unwell=bool(sick or unready))
        seen = None
        if row is not None:
            ours = {each.pid: each.name for each in rows.values() if each.pid is not None}
            seen = Seen(row=row, gone=case.watch.gone, unready=unready, holder=holder, ours=ours)
        others = [each for each in self._book.of(issue.subject) if each is not case and each.attempt is not None]
        return Situation(
            issue=issue,
            plan=self._plan(case),
            workload=workload,
            seen=seen,
            busy=others[0].issue.issue if others else "",
            sick=sick,
            settle_s=max(0.0, case.settle_until_s - self._hands.clock()),
        )

    def _note_dependencies(self, case: Case, *, unwell: bool) -> None:
        """When dependencies are well again after a wait, the one that waited is given time to recover by itself."""
        if case.waited and not unwell:
            self.attempts.let_settle(case)
        case.waited = unwell

    def _sick(self, workload: Workload) -> tuple[str, ...]:
        needed = workload.spec.depends_on
        return tuple(
            dict.fromkeys(
                case.issue.subject
                for case in self._book.cases()
                if case.issue.subject in needed and (case.issue.kind in (*LIFE, *PROBE) or case.attempt is not None)
            )
        )

    def _wait(self, case: Case, wait: Wait) -> None:
        case.forget_alarm()
        case.alarm = self._hands.after(max(wait.for_s, 0.02), self._wake, case.issue.issue)
        plan = self._plan(case)
        remedy = wait.remedy or (plan.remedies[case.issue.step] if case.issue.step < len(plan.remedies) else "restart")
        if wait.quiet or case.deferred == (said := f"{remedy}: {wait.why}"):
            return
        case.deferred = said
        self._book.change(case, ("deferred", said))
        issue = case.issue
        self._hands.publish(
            RemedyDeferred(subject=issue.subject, issue=issue.issue, remedy=remedy, why=wait.why, for_s=wait.for_s)
        )

    def _wake(self, issue: str) -> None:
        case = self._book.get(issue)
        if case is not None:
            self.consider(case)

    # -- its end

    def judge(self, case: Case) -> None:
        """Say what follows from the observations so far; nothing while an action is being carried out."""
        attempt = case.attempt
        if self._book.get(case.issue.issue) is not case or (attempt is not None and attempt.phase != "verifying"):
            return
        verdict = case.watch.judge(self._hands.clock(), self.settings.stable_for)
        if verdict.outcome == "verified":
            self.resolve(case, attempt.remedy.name if attempt else "itself", verdict.text)
        elif verdict.outcome == "failed":
            self.attempts.fail(case, verdict.text)

    def resolve(self, case: Case, by: str, verified: str) -> None:
        """The issue is gone. by: the remedy, `itself` or `person`."""
        issue, attempt = case.issue, case.attempt
        helped = attempt is not None and by == attempt.remedy.name
        verified_step = [("verified", f"{by}: {verified}")] if helped else []
        resolved_step = ("resolved", f"by {by}: {verified}")
        took_s = self._book.close(case, "verified" if helped else "dropped", *verified_step, resolved_step)
        if attempt is not None and attempt.remedy.disruptive:
            (self._protection.helped if helped else self._protection.dropped)(attempt.remedy.name, issue.subject)
        if attempt is not None and helped:
            after_s = self._hands.clock() - attempt.started_s
            self._hands.publish(
                RemedyVerified(subject=issue.subject, issue=issue.issue, remedy=by, check=verified, after_s=after_s)
            )
        self._hands.publish(
            IssueResolved(
                subject=issue.subject,
                issue=issue.issue,
                issue_kind=issue.kind,
                by=by,
                verified=verified,
                time_to_repair_s=took_s,
            )
        )
        self._poke(issue.subject)

    def _after_failure(self, case: Case) -> None:
        self.consider(case)
        self._poke(case.issue.subject)

    def _escalate(self, case: Case, escalate: Escalate) -> None:
        again_s, issue = escalate.retry_s, case.issue
        again = f"; tried again in {again_s:g} s" if again_s is not None else ""
        self._book.change(
            case,
            ("escalated", f"{escalate.why}{again}"),
            state="escalated",
            step=0,
            told=issue.told or escalate.told,
            rounds=issue.rounds + (again_s is not None and not escalate.told),
            retry_at=None if again_s is None else self._hands.clock.wall() + again_s,
        )
        case.deferred = ""
        case.forget_alarm()
        if again_s is not None:
            case.alarm = self._hands.after(again_s, self._retry, issue.issue)
        self._hands.publish(
            IssueEscalated(
                subject=issue.subject,
                issue=issue.issue,
                issue_kind=issue.kind,
                why=escalate.why,
                tried=list(issue.tried),
                retry_s=again_s,
            )
        )

    def _retry(self, issue: str) -> None:
        case = self._book.get(issue)
        if case is not None and case.issue.state == "escalated":
            self._book.change(case, ("retried", "its plan begins anew"), state="open", retry_at=None)
            self.consider(case)

    def _poke(self, subject: str) -> None:
        """What waited for this subject is looked at again."""
        for case in self._book.cases():
            workload = self._workload(case)
            if case.issue.subject == subject or (workload is not None and subject in workload.spec.depends_on):
                self.consider(case)

    # -- what it knows

    def _workload(self, case: Case) -> Workload | None:
        return self._hands.node.workloads.get(case.issue.subject) if case.issue.cause.scope == "workload" else None

    def _plan(self, case: Case) -> Plan:
        return plan_for(case.issue, self._workload(case))

    def _ports(self, case: Case) -> list[int]:
        workload = self._workload(case)
        if case.issue.kind != "port_in_use" or workload is None:
            return []
        return ports_in(case.issue.evidence) or probed_ports(workload)
