"""What was learnt, at hand: plans in the order that outcomes speak for, known fixes, and what is to be remembered.

Touches no bus. In memory is what learned.py keeps; every change is written first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

import msgspec

from actors.clock import Clock
from actors.healer.issues import Issue
from actors.healer.learned import Drawn, Hand, Learned
from actors.healer.learning import Chance, End, Tally, arranged, leader, together
from actors.healer.lore import Fix, Lore, Omen, Outcomes, news
from actors.healer.plans import Plan, plan_for
from actors.healer.rulebook import Rulebook
from actors.healer.settings import LearningSettings
from actors.settings import Workload

Steps = list[tuple[str, str]]


class Foresight(Protocol):
    """What watches for signs; see foresight.py."""

    def raised(self, issue: Issue) -> Steps:
        """An issue is new."""

    def over(self, issue: Issue, *, helped: bool) -> None:
        """An issue is resolved."""


_OWN_ONLY: Final = ("hook:", "signal:")
"""Remedies that mean something else at each workload."""


class Experience:
    """Of one node. origin: its name.

    relapsed(issue, remedy, since): told when what that remedy helped against since then, Unix seconds, is back.
    """

    def __init__(
        self,
        learned: Learned,
        settings: LearningSettings,
        rulebook: Rulebook,
        *,
        origin: str,
        clock: Clock,
        chance: Chance,
    ) -> None:
        self.settings = settings
        self.rulebook = rulebook
        self.learned = learned
        self._origin = origin
        self._clock = clock
        self._chance = chance
        self._plans = learned.plans()
        self._rows: dict[str, dict[tuple[str, ...], Outcomes]] = {}
        self._fixes: list[Fix] = []
        self._omens: dict[tuple[str, str], dict[tuple[str, ...], Omen]] = {}
        self.foresight: Foresight | None = None
        self.relapsed: Callable[[Issue, str, float], None] | None = None
        self._take(learned.lore())

    def _take(self, lore: Lore) -> None:
        for row in lore.outcomes:
            self._rows.setdefault(row.fingerprint, {})[row.key] = row
        for omen in lore.omens:
            self._omens.setdefault((omen.subject, omen.sign), {})[omen.key] = omen
        self._fixes = sorted([*self._fixes, *lore.fixes], key=lambda fix: fix.time)

    # -- what is tried

    def plan(self, issue: Issue, workload: Workload | None) -> Plan:
        """The plan in the order that outcomes speak for; the same until the issue or what decides about it changes."""
        base = plan_for(issue, workload, self.rulebook)
        if base.told_only:
            return base
        drawn = self._plans.get(issue.issue)
        if drawn is not None and issue.state in ("healing", "verifying"):
            return msgspec.structs.replace(base, remedies=drawn.remedies)
        fix = self._fix_for(issue)
        candidates = _candidates(base, fix)
        if drawn is None or (drawn.rule, drawn.candidates, drawn.rounds) != (base.rule, candidates, issue.rounds):
            former = drawn.remedies[: issue.step] if drawn is not None and drawn.rounds == issue.rounds else ()
            left = list(self._order(issue, candidates, fix))
            for name in former:
                if name in left:
                    left.remove(name)
            remedies = (*former, *left)
            drawn = Drawn(rule=base.rule, candidates=candidates, rounds=issue.rounds, remedies=remedies)
            self.learned.keep_plan(issue.issue, drawn, self._clock.wall())
            self._plans[issue.issue] = drawn
        return msgspec.structs.replace(base, remedies=drawn.remedies)

    def plan_now(self, issue: Issue, workload: Workload | None) -> Plan:
        """The plan that the same issue would have if it came now; nothing is kept of it."""
        base, fix = plan_for(issue, workload, self.rulebook), self._fix_for(issue)
        if base.told_only:
            return base
        return msgspec.structs.replace(base, remedies=self._order(issue, _candidates(base, fix), fix))

    def _order(self, issue: Issue, candidates: Sequence[str], fix: Fix | None) -> tuple[str, ...]:
        if not self.settings.enabled:
            return tuple(candidates)
        order = arranged(candidates, self.own(issue.fingerprint), self._like(issue), self._chance)
        return (fix.remedy, *(name for name in order if name != fix.remedy)) if fix else order

    def own(self, fingerprint: str) -> dict[str, Tally]:
        """What came of each remedy for a fingerprint, on any node."""
        return _sum(self._rows.get(fingerprint, {}).values())

    def _like(self, issue: Issue) -> dict[str, Tally]:
        """The same for other fingerprints of its class of failure."""
        if issue.failure == "unknown":
            return {}
        return _sum(
            row
            for mark, rows in self._rows.items()
            if mark != issue.fingerprint
            for row in rows.values()
            if row.failure == issue.failure and not row.remedy.startswith(_OWN_ONLY)
        )

    def _fix_for(self, issue: Issue) -> Fix | None:
        """A fix by a person that is a remedy, and has not failed since."""
        fix = self.known_fix(issue)
        if fix is None or not fix.remedy or not self.settings.enabled:
            return None
        tally = self.own(issue.fingerprint).get(fix.remedy)
        stands = tally is None or tally.last_at < fix.time or tally.last == "verified"
        return fix if stands else None

    def known_fix(self, issue: Issue) -> Fix | None:
        """The newest fix by a person for this failure."""
        return next((fix for fix in reversed(self._fixes) if _is_of(fix, issue)), None)

    def advice(self, issue: Issue) -> str:
        """What a person who is called should know of what another did; begins with a semicolon, or is empty."""
        fix = self.known_fix(issue)
        return f"; a person fixed it before: {fix.text}" if fix is not None else ""

    # -- what is remembered

    def raised(self, issue: Issue) -> Steps:
        """An issue is new: what helped the last time did not last; what a person did is told. Lines of its history."""
        steps: Steps = self.foresight.raised(issue) if self.foresight is not None else []
        now = self._clock.wall()
        own = {name: tally for name, tally in self.own(issue.fingerprint).items() if tally.tries}
        newest = max(own, key=lambda name: own[name].last_at, default="")
        if newest and own[newest].last == "verified" and now - own[newest].last_at < self.settings.returns_within:
            row = self._row(issue, newest)
            self._keep(issue, newest, row.tally.relapsed(now))
            if self.relapsed is not None:
                self.relapsed(issue, newest, now - self.settings.returns_within)
            steps.append(("returned", f"{newest} helped {now - own[newest].last_at:.0f} s ago, and it is back"))
        fix = self.known_fix(issue)
        if fix is not None:
            applied = "; tried first" if self._fix_for(issue) else ""
            steps.append(("known", f"a person fixed it before ({fix.issue}): {fix.text}{applied}"))
        return steps

    def ended(self, issue: Issue, remedy: str, end: End, took_s: float) -> None:
        """An attempt was judged. took_s: seconds from its begin."""
        before = leader(self.own(issue.fingerprint))
        self._keep(issue, remedy, self._row(issue, remedy).tally.plus(end, self._clock.wall(), took_s))
        drawn, now_first = self._plans.get(issue.issue), leader(self.own(issue.fingerprint))
        if now_first and now_first != before and drawn is not None and drawn.candidates[0] != now_first:
            self._teach(issue.subject, f"{now_first} is tried first from now on against: {issue.summary}")

    def hand(self, issue: Issue, text: str, remedy: str) -> None:
        """A person did something while the issue is open. remedy: the same as one, or empty."""
        self.learned.note_hand(issue.issue, Hand(time=self._clock.wall(), text=text, remedy=remedy))

    def fixed(self, issue: Issue, text: str, remedy: str) -> None:
        """A person says what fixed it. remedy: the same as one, or empty."""
        self._keep_fix(_fix(self._origin, issue, self._clock.wall(), text, remedy))

    def over(self, issue: Issue, *, helped: bool) -> None:
        """It is resolved. helped: a remedy did it; else it was what people did meanwhile, if they did anything."""
        hands = self.learned.hands(issue.issue)
        told = any(fix.issue == issue.issue and fix.how == "told" for fix in self._fixes)
        if hands and not helped and not told:
            texts = dict.fromkeys(hand.text for hand in hands)
            remedies = {hand.remedy for hand in hands}
            remedy = remedies.pop() if len(remedies) == 1 else ""
            fix = _fix(self._origin, issue, self._clock.wall(), "; ".join(texts), remedy)
            self._keep_fix(msgspec.structs.replace(fix, fix=f"{fix.fix}:seen", how="seen"))
        self.learned.over(issue.issue)
        if self.foresight is not None:
            self.foresight.over(issue, helped=helped)
        self._plans.pop(issue.issue, None)

    # -- signs

    def omens(self, subject: str, sign: str) -> list[Omen]:
        """What is known of a sign of a subject, of all nodes."""
        return list(self._omens.get((subject, sign), {}).values())

    def count(self, subject: str, sign: str, fingerprint: str = "", **more: float) -> None:
        """One more of something about a sign: seen, preceded, prevented or missed, and lead_s."""
        key = (self._origin, subject, sign, fingerprint)
        rows = self._omens.setdefault((subject, sign), {})
        row = rows.get(key) or Omen(origin=self._origin, subject=subject, sign=sign, fingerprint=fingerprint)
        added = {name: getattr(row, name) + value for name, value in more.items()}
        rows[key] = msgspec.structs.replace(row, **added, last_at=self._clock.wall())
        self.learned.keep_omens([rows[key]])

    def take_over(self, lore: Lore) -> Lore:
        """Take what another node learnt; what of it was new."""
        new = news(self.learned.lore(), lore)
        with self.learned.transaction():
            self.learned.keep_outcomes(new.outcomes)
            self.learned.keep_fixes(new.fixes)
            self.learned.keep_omens(new.omens)
        self._take(new)
        return new

    def _row(self, issue: Issue, remedy: str) -> Outcomes:
        key = (self._origin, issue.fingerprint, remedy)
        return self._rows.get(issue.fingerprint, {}).get(key) or Outcomes(
            origin=self._origin,
            subject=issue.subject,
            fingerprint=issue.fingerprint,
            kind=issue.kind,
            failure=issue.failure,
            remedy=remedy,
        )

    def _keep(self, issue: Issue, remedy: str, tally: Tally) -> None:
        row = msgspec.structs.replace(self._row(issue, remedy), failure=issue.failure, tally=tally)
        self.learned.keep_outcomes([row])
        self._rows.setdefault(row.fingerprint, {})[row.key] = row

    def _keep_fix(self, fix: Fix) -> None:
        self.learned.keep_fixes([fix])
        self._fixes = [*(each for each in self._fixes if each.fix != fix.fix), fix]
        self._teach(fix.subject, f"a person fixed {fix.kind} {fix.issue}: {fix.text}")

    def _teach(self, subject: str, text: str) -> None:
        self.learned.teach(self._clock.wall(), subject, text)


def _candidates(base: Plan, fix: Fix | None) -> tuple[str, ...]:
    """What may be tried: the plan, and what a person fixed it by."""
    return base.remedies if fix is None or fix.remedy in base.remedies else (fix.remedy, *base.remedies)


def _fix(origin: str, issue: Issue, now: float, text: str, remedy: str) -> Fix:
    return Fix(
        fix=f"{origin}:{issue.issue}",
        origin=origin,
        time=now,
        issue=issue.issue,
        subject=issue.subject,
        fingerprint=issue.fingerprint,
        kind=issue.kind,
        failure=issue.failure,
        text=text,
        remedy=remedy,
    )


def _is_of(fix: Fix, issue: Issue) -> bool:
    """Whether it is for the same fingerprint, or the same kind and known class of failure of the same subject."""
    if fix.fingerprint == issue.fingerprint:
        return True
    alike = (fix.subject, fix.kind, fix.failure) == (issue.subject, issue.kind, issue.failure)
    return alike and issue.failure != "unknown"


def _sum(rows: Iterable[Outcomes]) -> dict[str, Tally]:
    found: dict[str, Tally] = {}
    for row in rows:
        found[row.remedy] = together(found[row.remedy], row.tally) if row.remedy in found else row.tally
    return found
