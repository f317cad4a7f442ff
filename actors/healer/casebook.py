"""The open issues in memory, each as a case, and every change of one written to the store first.

Repeated symptoms are counted in memory and written by flush(), so that a flood costs no disk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal

import msgspec

from actors.clock import Alarm, Clock
from actors.healer.budget import Budgets
from actors.healer.experience import Experience
from actors.healer.flow import Flow
from actors.healer.issues import (
    LIFE,
    PROBE,
    SERVICE,
    Issue,
    News,
    Symptom,
    became,
    family,
    fold,
    next_id,
    raised,
    repeated,
)
from actors.healer.protection import Protection
from actors.healer.remedies import Planned, Remedy, parse
from actors.healer.settings import HealerSettings
from actors.healer.store import Store
from actors.healer.verification import Watch
from actors.settings.repair import FailureClass
from bus.messages.trust import AlteredRow

Phase = Literal["acting", "verifying", "undoing"]
Outcome = Literal["verified", "failed", "dropped", "kept", "held"]
"""kept: it ended the failure that it was made against, and another came. held: it left the workload down, as meant."""


class Attempt(msgspec.Struct):
    """A remedy under way.

    started_s: monotonic. stale: its issue became another, so that it is not to be judged. planned: of a repair.
    mark: of the failure that it is made against, as fingerprints.mark_of has it. failure: the class of that.
    """

    number: int
    remedy: Remedy
    started_s: float
    phase: Phase = "acting"
    stale: bool = False
    planned: Planned | None = None
    mark: str = ""
    failure: FailureClass = "unknown"


class Case:
    """An open issue and what is going on with it. first_s, last_s: monotonic times of its symptoms.

    looking: the process table was asked for on its behalf. deferred: what it was last said to wait for.
    waited: it waits for a dependency. settle_until_s: until then it is given time to recover by itself.
    """

    def __init__(self, issue: Issue, first_s: float, last_s: float) -> None:
        self.issue = issue
        self.first_s = first_s
        self.last_s = last_s
        self.watch = Watch(issue.kind, issue.cause, since_s=last_s)
        self.attempt: Attempt | None = None
        self.alarm: Alarm | None = None
        self.looking = False
        self.deferred = ""
        self.waited = False
        self.settle_until_s = 0.0
        self.dirty = False

    def forget_alarm(self) -> None:
        """It is not looked at later."""
        if self.alarm is not None:
            self.alarm.cancel()
            self.alarm = None


class Casebook:
    """Cases by id; the store's only user. Every change raises sqlite3.Error when it cannot be written.

    budgets, flow: what the errors and the runs of all workloads add up to. ended: attempts that ended since the start.
    altered: told of everything that an attempt altered or put back.
    """

    def __init__(
        self,
        store: Store,
        settings: HealerSettings,
        clock: Clock,
        experience: Experience,
        altered: Callable[[AlteredRow], None] | None = None,
    ) -> None:
        self.store = store
        self.experience = experience
        self.budgets = Budgets(settings.budget)
        self.flow = Flow(settings.flow)
        self.ended = 0
        self._altered = altered
        self.settings = settings
        self._clock = clock
        self._cases: dict[str, Case] = {}
        self._by_subject: dict[str, dict[str, Case]] = {}
        self._last_id = store.last_id()

    def load(self, protection: Protection) -> None:
        """Take up the open issues and the attempts of the last hour where another incarnation left off."""
        now_s, wall_s = self._clock(), self._clock.wall()
        store = self.store
        with store.transaction():
            store.forget(wall_s - self.settings.keep)
        for past in store.attempts_since(wall_s - self.settings.repeat_window):
            remedy = parse(past.remedy)
            if remedy is None or not remedy.disruptive:
                continue
            protection.started(past.remedy, past.subject, past.fingerprint, now_s - (wall_s - past.started_at))
            if past.outcome == "verified":
                protection.helped(past.remedy, past.subject)
            elif past.outcome == "failed" and past.ended_at is not None:
                protection.failed(past.remedy, past.subject, now_s - (wall_s - past.ended_at))
            elif past.outcome in ("dropped", "kept", "held"):
                protection.dropped(past.remedy, past.subject)
        for issue in store.open_issues():
            first_s = now_s - max(0.0, wall_s - issue.first_seen)
            self._add(Case(issue, first_s, now_s))

    def cases(self) -> list[Case]:
        """Every open case, oldest first."""
        return list(self._cases.values())

    def get(self, issue: str) -> Case | None:
        """The open case of that id."""
        return self._cases.get(issue)

    def of(self, subject: str) -> list[Case]:
        """Open cases of one subject."""
        return list(self._by_subject.get(subject, {}).values())

    def _add(self, case: Case) -> None:
        self._cases[case.issue.issue] = case
        self._by_subject.setdefault(case.issue.subject, {})[case.issue.issue] = case

    def blamed(self, symptom: Symptom, needed: Iterable[str]) -> Case | None:
        """The open issue of what a workload waits for, to which a reading of it is put down; None: there is none.

        needed: names of what it waits for.
        """
        if symptom.kind not in SERVICE or self.of(symptom.subject):
            return None
        cases = (case for name in needed for case in self.of(name))
        return next((case for case in cases if case.issue.kind in (*LIFE, *PROBE)), None)

    def add_evidence(self, case: Case, symptom: Symptom) -> None:
        """A reading of a workload that waits belongs to the issue of what it waits for."""
        told = msgspec.structs.replace(symptom, text=f"{symptom.subject} waits for it: {symptom.text}")
        most = self.settings.evidence_max
        case.issue = repeated(case.issue, told, wall_s=self._clock.wall(), evidence_max=most)
        case.dirty = True

    def news(self, symptom: Symptom) -> News:
        """What taking the symptom would be."""
        found = self._home_of(symptom)
        return "new" if found is None else found[1]

    def take(self, symptom: Symptom, *, critical: bool) -> tuple[Case, News]:
        """Put a symptom to the issue it belongs to, or make one."""
        now_s, wall_s = self._clock(), self._clock.wall()
        self.budgets.note(symptom.subject, symptom.failure, now_s)
        self.flow.failed(now_s)
        found = self._home_of(symptom)
        if found is None:
            self._last_id = next_id(self._last_id, wall_s)
            issue = raised(symptom, issue=self._last_id, wall_s=wall_s, critical=critical)
            case = Case(issue, now_s, now_s)
            self._write(issue, [("raised", line) for line in issue.evidence] + self.experience.raised(issue))
            self._add(case)
            return case, "new"
        case, news = found
        case.last_s = now_s
        most = self.settings.evidence_max
        if news == "again":
            case.issue = repeated(case.issue, symptom, wall_s=wall_s, evidence_max=most)
            case.dirty = True
        else:
            issue = became(case.issue, symptom, wall_s=wall_s, critical=critical, evidence_max=most)
            self._write(issue, [("became", f"{case.issue.kind} became {issue.kind}: {symptom.text}")])
            case.issue, case.dirty = issue, False
        return case, news

    def more(self, symptom: Symptom) -> bool:
        """More is known of a symptom that was taken; False when no open issue has it."""
        found = self._home_of(symptom)
        if found is None or found[1] != "again":
            return False
        case, count = found[0], found[0].issue.count
        told = repeated(case.issue, symptom, wall_s=case.issue.last_seen, evidence_max=self.settings.evidence_max)
        case.issue, case.dirty = msgspec.structs.replace(told, count=count), True
        return True

    def change(self, case: Case, *steps: tuple[str, str], **fields: Any) -> None:
        """Write new fields of an issue and lines of its history."""
        issue = msgspec.structs.replace(case.issue, **fields)
        self._write(issue, steps)
        self._tell_altered(issue, case.attempt, steps)
        case.issue, case.dirty = issue, False

    def begin(self, case: Case, remedy: Remedy, why: str, planned: Planned | None = None) -> Attempt:
        """An attempt begins. planned: of a repair; what taking it back needs is written before it is done."""
        issue = msgspec.structs.replace(
            case.issue,
            state="healing",
            attempts=case.issue.attempts + 1,
            tried=(*case.issue.tried, remedy.name)[-self.settings.evidence_max :],
            retry_at=None,
        )
        with self.store.transaction():
            self.store.save(issue)
            self.store.begin_attempt(issue, remedy.name, self._clock.wall())
            self.store.note(issue.issue, self._clock.wall(), [("remedy", f"{remedy.name}: {why}")])
            if planned is not None and planned.undo:
                self.store.note_undo(issue.issue, issue.attempts, planned.undo)
        case.issue, case.dirty = issue, False
        case.attempt = Attempt(issue.attempts, remedy, self._clock(), planned=planned, failure=issue.failure)
        return case.attempt

    def pick_up(self, case: Case, remedy: Remedy) -> None:
        """The attempt that another incarnation left under way goes on."""
        issue = case.issue
        planned = None
        if remedy.verb == "repair":
            planned = Planned(says="picked up", undo=self.store.undo_of(issue.issue, issue.attempts))
        case.attempt = Attempt(issue.attempts, remedy, self._clock(), planned=planned)

    def end(self, case: Case, outcome: Outcome, *steps: tuple[str, str], **fields: Any) -> None:
        """The attempt under way ended; the issue's fields and history change with it."""
        issue, wall_s = msgspec.structs.replace(case.issue, **fields), self._clock.wall()
        with self.store.transaction():
            self.store.save(issue)
            if case.attempt is not None:
                self.store.end_attempt(issue.issue, case.attempt.number, outcome, wall_s)
            self.store.note(issue.issue, wall_s, steps)
        self._tell_altered(issue, case.attempt, steps)
        self.ended += case.attempt is not None
        if case.attempt is not None and not case.attempt.stale and outcome in ("verified", "failed"):
            took_s = self._clock() - case.attempt.started_s
            self.experience.ended(case.issue, case.attempt.remedy.name, outcome, took_s)
        case.issue, case.dirty, case.attempt = issue, False, None

    def close(self, case: Case, outcome: Outcome, *steps: tuple[str, str]) -> float:
        """The issue is resolved; gives its time to repair in seconds."""
        took_s = max(0.0, self._clock() - case.first_s)
        self.end(case, outcome, *steps, state="resolved", retry_at=None, time_to_repair_s=took_s)
        case.forget_alarm()
        self.experience.over(case.issue, helped=outcome == "verified")
        del self._cases[case.issue.issue]
        of_it = self._by_subject[case.issue.subject]
        del of_it[case.issue.issue]
        if not of_it:
            del self._by_subject[case.issue.subject]
        return took_s

    def flush(self) -> None:
        """Write what was only counted."""
        dirty = [case for case in self._cases.values() if case.dirty]
        if dirty:
            with self.store.transaction():
                for case in dirty:
                    self.store.save(case.issue)
                    case.dirty = False

    def _write(self, issue: Issue, steps: Iterable[tuple[str, str]]) -> None:
        with self.store.transaction():
            self.store.save(issue)
            self.store.note(issue.issue, self._clock.wall(), steps)

    def took_back(self, case: Case, what: str) -> None:
        """What an earlier attempt had done is taken back, long after its end."""
        self.change(case, ("undone", what))
        if self._altered is not None:
            subject, issue, now = case.issue.subject, case.issue.issue, self._clock.wall()
            row = AlteredRow(time=now, subject=subject, change="undone", what=what, by="healer", issue=issue)
            self._altered(row)

    def _tell_altered(self, issue: Issue, attempt: Attempt | None, steps: Iterable[tuple[str, str]]) -> None:
        """Only what does something alters anything."""
        if self._altered is None or attempt is None or not attempt.remedy.disruptive:
            return
        for step, detail in steps:
            if step in ("acted", "undone"):
                what = detail if attempt.remedy.name in detail else f"{attempt.remedy.name}: {detail}"
                now = self._clock.wall()
                row = AlteredRow(
                    time=now, subject=issue.subject, change=step, what=what, by="healer", issue=issue.issue
                )
                self._altered(row)

    def _home_of(self, symptom: Symptom) -> tuple[Case, News] | None:
        """The open issue a symptom belongs to: one of its own family before any other."""
        own = family(symptom.kind, symptom.cause)
        candidates = sorted(self.of(symptom.subject), key=lambda case: family(case.issue.kind, case.issue.cause) != own)
        for case in candidates:
            news = fold(case.issue, symptom, healing=case.attempt is not None)
            if news is not None:
                return case, news
        return None
