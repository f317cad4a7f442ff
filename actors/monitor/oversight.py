"""What is wrong together: gathers it from levels and issues, and has incidents, emergency and pace follow."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from msgspec import Struct, structs

from actors.clock import Alarm
from actors.monitor.board import HOST, Board
from actors.monitor.hands import Hands
from actors.monitor.health import RANK
from actors.monitor.incidents import Change, Incident, Incidents, Symptom, Trouble, copy_of, worst
from actors.monitor.ledger import Ledger
from actors.monitor.pace import begin, step
from actors.monitor.protocol import EmergencyProtocol
from actors.monitor.reading import Reading
from actors.monitor.subject import Subject
from bus.errors import CommandError
from bus.message import Fact
from bus.messages import (
    HealthReport,
    IncidentChanged,
    IncidentClosed,
    IncidentList,
    IncidentOpened,
    IncidentRow,
    IssueList,
    IssueRaised,
    ListIncidents,
    ListIssues,
    LogLinesRead,
    PaceChanged,
    SymptomRow,
)

ISSUES_MAX: Final = 1000
"""Open issues that are asked for; more are grouped as they are raised."""


class OpenIssue(Struct, frozen=True):
    """What is known of an issue that is open."""

    subject: str
    severity: str
    summary: str


class Oversight:
    """Looks after each judgement, and when something is due by itself."""

    def __init__(self, hands: Hands, board: Board, reading: Reading) -> None:
        now_s = hands.clock()
        self._hands = hands
        self._board = board
        self._reading = reading
        self._ledger = Ledger(hands.node.state_dir)
        known = [copy_of(one, -self._offset_s()) for one in self._ledger.open()]
        self.incidents = Incidents(hands.settings.incidents, known, number=self._ledger.number())
        self.protocol = EmergencyProtocol(hands, board, self._ledger, self)
        self._pace = begin(now_s)
        self._errors = 0
        self._issues: dict[str, OpenIssue] = {}
        self._alarm: Alarm | None = None
        self._closed = False

    def close(self) -> None:
        """No further look; lets go of the file."""
        self._closed = True
        if self._alarm is not None:
            self._alarm.cancel()
        self._ledger.close()

    def refit(self) -> None:
        """Other settings or workloads are in force."""
        self.incidents.settings = self._hands.settings.incidents
        self.look()

    # -- what is heard

    def issue_raised(self, fact: IssueRaised) -> None:
        """An issue is open."""
        self._issues[fact.issue] = OpenIssue(fact.subject, fact.severity, fact.summary)
        self.look()

    def issue_resolved(self, issue: str) -> None:
        """An issue is over."""
        if self._issues.pop(issue, None) is not None:
            self.look()

    def logged(self, fact: LogLinesRead) -> None:
        """Lines were added to a log; too many for a look at each."""
        self._errors += fact.errors

    def resync(self) -> None:
        """Ask which issues are open, as facts may be lost; look whether error lines get more; pay what is owed."""
        self._hands.request(ListIssues(open_only=True, limit=ISSUES_MAX), self._heard_issues)
        self.protocol.restore()
        self._keep_pace(self._pace.known)

    def _heard_issues(self, outcome: IssueList | CommandError) -> None:
        if isinstance(outcome, CommandError):
            return
        open_ones = (row for row in outcome.issues if row.state != "resolved")
        self._issues = {row.issue: OpenIssue(row.subject, row.severity, row.summary) for row in open_ones}
        self.look()

    # -- looking

    def look(self) -> None:
        """Take in what is wrong now; tell what follows; be woken when the next is due."""
        if self._closed:
            return
        troubles = self._troubles()
        if troubles or self.incidents.groups:
            self._follow(self.incidents.look(troubles, self._needs(troubles), self._hands.clock()))
        self.protocol.look([name for name, trouble in troubles.items() if trouble.critical])
        self._keep_pace(troubles.keys())
        self._set_alarm()

    def _troubles(self) -> dict[str, Trouble]:
        """Subjects that are not well, or have an open issue, the longest in trouble first."""
        issues: dict[str, list[str]] = {}
        for issue, one in self._issues.items():
            issues.setdefault(one.subject, []).append(issue)
        board = self._board
        ill = [one for one in self._parts() if one.verdict.level != "healthy" or one.name in issues]
        ill.sort(key=lambda one: one.level_since_s)
        found = {one.name: self._trouble(one, issues.get(one.name, [])) for one in ill}
        for name in issues.keys() - found.keys():
            if name not in board.members:
                found[name] = self._of_issues(Trouble(what=""), issues[name])
        return found

    def _parts(self) -> Iterable[Subject]:
        yield self._board.host
        yield self._board.node
        for member in self._board.members.values():
            yield member.subject

    def _trouble(self, subject: Subject, issues: Sequence[str]) -> Trouble:
        now_s = self._hands.clock()
        level, why = subject.verdict.level, subject.verdict.why
        reasons = self._board.reasons(subject, now_s) if level != "healthy" else []
        crossed = any(one.severity == "critical" for one in subject.crossings(now_s))
        trouble = Trouble(
            what=why[0] if why and level != "healthy" else "",
            grave=RANK[level] >= RANK["unhealthy"],
            critical=crossed or RANK[level] >= RANK["critical"],
            lacks=frozenset(one.because for one in reasons if one.because),
        )
        return self._of_issues(trouble, issues)

    def _of_issues(self, trouble: Trouble, issues: Sequence[str]) -> Trouble:
        if not issues:
            return trouble
        worst_first = sorted((self._issues[issue] for issue in issues), key=lambda one: one.severity != "critical")
        return structs.replace(
            trouble,
            what=trouble.what or worst_first[0].summary,
            grave=True,
            critical=trouble.critical or worst_first[0].severity == "critical",
            issues=tuple(issues),
        )

    def _needs(self, troubles: Collection[str]) -> dict[str, Collection[str]]:
        """The graph of dependencies; every workload stands on the host. Needed only when somebody is in trouble."""
        if not troubles:
            return {}
        return {name: (*one.workload.spec.depends_on, HOST) for name, one in self._board.members.items()}

    # -- what follows

    def _follow(self, changes: Iterable[Change]) -> None:
        for change in changes:
            incident = change.incident
            closed = self._hands.clock.wall() if change.kind == "closed" else None
            self._ledger.put(copy_of(incident, self._offset_s()), closed=closed, why=change.what)
            if closed is not None:
                self._ledger.forget(closed - self._hands.settings.incidents.keep)
            fact = self._told(change)
            self._hands.publish(fact)
            self._hands.log.info(
                fact.kind, incident=incident.incident, root=incident.root, what=change.what or worst(incident)
            )

    def _told(self, change: Change) -> Fact:
        one = change.incident
        issues = [issue for member in one.members.values() for issue in member.issues]
        symptoms = [member.subject for member in one.symptoms]
        if change.kind == "closed":
            lasted_s = max(0.0, self._hands.clock() - one.opened_s)
            return IncidentClosed(
                subject=one.root, incident=one.incident, why=change.what, lasted_s=lasted_s, symptoms=symptoms
            )
        if change.kind == "opened":
            return IncidentOpened(
                subject=one.root,
                incident=one.incident,
                what=worst(one),
                symptoms=symptoms,
                issues=issues,
                emergency=one.emergency,
            )
        return IncidentChanged(
            subject=one.root,
            incident=one.incident,
            what=change.what,
            symptoms=symptoms,
            left=[member.subject for member in one.members.values() if member.over_s is None],
            issues=issues,
            emergency=one.emergency,
        )

    def _keep_pace(self, wrong: Collection[str]) -> None:
        hands, reading = self._hands, self._reading
        self._pace = step(self._pace, wrong, self._errors, hands.clock(), hands.settings.pace)
        self._errors = 0
        before_s = reading.interval_s
        reading.pace(self._pace.factor)
        if reading.interval_s == before_s:
            return
        why = self._pace.why
        hands.log.info("pace.changed", before=before_s, after=reading.interval_s, asked=reading.asked_s, why=why)
        hands.publish(
            PaceChanged(
                subject=hands.node.name,
                interval_s=reading.interval_s,
                before_s=before_s,
                base_s=reading.asked_s,
                why=why,
            )
        )

    def _set_alarm(self) -> None:
        due = [at_s for at_s in (self.incidents.next_s(), self.protocol.next_s()) if at_s is not None]
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if due:
            clock = self._hands.clock
            self._alarm = clock.call_later(max(0.0, min(due) - clock()), lambda: self._hands.post(self.look))

    def _offset_s(self) -> float:
        return self._hands.clock.wall() - self._hands.clock()

    # -- being asked, also by the protocol

    def unite(self, subjects: Sequence[str]) -> IncidentRow:
        """Make one incident of all that is wrong with these; there is at least one."""
        changes = self.incidents.unite(subjects)
        self._follow(changes)
        return self._row(copy_of(changes[-1].incident, self._offset_s()))

    def row(self, incident: str) -> IncidentRow | None:
        """An incident that is open or was closed lately."""
        rows = self.rows(ListIncidents(open_only=False)).incidents
        return next((row for row in rows if row.incident == incident), None)

    def rows(self, command: ListIncidents) -> IncidentList:
        """What was asked for."""
        rows = [self._row(copy_of(one, self._offset_s())) for one in self.incidents.open]
        if not command.open_only:
            rows += [
                structs.replace(self._row(one.incident), closed=one.at, why=one.why)
                for one in self._ledger.closed(command.limit)
            ]
        return IncidentList(incidents=rows[: command.limit], emergency=self.protocol.incident, shed=self.protocol.shed)

    def noted(self, report: HealthReport) -> HealthReport:
        """The report with the pace and the emergency in it."""
        emergency = self.protocol.incident
        return structs.replace(
            report,
            paced_interval_s=self._reading.interval_s,
            emergency=emergency,
            frozen=bool(emergency) and self._hands.settings.emergency.freeze,
        )

    def _row(self, one: Incident) -> IncidentRow:
        return IncidentRow(
            incident=one.incident,
            root=_symptom(one.members[one.root]),
            symptoms=[_symptom(member) for member in one.symptoms],
            opened=one.opened_s,
            emergency=one.emergency,
        )


def _symptom(member: Symptom) -> SymptomRow:
    return SymptomRow(
        subject=member.subject,
        because=member.because,
        since=member.since_s,
        over=member.over_s,
        what=member.what,
        issues=list(member.issues),
        times=member.times,
    )
