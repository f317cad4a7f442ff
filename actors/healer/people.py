"""What people ask of the Healer: what is wrong, why it does what it does, and their word on it."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from actors.healer.casebook import Casebook
from actors.healer.chain import attempts_of
from actors.healer.changes import ChangeLog
from actors.healer.conditions import Conditions
from actors.healer.consent import Consent
from actors.healer.holding import Holding
from actors.healer.issues import Issue
from actors.healer.phases import NODE
from actors.healer.returning import Returning
from actors.healer.treatment import Treatment
from actors.healer.undoing import Undoing
from actors.settings import Workload
from bus.errors import Refused
from bus.message import Command, Done
from bus.messages.healer import ExplainIssue, IssueDetail, IssueList, IssueRow, ListIssues, ResolveIssue
from bus.messages.trust import (
    AlteredRow,
    ApprovalList,
    ApprovalRow,
    ApproveRemedy,
    ChangeList,
    ListApprovals,
    ListChanges,
    ListPhases,
    PhaseChanged,
    PhaseName,
    PhaseRow,
    PhaseTable,
    RejectRemedy,
    SetPhase,
    UndoIssue,
)


class People(Holding):
    """The commands of the Healer; actor.py hears the facts."""

    answers: ClassVar[tuple[type[Command], ...]] = (
        ApproveRemedy,
        ExplainIssue,
        ListApprovals,
        ListChanges,
        ListIssues,
        ListPhases,
        RejectRemedy,
        ResolveIssue,
        SetPhase,
        UndoIssue,
    )

    _book: Casebook | None = None
    _changes: ChangeLog
    _conditions: Conditions
    _returning: Returning
    _treatment: Treatment
    _undoing: Undoing
    _waived: set[str]

    @property
    def book(self) -> Casebook:
        """The open issues. Raises RuntimeError before the start and after the end."""
        if self._book is None:
            raise RuntimeError("the casebook is closed")
        return self._book

    def do_list_issues(self, command: ListIssues) -> IssueList:
        if command.open_only:
            issues = [case.issue for case in reversed(self.book.cases())][: max(0, command.limit)]
        else:
            self.book.flush()
            issues = self.book.store.newest(max(0, command.limit))
        return IssueList(
            issues=[self._row(issue) for issue in issues],
            degraded=self._returning.rows(),
            stand_ins=self._returning.failing_over.rows(),
            unwritten=self.unwritten,
            left_out=self.left_out,
        )

    def do_explain_issue(self, command: ExplainIssue) -> IssueDetail:
        issue = self._named(command.issue)
        audit = self.book.store.history(issue.issue)
        workload = self.node.workloads.get(issue.subject)
        consent = self._treatment.consent
        return IssueDetail(
            row=self._row(issue),
            evidence=list(issue.evidence),
            audit=audit,
            trace=issue.trace,
            attempts=attempts_of(audit, consent.ledger.confidence_of(issue.issue)),
            phase=consent.phase_of(workload) if workload is not None else "",
        )

    def do_resolve_issue(self, command: ResolveIssue) -> Done:
        issue = self._named(command.issue)
        case = self.book.get(issue.issue)
        if case is None:
            return Done(detail=f"{issue.issue} was resolved already")
        self._waived.add(issue.subject)
        self._conditions.end_subject(issue.subject)
        self._treatment.resolve(case, "person", command.note or "a person says so")
        self._commit()
        return Done(detail=f"{issue.kind} of {issue.subject} is resolved")

    def do_list_phases(self, _: ListPhases) -> PhaseTable:
        consent, named = self._treatment.consent, self._treatment.consent.phases
        own: PhaseName = named.get(NODE) or self.settings.phase
        return PhaseTable(
            node=PhaseRow(name=self.node.name, phase=own, set_by="person" if NODE in named else "node"),
            workloads=[self._phase_row(consent, workload) for workload in self.node.workloads.values()],
        )

    @staticmethod
    def _phase_row(consent: Consent, workload: Workload) -> PhaseRow:
        phase, own = consent.phase_of(workload), workload.spec.phase
        by_hand = workload.name in consent.phases or NODE in consent.phases
        if by_hand:
            return PhaseRow(name=workload.name, phase=phase, set_by="person")
        return PhaseRow(name=workload.name, phase=phase, set_by="node" if own is None else "workload")

    def do_set_phase(self, command: SetPhase) -> Done:
        consent, workloads = self._treatment.consent, self.node.workloads
        if command.name and command.name not in workloads:
            raise Refused(f"no workload {command.name!r}")
        before = {name: consent.phase_of(workload) for name, workload in workloads.items()}
        was = self.do_list_phases(ListPhases()).node.phase
        consent.set_phase(command.name or NODE, command.phase)
        now = (
            consent.phase_of(workloads[command.name]) if command.name else self.do_list_phases(ListPhases()).node.phase
        )
        subject = command.name or self.node.name
        self.publish(PhaseChanged(subject=subject, phase=now, before=before.get(command.name, was), by=command.by))
        self.altered(
            AlteredRow(time=self.clock.wall(), subject=subject, change="phase", what=f"phase {now}", by=command.by)
        )
        for case in self.book.cases():
            self._treatment.consider(case)
        self._commit()
        return Done(detail=f"{subject}: phase {now}")

    def do_list_approvals(self, _: ListApprovals) -> ApprovalList:
        fields = ApprovalRow.__struct_fields__
        waiting = self._treatment.consent.waiting()
        return ApprovalList(
            approvals=[ApprovalRow(**{name: getattr(each, name) for name in fields}) for each in waiting]
        )

    def do_approve_remedy(self, command: ApproveRemedy) -> Done:
        return self._answer(command.issue, approved=True, note=command.note)

    def do_reject_remedy(self, command: RejectRemedy) -> Done:
        return self._answer(command.issue, approved=False, note=command.note)

    def _answer(self, prefix: str, *, approved: bool, note: str) -> Done:
        issue = self._named(prefix)
        case = self.book.get(issue.issue)
        remedy = self._treatment.consent.answer(case, approved=approved, note=note) if case is not None else ""
        if not remedy:
            raise Refused(f"nothing is asked about {issue.issue}, which is {issue.state}")
        self._commit()
        then = "begins" if approved else "is passed over"
        return Done(detail=f"{remedy} for {issue.kind} of {issue.subject} {then}")

    def do_list_changes(self, command: ListChanges) -> None:
        request = self.defer_reply()

        def read(outcome: list[AlteredRow] | Exception) -> None:
            if isinstance(outcome, Exception):
                request.answer(Refused(f"the change log cannot be read: {outcome}"))
            else:
                request.answer(ChangeList(changes=outcome))

        self.run(lambda: self._changes.newest(command.limit, command.subject), read)

    def do_undo_issue(self, command: UndoIssue) -> None:
        issue = self._named(command.issue)
        request = self.defer_reply()
        try:
            self._undoing.undo(issue, command.note, lambda answer: self._hold(request.answer, answer))
        except Refused as refused:
            request.answer(refused)

    def altered(self, row: AlteredRow) -> None:
        """Put it to the change log; healing goes on without one that cannot be written."""
        try:
            self._changes.add(row)
        except OSError as error:
            self.log.warning("change_log.not_written", error=str(error), what=row.what)

    def _row(self, issue: Issue) -> IssueRow:
        asked = self._treatment.consent.asks(issue.issue)
        return msgspec.structs.replace(issue.row(), asks=asked.remedy if asked is not None else "")

    def _named(self, prefix: str) -> Issue:
        """The issue of that id, or the only one that begins so. Raises Refused."""
        self.book.flush()
        found = self.book.store.beginning_with(prefix) if prefix else []
        exact = [issue for issue in found if issue.issue == prefix]
        if len(exact or found) == 1:
            return (exact or found)[0]
        if not found:
            raise Refused(f"no issue begins with {prefix!r}; list them with gyrostat issues")
        raise Refused(f"{prefix!r} is ambiguous: {', '.join(issue.issue for issue in found)}")
