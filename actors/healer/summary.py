"""What was learnt, summed up for people. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from actors.healer.learned import Lesson
from actors.healer.learning import Tally, together
from actors.healer.lore import Fix, Lore, Omen, Outcomes
from bus.messages.learning import FixesReport, FixRow, LessonRow, OmenRow, TallyRow


def report(lore: Lore, lessons: Sequence[Lesson], limit: int) -> FixesReport:
    """Totals, the most tried first. lore: oldest first; lessons: newest first. limit: of fixes and signs."""
    total = _tally_row("total", [row.tally for row in lore.outcomes])
    tries = total.verified + total.returned + total.failed
    marks = {row.fingerprint: f"{row.kind}, {row.failure}" for row in lore.outcomes}
    signs = [omen for omen in reversed(lore.omens) if omen.fingerprint and omen.preceded + omen.prevented + omen.missed]
    seen = {(omen.origin, omen.subject, omen.sign): omen.seen for omen in lore.omens if not omen.fingerprint}
    return FixesReport(
        total=total,
        success_rate=total.verified / tries if tries else None,
        by_failure=_by(lore.outcomes, lambda row: row.failure),
        by_kind=_by(lore.outcomes, lambda row: row.kind),
        by_remedy=_by(lore.outcomes, lambda row: row.remedy),
        fixes=[_fix_row(fix) for fix in reversed(lore.fixes[-limit:] if limit > 0 else [])],
        omens=[_omen_row(omen, seen, marks) for omen in signs[: max(0, limit)]],
        lessons=[LessonRow(time=one.time, subject=one.subject, text=one.text) for one in lessons],
    )


def _by(rows: Iterable[Outcomes], name: Callable[[Outcomes], str]) -> list[TallyRow]:
    groups: dict[str, list[Tally]] = {}
    for row in rows:
        groups.setdefault(name(row), []).append(row.tally)
    found = [_tally_row(key, tallies) for key, tallies in groups.items()]
    return sorted(found, key=lambda row: (-(row.verified + row.returned + row.failed), row.name))


def _tally_row(name: str, tallies: Iterable[Tally]) -> TallyRow:
    whole = Tally()
    for tally in tallies:
        whole = together(whole, tally)
    mean_s = whole.took_s / whole.verified if whole.verified else None
    return TallyRow(name=name, verified=whole.verified, returned=whole.returned, failed=whole.failed, mean_s=mean_s)


def _fix_row(fix: Fix) -> FixRow:
    return FixRow(
        time=fix.time,
        issue=fix.issue,
        subject=fix.subject,
        issue_kind=fix.kind,
        failure=fix.failure,
        text=fix.text,
        remedy=fix.remedy,
        how=fix.how,
    )


def _omen_row(omen: Omen, seen: dict[tuple[str, str, str], int], marks: dict[str, str]) -> OmenRow:
    return OmenRow(
        subject=omen.subject,
        sign=omen.sign,
        before=marks.get(omen.fingerprint, omen.fingerprint),
        seen=seen.get((omen.origin, omen.subject, omen.sign), 0),
        preceded=omen.preceded,
        prevented=omen.prevented,
        missed=omen.missed,
        lead_s=omen.lead_s / omen.preceded if omen.preceded else 0.0,
    )
