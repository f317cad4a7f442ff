"""What decides about an open issue, gathered from the process table and from the other issues. Pure."""

from __future__ import annotations

from collections.abc import Callable

from actors.healer.answers import rows_of
from actors.healer.casebook import Case, Casebook
from actors.healer.course import Situation
from actors.healer.errands import standby_of
from actors.healer.hands import Hands
from actors.healer.issues import LIFE, PROBE
from actors.healer.plans import Plan
from actors.healer.remedies import Seen, kin_of, unready_dependencies
from actors.healer.repairing import Looked
from actors.healer.settings import HealerSettings
from actors.settings import Workload
from bus.messages.process_manager import ProcessRow, ProcessTable


class Surroundings:
    """Of all cases. reading(subject): whether its log is being read. settle(case): gives it time to recover by itself.

    settings: to be set anew when they change.
    """

    def __init__(
        self,
        hands: Hands,
        book: Casebook,
        settings: HealerSettings,
        *,
        reading: Callable[[str], bool],
        settle: Callable[[Case], None],
    ) -> None:
        self.settings = settings
        self._hands = hands
        self._book = book
        self._reading = reading
        self._settle = settle

    def workload(self, case: Case) -> Workload | None:
        """The workload that a case is about; None when it is about something else, or no longer declared."""
        return self._hands.node.workloads.get(case.issue.subject) if case.issue.cause.scope == "workload" else None

    def plan(self, case: Case) -> Plan:
        """What is tried against an issue."""
        return self._book.experience.plan(case.issue, self.workload(case))

    def of(self, case: Case, table: ProcessTable | None, looked: Looked) -> Situation:
        """What decides about a case now. table: None when it is not needed. looked: what the repairs found."""
        rows = rows_of(table)
        issue, workload = case.issue, self.workload(case)
        sick = self._sick(workload) if workload else ()
        unready = unready_dependencies(workload, rows) if workload else ()
        self._note_dependencies(case, unwell=bool(sick or unready))
        seen = self._seen(case, workload, rows, looked) if workload is not None else None
        now_s = self._hands.clock()
        return Situation(
            issue=issue,
            plan=self.plan(case),
            workload=workload,
            seen=seen,
            busy=self._busy(case, workload),
            sick=sick,
            settle_s=max(0.0, case.settle_until_s - now_s),
            burn=self._book.budgets.burn(issue.subject, issue.failure, now_s),
            flow_s=self._flow_s(case),
            first=self._healed_first(case),
            reading=self._reading(issue.subject),
        )

    def _seen(self, case: Case, workload: Workload, rows: dict[str, ProcessRow], looked: Looked) -> Seen | None:
        row, node = rows.get(case.issue.subject), self._hands.node
        if row is None:
            return None
        return Seen(
            row=row,
            gone=case.watch.gone,
            unready=unready_dependencies(workload, rows),
            planned=looked,
            kin=tuple(rows[name] for name in kin_of(workload, node.workloads) if name in rows),
            standby=rows.get(standby_of(workload, node.workloads.values())),
            tasks=node.tasks,
        )

    def _busy(self, case: Case, workload: Workload | None) -> str:
        """An issue that is healed first: of the same subject, or one for which its workload is being restarted."""
        kin = kin_of(workload, self._hands.node.workloads) if workload is not None else []
        others = (
            each.issue.issue
            for name in {case.issue.subject: 0, **dict.fromkeys(kin, 0)}
            for each in self._book.of(name)
            if each is not case
            and each.attempt is not None
            and (_rolls(each) if name != case.issue.subject else each.attempt.remedy.disruptive)
        )
        return next(others, "")

    def _flow_s(self, case: Case) -> float:
        """Seconds that a remedy for a mere warning waits while much is completed and little fails."""
        now_s, wait_max_s = self._hands.clock(), self.settings.flow.wait_max
        warning = case.issue.severity != "critical" and self.plan(case).tell_first
        left_s = case.first_s + wait_max_s - now_s
        return min(self.settings.resync, left_s) if warning and left_s > 0 and self._book.flow.is_on(now_s) else 0.0

    def _healed_first(self, case: Case) -> str:
        """Another workload that fails for the same kind of reason and is being healed."""
        alike = (
            each.issue.subject
            for each in self._book.cases()
            if each.attempt is not None
            and each.issue.subject != case.issue.subject
            and each.issue.failure == case.issue.failure != "unknown"
        )
        return next(alike, "")

    def _note_dependencies(self, case: Case, *, unwell: bool) -> None:
        """When dependencies are well again after a wait, the one that waited is given time to recover by itself."""
        if case.waited and not unwell:
            self._settle(case)
        case.waited = unwell

    def _sick(self, workload: Workload) -> tuple[str, ...]:
        needed = workload.spec.depends_on
        return tuple(
            dict.fromkeys(
                name
                for name in needed
                for case in self._book.of(name)
                if case.issue.kind in (*LIFE, *PROBE) or case.attempt is not None
            )
        )


def _rolls(case: Case) -> bool:
    """Whether the instances of its workload are being restarted; what comes of it is watched of each by itself."""
    return case.attempt is not None and case.attempt.remedy.verb == "roll" and case.attempt.phase == "acting"
