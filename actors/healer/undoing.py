"""Takes back what a remedy did when a person says so, also when its issue is long resolved.

Touches no bus: it works with the actor's hands.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from actors.healer import remedies
from actors.healer.answers import refusal, rows_of
from actors.healer.attempts import Attempts
from actors.healer.casebook import Casebook
from actors.healer.consent import Consent
from actors.healer.hands import Hands
from actors.healer.issues import Issue
from actors.healer.remedies import Remedy
from actors.healer.repair import Acted
from actors.settings import Workload
from bus.errors import CommandError, Refused
from bus.message import Command, Done, Reply
from bus.messages.process_manager import ListProcesses, RestartProcess
from bus.messages.trust import AlteredRow

Answer = Callable[[Reply | CommandError], None]
_TABLE_TIMEOUT_S = 5.0


class Undoing:
    """altered: told what was taken back."""

    def __init__(
        self, hands: Hands, book: Casebook, attempts: Attempts, consent: Consent, altered: Callable[[AlteredRow], None]
    ) -> None:
        self._hands = hands
        self._book = book
        self._attempts = attempts
        self._consent = consent
        self._altered = altered

    def undo(self, issue: Issue, note: str, answer: Answer) -> None:
        """Take back the newest that stands and can be; answer(what was done, or why not) comes later, once.

        Raises Refused when there is nothing to take back.
        """
        case = self._book.get(issue.issue)
        if case is not None and case.attempt is not None:
            raise Refused(f"{case.attempt.remedy.name} is under way for {issue.issue}; wait for its end")
        workload = self._hands.node.workloads.get(issue.subject)
        if workload is None:
            raise Refused(f"{issue.subject} is no longer declared")
        number, remedy, undo = self._newest(issue, workload)
        done = partial(self._done, issue=issue, number=number, remedy=remedy, note=note, answer=answer)
        if remedy.verb != "repair":
            command = remedies.undo(remedy, workload, f"a person takes {issue.issue} back")
            self._ask(command, remedy, workload, done)
            return

        def looked(outcome: Any) -> None:
            rows = rows_of(outcome)
            row = rows.get(issue.subject)
            if row is None:
                done("the process table cannot be read")
                return
            scene = self._attempts.scene(issue, workload, row, rows)
            then = partial(self._taken_back, issue, workload, remedy, done)
            self._attempts.repairing.take_back(remedy.name, scene, undo, then)

        self._hands.request(ListProcesses(), looked, timeout_s=_TABLE_TIMEOUT_S)

    def _newest(self, issue: Issue, workload: Workload) -> tuple[int, Remedy, dict[str, str]]:
        """The newest attempt whose action stands and can be taken back. Raises Refused."""
        left = self._consent.ledger.undos_left(issue.issue)
        for number, name, undo in left:
            remedy = remedies.parse(name)
            if remedy is not None and (undo or remedies.undo(remedy, workload, "") is not None):
                return number, remedy, undo
        did = ", ".join(dict.fromkeys(name for _, name, _ in left))
        raise Refused(
            f"nothing of {issue.issue} can be taken back: {f'{did} leaves nothing behind' if did else 'nothing stands'}"
        )

    def _taken_back(
        self, issue: Issue, workload: Workload, remedy: Remedy, done: Callable[[str], None], outcome: Acted | str
    ) -> None:
        if isinstance(outcome, str):
            done(outcome)
            return
        restart = RestartProcess(name=issue.subject, why=f"{outcome.says}: a person took {issue.issue} back")
        self._ask(outcome.command or (restart if outcome.then == "restart" else None), remedy, workload, done)

    def _ask(self, command: Command | None, remedy: Remedy, workload: Workload, done: Callable[[str], None]) -> None:
        if command is None:
            done("")
            return
        timeout_s = remedies.command_timeout_s(remedy, workload, self._attempts.settings.command_timeout)
        self._hands.request(command, lambda outcome: done(refusal(outcome, strict=True)), timeout_s=timeout_s)

    def _done(self, trouble: str, *, issue: Issue, number: int, remedy: Remedy, note: str, answer: Answer) -> None:
        if trouble:
            answer(Refused(f"undoing {remedy.name} failed: {trouble}"))
            return
        said = f"{remedy.name}: a person took it back{': ' if note else ''}{note}"
        wall_s = self._hands.clock.wall()
        self._consent.ledger.note_undone(issue.issue, number)
        self._consent.say(issue.subject, issue.fingerprint, remedy.name, approved=False, note=note)
        self._book.store.note(issue.issue, wall_s, [("undone", said)])
        self._altered(
            AlteredRow(time=wall_s, subject=issue.subject, change="undone", what=said, by="person", issue=issue.issue)
        )
        answer(Done(detail=f"{remedy.name} of {issue.issue} is taken back; it is asked for before it is done again"))
