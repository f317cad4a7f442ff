"""One attempt of a remedy: the command, what must follow it, the watch, and what takes it back.

Touches no bus: it works with the actor's hands.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from actors.healer import remedies
from actors.healer.answers import answer_text, refusal
from actors.healer.casebook import Case, Casebook
from actors.healer.hands import Hands
from actors.healer.protection import Protection
from actors.healer.remedies import Remedy
from actors.healer.settings import HealerSettings
from actors.healer.verification import Watch, window_s
from actors.settings import Workload
from bus.message import Command
from bus.messages.healer import RemedyFailed, RemedyStarted
from bus.messages.process_manager import ListProcesses, ProcessRow, ProcessTable


class Attempts:
    """Carries attempts out. after_failure(case): called when one has failed and its issue is open again.

    intervals_s: seconds between the samples of a subject, by subject.
    """

    def __init__(
        self,
        hands: Hands,
        book: Casebook,
        protection: Protection,
        settings: HealerSettings,
        after_failure: Callable[[Case], None],
    ) -> None:
        self.settings = settings
        self.intervals_s: dict[str, float] = {}
        self._hands = hands
        self._book = book
        self._protection = protection
        self._after_failure = after_failure

    def begin(self, case: Case, remedy: Remedy, row: ProcessRow, why: str) -> None:
        """Write it down, tell it, and send its command. row: the process just before."""
        issue = case.issue
        attempt = self._book.begin(case, remedy, why)
        if remedy.disruptive:
            self._protection.started(remedy.name, issue.subject, issue.fingerprint, self._hands.clock())
        self._hands.publish(
            RemedyStarted(subject=issue.subject, issue=issue.issue, remedy=remedy.name, why=why, attempt=attempt.number)
        )
        command = remedies.command(remedy, row, f"{issue.kind} {issue.issue}")
        if remedy.verb == "restart":
            case.watch = self._watch(case, math.inf, acting=True)
        self._ask(case, command, self._answered)

    def let_settle(self, case: Case) -> None:
        """Something about its subject has just changed: it is given time to recover by itself."""
        case.settle_until_s = self._hands.clock() + self.settings.verify_within

    def verify(self, case: Case, said: str) -> None:
        """The action is done: watch what comes of it. said: the answer, for the history."""
        workload, attempt, now_s = self._workload(case), case.attempt, self._hands.clock()
        if attempt is None or workload is None:
            return
        attempt.phase = "verifying"
        for other in self._book.of(case.issue.subject) if attempt.remedy.disruptive else []:
            if other is not case:
                self.let_settle(other)
        interval_s = self.intervals_s.get(case.issue.subject)
        within_s = window_s(attempt.remedy, case.issue, workload, self.settings, interval_s)
        against = case.watch.against
        case.watch = self._watch(case, now_s + within_s)
        case.watch.against = against
        step = ("acted", f"{said or 'nothing to do'}; watched for at most {within_s:g} s")
        self._book.change(case, step, state="verifying")
        self._hands.look()

    def fail(self, case: Case, why: str) -> None:
        """It did not help: take it back when it can be, then let the next remedy have its turn."""
        attempt, workload = case.attempt, self._workload(case)
        if attempt is None or attempt.phase == "undoing":
            return
        command = remedies.undo(attempt.remedy, workload, f"did not help {case.issue.issue}") if workload else None
        if command is None:
            self._finish(case, why, "")
            return
        attempt.phase = "undoing"
        self._ask(case, command, partial(self._undone, why=why))

    def _ask(self, case: Case, command: Command | None, then: Callable[[Case, Any], None]) -> None:
        """Send a command of this attempt; then(case, outcome) comes only while it is still under way."""
        workload, attempt, issue = self._workload(case), case.attempt, case.issue.issue
        if attempt is None:
            return
        if command is None or workload is None:
            then(case, None)
            return

        def answered(outcome: Any) -> None:
            found = self._book.get(issue)
            if found is not None and found.attempt is attempt:
                then(found, outcome)

        timeout_s = remedies.command_timeout_s(attempt.remedy, workload, self.settings.command_timeout)
        self._hands.request(command, answered, timeout_s=timeout_s)

    def _answered(self, case: Case, outcome: Any) -> None:
        attempt = case.attempt
        if attempt is None:
            return
        trouble = refusal(outcome)
        if attempt.stale or trouble:
            self.fail(case, trouble or f"the issue became {case.issue.kind}")
        elif attempt.remedy.verb in ("hook", "end_strays"):
            self._ask(case, ListProcesses(), partial(self._act_further, said=answer_text(outcome)))
        else:
            self.verify(case, answer_text(outcome))

    def _act_further(self, case: Case, outcome: Any, *, said: str) -> None:
        """What the action made startable is started, unless a person stopped it meanwhile."""
        rows = outcome.processes if isinstance(outcome, ProcessTable) else []
        row = next((each for each in rows if each.name == case.issue.subject), None)
        command = None
        if row is not None and case.attempt is not None:
            command = remedies.follow_up(case.attempt.remedy, row, f"{case.issue.kind} {case.issue.issue}")
        if command is not None:
            case.watch = self._watch(case, math.inf, acting=True)
        self._ask(case, command, partial(self._acted_further, said=said))

    def _acted_further(self, case: Case, outcome: Any, *, said: str) -> None:
        if trouble := refusal(outcome):
            self.fail(case, trouble)
        else:
            self.verify(case, "; ".join(text for text in (said, answer_text(outcome)) if text))

    def _undone(self, case: Case, outcome: Any, *, why: str) -> None:
        trouble = refusal(outcome, strict=True)
        name = case.attempt.remedy.name if case.attempt else ""
        self._finish(case, f"{why}; undoing it failed: {trouble}" if trouble else why, "" if trouble else name)

    def _finish(self, case: Case, why: str, undone: str) -> None:
        attempt, issue, now_s = case.attempt, case.issue, self._hands.clock()
        if attempt is None:
            return
        name = attempt.remedy.name
        if attempt.remedy.disruptive:
            self._protection.failed(name, issue.subject, now_s)
        steps = [("failed", f"{name}: {why}"), *([("undone", undone)] if undone else [])]
        self._book.end(case, "failed", *steps, state="open", step=issue.step + (not attempt.stale))
        case.watch = Watch(issue.kind, issue.cause, since_s=now_s)
        self._hands.publish(
            RemedyFailed(
                subject=issue.subject,
                issue=issue.issue,
                remedy=name,
                why=why,
                undone=undone,
                after_s=now_s - attempt.started_s,
            )
        )
        self._after_failure(case)

    def _watch(self, case: Case, deadline_s: float, *, acting: bool = False) -> Watch:
        """Observe from now on what comes of the attempt; its start may fail before its command is even answered."""
        tolerant = case.attempt is not None and case.attempt.remedy.may_end_it
        return Watch(
            case.issue.kind,
            case.issue.cause,
            since_s=self._hands.clock(),
            deadline_s=deadline_s,
            tolerant=tolerant,
            acting=acting,
        )

    def _workload(self, case: Case) -> Workload | None:
        return self._hands.node.workloads.get(case.issue.subject)
