"""What people ask of the Healer: what is wrong, why it does what it does, and their word on it."""

from __future__ import annotations

from typing import ClassVar

from actors.base import Actor
from actors.healer.casebook import Casebook
from actors.healer.conditions import Conditions
from actors.healer.issues import Issue
from actors.healer.settings import HealerSettings
from actors.healer.treatment import Treatment
from bus.errors import Refused
from bus.message import Command, Done
from bus.messages.healer import ExplainIssue, IssueDetail, IssueList, ListIssues, ResolveIssue


class People(Actor[HealerSettings]):
    """The commands of the Healer; actor.py hears the facts."""

    answers: ClassVar[tuple[type[Command], ...]] = (ExplainIssue, ListIssues, ResolveIssue)

    _book: Casebook | None = None
    _conditions: Conditions
    _treatment: Treatment
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
            raise Refused(f"no issue begins with {prefix!r}; list them with gyrostat issues")
        raise Refused(f"{prefix!r} is ambiguous: {', '.join(issue.issue for issue in found)}")
