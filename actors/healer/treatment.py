"""What happens to an open issue, from the first look to its end: attempts, waits, a person, or gone by itself.

Decides nothing by itself (course.py and verification.py do) and touches no bus: it works with the actor's hands.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from actors.healer import remedies
from actors.healer.answers import rows_of
from actors.healer.attempts import Attempts
from actors.healer.casebook import Attempt, Case, Casebook
from actors.healer.consent import Consent
from actors.healer.course import Act, Escalate, Skip, Wait, decide
from actors.healer.evidence import SAYS_NOTHING
from actors.healer.hands import Hands
from actors.healer.ledger import Ledger
from actors.healer.protection import Protection
from actors.healer.remedies import Planned
from actors.healer.repairing import Looked
from actors.healer.settings import HealerSettings
from actors.healer.surroundings import Surroundings
from actors.healer.taking_back import TakingBack
from actors.healer.verification import Watch
from bus.errors import CommandError
from bus.messages.healer import IssueEscalated, IssueResolved, RemedyDeferred, RemedyVerified
from bus.messages.process_manager import ListProcesses, ProcessTable

TABLE_TIMEOUT_S = 5.0
"""Seconds for the process table; a ProcessManager that takes longer is asked again at the next look."""


class Treatment:
    """Treats the cases of a casebook. reading(subject): whether its log is being read."""

    def __init__(
        self,
        hands: Hands,
        book: Casebook,
        protection: Protection,
        settings: HealerSettings,
        ledger: Ledger,
        *,
        reading: Callable[[str], bool],
    ) -> None:
        self.settings = settings
        self.consent = Consent(hands, book, ledger, settings, self.consider)
        self.attempts = Attempts(hands, book, protection, settings, self._after_failure)
        self._around = Surroundings(hands, book, settings, reading=reading, settle=self.attempts.let_settle)
        self._taking_back = TakingBack(hands, book, self.attempts, ledger, self.consider)
        self._hands = hands
        self._book = book
        self._protection = protection

    # -- what is next

    def take_settings(self, settings: HealerSettings) -> None:
        """New settings hold from now on."""
        self.settings = self.attempts.settings = self.consent.settings = self._around.settings = settings
        self._book.budgets.settings, self._book.flow.settings = settings.budget, settings.flow

    def consider(self, case: Case) -> None:
        """Look at the world afresh and do what is next; nothing while a remedy or a person is waited for."""
        if case.attempt is not None or case.looking or case.issue.state == "escalated":
            return
        case.forget_alarm()
        plan = self._around.plan(case)
        if plan.told_only:
            self._decide(case, None)
            return
        case.looking = True
        strays = bool(remedies.SEES_STRAYS.intersection(plan.remedies[case.issue.step :]))
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
        if issue.state in ("healing", "verifying") and remedy is not None and self._around.workload(case) is not None:
            self._book.pick_up(case, remedy)
            self.attempts.verify(case, "the Healer was started again")
        else:
            self.consider(case)

    def superseded(self, case: Case) -> None:
        """The issue became another: what is under way for the former is not judged any more."""
        if case.attempt is not None and case.attempt.remedy.verb == "repair" and not case.watch.ended_anew:
            self.attempts.go_on(case)  # what came meanwhile is of the life before, and is judged by the next
            return
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
        self._hands.saw_table(outcome, case.issue.subject)
        if self._book.get(issue) is not case or case.attempt is not None or case.looking:
            return
        self._look_further(case, outcome)

    def _look_further(self, case: Case, table: ProcessTable) -> None:
        """Have the repairs that the plan still has look for themselves."""
        issue, workload = case.issue, self._around.workload(case)
        names = remedies.repairs_in(self._around.plan(case).remedies[issue.step :])
        rows = rows_of(table)
        row = rows.get(issue.subject)
        if not names or workload is None or row is None:
            self._decide(case, table)
            return
        case.looking = True
        scene = self.attempts.scene(issue, workload, row, rows)
        self.attempts.repairing.look(names, scene, partial(self._looked_further, issue.issue, table))

    def _looked_further(self, issue: str, table: ProcessTable, looked: Looked) -> None:
        case = self._book.get(issue)
        if case is not None:
            case.looking = False
            if case.attempt is None:
                self._decide(case, table, looked)

    def learnt(self, case: Case) -> None:
        """A new symptom tells more: when a repair can be begun for it, a restart is waited for no longer."""
        attempt, issue, workload = case.attempt, case.issue, self._around.workload(case)
        if attempt is None or workload is None or case.looking or not _only_waits(attempt):
            return
        if issue.failure in (*SAYS_NOTHING, attempt.failure):
            return
        names = remedies.repairs_in(self._book.experience.plan_now(issue, workload).remedies)
        if names:
            case.looking = True
            strays = bool(remedies.SEES_STRAYS.intersection(names))
            then = partial(self._look_anew, issue.issue, names)
            self._hands.request(ListProcesses(strays=strays), then, timeout_s=TABLE_TIMEOUT_S)

    def _look_anew(self, issue: str, names: list[str], outcome: Any) -> None:
        case = self._book.get(issue)
        if case is None:
            return
        workload, rows = self._around.workload(case), rows_of(outcome)
        row = rows.get(case.issue.subject)
        if workload is None or row is None:
            case.looking = False
            return
        scene = self.attempts.scene(case.issue, workload, row, rows)
        self.attempts.repairing.look(names, scene, partial(self._looked_anew, issue))

    def _looked_anew(self, issue: str, looked: Looked) -> None:
        case = self._book.get(issue)
        if case is None:
            return
        case.looking = False
        there = next((name for name, found in looked.items() if isinstance(found, Planned)), "")
        if case.attempt is None:
            self.consider(case)
        elif there and _only_waits(case.attempt):
            self.attempts.fail(case, f"it failed again, over {case.issue.failure}, which {there} is for")

    def _decide(self, case: Case, table: ProcessTable | None, looked: Looked | None = None) -> None:
        if case.issue.state == "escalated":
            return
        now_s = self._hands.clock()
        while True:
            situation = self._around.of(case, table, looked or {})
            decision = decide(situation, self._protection, self.settings, now_s)
            if isinstance(decision, Act):
                decision = self.consent.weigh(case, decision, situation)
            if not isinstance(decision, Skip):
                break
            step = ("skipped", f"{decision.remedy}: {decision.why}")
            self._book.change(case, step, step=case.issue.step + 1)
        if isinstance(decision, Act) and situation.seen is not None:
            issue, steps = case.issue, len(situation.plan.remedies)
            why = f"remedy {issue.step + 1} of {steps} for {issue.kind}; {decision.precondition}"
            case.deferred = ""
            self.attempts.begin(case, decision.remedy, situation.seen, why)
        elif isinstance(decision, Escalate):
            self._escalate(case, decision)
        elif isinstance(decision, Wait):
            self._wait(case, decision)

    def _wait(self, case: Case, wait: Wait) -> None:
        case.forget_alarm()
        case.alarm = self._hands.after(max(wait.for_s, 0.02), self._wake, case.issue.issue)
        plan = self._around.plan(case)
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
        if _is_held(case):
            if case.watch.is_up_again():
                self._released(case)
            return
        verdict = case.watch.judge(self._hands.clock(), self.settings.stable_for)
        if verdict.outcome == "verified" and attempt is not None and attempt.remedy.verb == "hold":
            self._leave_held(case, attempt, verdict.text)
        elif verdict.outcome == "verified":
            self.resolve(case, attempt.remedy.name if attempt else "itself", verdict.text)
        elif verdict.outcome == "failed":
            self.attempts.fail(case, verdict.text)

    def resolve(self, case: Case, by: str, verified: str) -> None:
        """The issue is gone. by: the remedy, `itself` or `person`."""
        issue, attempt = case.issue, case.attempt
        helped = attempt is not None and by == attempt.remedy.name
        verified_step = [("verified", f"{by}: {verified}")] if helped else []
        resolved_step = ("resolved", f"by {by}: {verified}")
        self.consent.over(issue.issue)
        took_s = self._book.close(case, "verified" if helped else "dropped", *verified_step, resolved_step)
        if attempt is not None and attempt.remedy.disruptive:
            (self._protection.helped if helped else self._protection.dropped)(attempt.remedy.name, issue.subject)
        if attempt is not None and helped:
            self._book.flow.completed(self._hands.clock())
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

    def _leave_held(self, case: Case, attempt: Attempt, verified: str) -> None:
        """It is down, and does no more harm: a person is wanted, who lets it go."""
        issue, after_s = case.issue, self._hands.clock() - attempt.started_s
        self._book.end(case, "held", ("verified", f"hold: {verified}"))
        self._protection.dropped("hold", issue.subject)
        self._hands.publish(
            RemedyVerified(subject=issue.subject, issue=issue.issue, remedy="hold", check=verified, after_s=after_s)
        )
        case.watch = Watch(issue.kind, issue.cause, since_s=self._hands.clock())
        release = f"`gyrostat undo {issue.issue}` or `gyrostat start {issue.subject}` lets it go"
        self._escalate(case, Escalate(f"it is held, as nothing else helps against: {issue.summary}; {release}", None))

    def _released(self, case: Case) -> None:
        """A person let it go: what it does from now on counts, and its plan begins anew."""
        case.watch = Watch(case.issue.kind, case.issue.cause, since_s=self._hands.clock())
        tried = (*case.issue.tried, "released")
        self._book.change(case, ("released", "a person let it go; its plan begins anew"), state="open", tried=tried)
        self.attempts.let_settle(case)
        self.consider(case)

    def _after_failure(self, case: Case) -> None:
        self.consider(case)
        self._poke(case.issue.subject)

    def _escalate(self, case: Case, escalate: Escalate) -> None:
        again_s, issue = escalate.retry_s, case.issue
        why = f"{escalate.why}{self._book.experience.advice(issue)}"
        again = f"; tried again in {again_s:g} s" if again_s is not None else ""
        self._book.change(
            case,
            ("escalated", f"{why}{again}"),
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
        if not escalate.told:
            self._taking_back.begin(case)
        self._hands.publish(
            IssueEscalated(
                subject=issue.subject,
                issue=issue.issue,
                issue_kind=issue.kind,
                why=why,
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
            workload = self._around.workload(case)
            if case.issue.subject == subject or (workload is not None and subject in workload.spec.depends_on):
                self.consider(case)


def _is_held(case: Case) -> bool:
    """Whether it was held as the last resort, and nobody has let it go."""
    issue = case.issue
    held = issue.tried[-1:] == ("hold",) and issue.retry_at is None
    return case.attempt is None and issue.state == "escalated" and held


def _only_waits(attempt: Attempt) -> bool:
    return attempt.remedy.verb == "await_restart" and attempt.phase == "verifying"
