"""Takes back what repairs had left of an issue that nothing helped against, before it is left to a person.

A repair that ended one failure and not the next is kept while the plan of the next goes on. When that is spent, what
it changed is taken back, the newest first, unless it is a file that the workload needs (RepairKind.stays).

Touches no bus: it works with the actor's hands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from actors.healer.answers import refusal, rows_of
from actors.healer.attempts import Attempts
from actors.healer.casebook import Case, Casebook
from actors.healer.hands import Hands
from actors.healer.ledger import Ledger
from actors.healer.repair import Acted
from actors.healer.repair_kinds import REPAIRS
from bus.messages.process_manager import ListProcesses

_COMMAND_S: Final = 30.0
Kept = list[tuple[int, str, dict[str, str]]]


class TakingBack:
    """done(case): called when all was taken back, in case its time has come meanwhile."""

    def __init__(
        self, hands: Hands, book: Casebook, attempts: Attempts, ledger: Ledger, done: Callable[[Case], None]
    ) -> None:
        self._hands = hands
        self._book = book
        self._attempts = attempts
        self._ledger = ledger
        self._done = done

    def begin(self, case: Case) -> None:
        """Take back what was kept of this issue; it is not looked at meanwhile."""
        kept = [each for each in self._ledger.kept(case.issue.issue) if is_taken_back(each[1])]
        if kept and not case.looking:
            case.looking = True
            self._next(case, kept)

    def _next(self, case: Case, kept: Kept) -> None:
        if self._book.get(case.issue.issue) is not case:
            return
        if not kept:
            case.looking = False
            self._done(case)
            return
        self._hands.request(ListProcesses(), partial(self._looked, case, kept), timeout_s=_COMMAND_S)

    def _looked(self, case: Case, kept: Kept, outcome: Any) -> None:
        (number, name, undo), *rest = kept
        row = rows_of(outcome).get(case.issue.subject)
        workload = self._hands.node.workloads.get(case.issue.subject)
        if row is None or workload is None:
            self._next(case, rest)
            return
        scene = self._attempts.scene(case.issue, workload, row, {})

        def taken(acted: Acted | str) -> None:
            if isinstance(acted, str):
                self._said(case, rest, number, name, acted)
            elif acted.command is None:
                self._said(case, rest, number, name, "")
            else:
                told = partial(self._told, case, rest, number, name)
                self._hands.request(acted.command, told, timeout_s=_COMMAND_S)

        self._attempts.repairing.take_back(name, scene, undo, taken)

    def _told(self, case: Case, rest: Kept, number: int, name: str, outcome: Any) -> None:
        self._said(case, rest, number, name, refusal(outcome, strict=True))

    def _said(self, case: Case, rest: Kept, number: int, name: str, trouble: str) -> None:
        if self._book.get(case.issue.issue) is case:
            if trouble:
                self._book.change(case, ("kept", f"{name}: it could not be taken back: {trouble}"))
            else:
                self._ledger.note_undone(case.issue.issue, number)
                self._book.took_back(case, f"{name}: nothing helped in the end, so it is as it was")
        self._next(case, rest)


def is_taken_back(name: str, kinds: Mapping[str, Any] = REPAIRS) -> bool:
    """Whether what this repair did is taken back when nothing helps in the end."""
    return name in kinds and not kinds[name].stays
