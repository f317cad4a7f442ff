"""Acts on a sign before the failure that it announced earlier, and counts whether that helped.

Touches no bus: it works with the actor's hands. What it raises is an issue like any other, so that phases, flow,
approvals, verification and history are the same.
"""

from __future__ import annotations

from collections.abc import Callable

from actors.healer.casebook import Case, Casebook
from actors.healer.experience import Experience, Steps
from actors.healer.fingerprints import fingerprint
from actors.healer.hands import Hands
from actors.healer.issues import Cause, Issue, Symptom
from actors.healer.omens import Expected, Sightings, expected, signs_of
from actors.healer.plans import left_out
from actors.healer.remedies import parse
from actors.settings import Workload
from bus.message import Fact

Pending = tuple[str, str, str]
"""Subject, sign, and fingerprint of what is to be expected."""


class Foresight:
    """take(symptom): raises an issue. resolve(case, by, why): ends one."""

    def __init__(
        self,
        hands: Hands,
        book: Casebook,
        take: Callable[[Symptom], None],
        resolve: Callable[[Case, str, str], None],
    ) -> None:
        self._hands = hands
        self._book = book
        self._take = take
        self._resolve = resolve
        self._sightings = Sightings()
        self._pending: dict[Pending, int] = {}
        self._numbers = 0

    @property
    def _experience(self) -> Experience:
        return self._book.experience

    def saw(self, fact: Fact) -> None:
        """A fact that may hold a sign; what is said while something is wrong already announces nothing."""
        subject = fact.subject
        workload = self._hands.node.workloads.get(subject)
        if workload is None or self._book.of(subject):
            return
        settings = self._experience.settings
        found = signs_of(fact)
        for sign in self._sightings.new(subject, found, self._hands.clock(), settings.sign_window) if found else []:
            coming = self._expected(subject, sign, workload) if settings.foresee else None
            self._experience.count(subject, sign, seen=1)
            if coming is not None and not self._book.of(subject):
                self._announce(subject, coming)

    def _expected(self, subject: str, sign: str, workload: Workload) -> Expected | None:
        rows = self._experience.omens(subject, sign)
        helped = {row.fingerprint: self._experience.own(row.fingerprint) for row in rows if row.fingerprint}
        names = dict.fromkeys(name for tallies in helped.values() for name in tallies)
        can = {name: done for name in names if (done := beforehand(name)) and not left_out(done, workload)}
        return expected(sign, rows, helped, can)

    def _announce(self, subject: str, coming: Expected) -> None:
        settings = self._experience.settings
        self._take(
            Symptom(
                subject=subject,
                kind="foreseen",
                fingerprint=fingerprint("foreseen", subject, f"{coming.sign} {coming.fingerprint}"),
                text=f"{coming.sign}: {coming.preceded} of {coming.seen} times a failure followed, against which"
                f" {coming.remedy} helped {coming.helped} times",
                cause=Cause(sign=coming.sign, before=coming.fingerprint, remedy=coming.remedy),
            )
        )
        self._hands.after(settings.sign_window, self._passed, subject)

    def _passed(self, subject: str) -> None:
        """What was foreseen and not acted upon did not come."""
        for case in self._book.of(subject):
            if case.issue.kind == "foreseen" and case.attempt is None:
                self._resolve(case, "itself", "what was foreseen did not come")

    def raised(self, issue: Issue) -> Steps:
        """A failure: the signs before it announced it. Lines of its history."""
        if issue.kind in ("foreseen", "actor") or issue.cause.scope != "workload":
            return []
        for case in self._book.of(issue.subject):
            if case.issue.kind == "foreseen" and case.attempt is None:
                self._hands.after(0.0, self._came, case.issue.issue)
        settings = self._experience.settings
        now_s, subject, mark = self._hands.clock(), issue.subject, issue.fingerprint
        signs = self._sightings.before(subject, now_s, settings.sign_lead, settings.sign_window)
        missed = [key for key in self._pending if key[0] == subject and key[2] == mark]
        with self._experience.learned.transaction():
            for key in missed:
                del self._pending[key]
                self._experience.count(*key, missed=1)
            for sign, lead_s in signs.items():
                if (subject, sign, mark) not in missed:
                    self._experience.count(subject, sign, mark, preceded=1, lead_s=lead_s)
        return [("sign", f"{lead_s:.0f} s before: {sign}") for sign, lead_s in signs.items()]

    def _came(self, issue: str) -> None:
        case = self._book.get(issue)
        if case is not None and case.attempt is None:
            self._resolve(case, "itself", "what was foreseen has come")

    def over(self, issue: Issue, *, helped: bool) -> None:
        """Something was done beforehand: the time after it shows whether it prevented anything."""
        if issue.kind != "foreseen" or not helped:
            return
        key = (issue.subject, issue.cause.sign, issue.cause.before)
        self._numbers += 1
        self._pending[key] = self._numbers
        self._hands.after(self._experience.settings.sign_window, self._prevented, key, self._numbers)

    def _prevented(self, key: Pending, number: int) -> None:
        if self._pending.get(key) == number:
            del self._pending[key]
            self._experience.count(*key, prevented=1)


def beforehand(name: str) -> str:
    """What is done before a failure in the place of what helped after it; empty when nothing is."""
    remedy = parse(name)
    if remedy is None:
        return ""
    if remedy.verb in ("restart", "await_restart"):
        return "restart"
    return remedy.name if remedy.verb in ("hook", "signal") else ""
