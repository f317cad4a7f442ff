"""Why health is as it is, and incidents, as lines. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from actors.cli.paint import Cell, Paint, measured, span, table
from actors.cli.status_lines import level_tone, shortened

if TYPE_CHECKING:
    from bus.messages import HealthCause, IncidentList, IncidentRow, LimitRow, SymptomRow

WHAT_MAX: Final = 110


def story_lines(chain: list[HealthCause], paint: Paint) -> list[str]:
    """A chain of causes, each further in than what it explains."""
    lines: list[str] = []
    for cause in chain:
        lines += ["  " * cause.depth + text for text in _cause(cause, paint)]
    return lines


def _cause(cause: HealthCause, paint: Paint) -> Iterator[str]:
    name = cause.subject if cause.scope == "workload" else f"the {cause.scope}"
    lead = "because " if cause.depth else ""
    part = f", part of incident {cause.incident}" if cause.incident else ""
    level = paint(cause.level, level_tone(cause.level))
    yield f"{lead}{paint(name, 'bold')} is {level}, for {span(cause.since_s)}{part}"
    for reason in cause.reasons:
        yield f"  {reason.text}"
        if reason.rule:
            yield paint(f"      rule: {reason.rule}{_source(reason.source)}", "dim")
        if reason.reading is not None and reason.read_s is not None:
            lasted = f", so for {span(reason.lasted_s)}" if reason.lasted_s is not None else ""
            reading = measured(reason.metric, reason.reading)
            yield paint(f"      reading: {reason.metric} {reading}, {span(reason.read_s)} ago{lasted}", "dim")
    if cause.because and cause.because not in {reason.because for reason in cause.reasons}:
        yield f"  it began soon after {cause.because}, which it depends on"
    if not cause.depth and cause.limits:
        yield "  limits:"
        yield from table([_limit(one) for one in cause.limits], paint)


def _source(source: str) -> str:
    return f" ({source})" if source else ""


def _limit(one: LimitRow) -> list[str | Cell]:
    reading = measured(one.metric, one.reading) if one.reading is not None else "no reading"
    hold = f" for {span(one.hold_s)}" if one.hold_s else ""
    since = f" for {span(one.since_s)}" if one.since_s is not None else ""
    tone = {"within": "good", "pending": "warn"}.get(one.state, "bad")
    return [
        f"    {one.metric}",
        reading,
        f"{one.direction} {measured(one.metric, one.limit)}{hold}",
        (f"{one.state}{since}", tone),
        one.source,
    ]


def incident_lines(found: IncidentList, now: float, paint: Paint) -> list[str]:
    """One line for each incident. now: Unix seconds."""
    lines = []
    if found.emergency:
        shed = f"; stopped for it: {', '.join(found.shed)}" if found.shed else ""
        lines += [paint(f"EMERGENCY, incident {found.emergency}{shed}", "bad"), ""]
    if not found.incidents:
        return [*lines, "no incidents"]
    head = ("ID", "ROOT", "SYMPTOMS", "STATE", "OPENED", "LASTED", "WHAT")
    return [*lines, *table([_incident(one, found.emergency, now) for one in found.incidents], paint, head)]


def _incident(one: IncidentRow, emergency: str, now: float) -> list[str | Cell]:
    end = one.closed if one.closed is not None else now
    left = sum(each.over is None for each in one.symptoms)
    symptoms = f"{len(one.symptoms)}" + (f", {left} not well" if left and one.closed is None else "")
    state = "emergency" if one.incident == emergency else "open"
    return [
        one.incident,
        one.root.subject,
        symptoms,
        ("closed", "good") if one.closed is not None else (state, "bad"),
        f"{span(max(0.0, now - one.opened))} ago",
        span(max(0.0, end - one.opened)),
        shortened(one.root.what, WHAT_MAX),
    ]


def one_incident(one: IncidentRow, now: float, paint: Paint) -> list[str]:
    """Everything of one incident: its root, then its symptoms in the order in which they began."""
    end = one.closed if one.closed is not None else now
    state = f"closed: {one.why}" if one.closed is not None else "open"
    count = len(one.symptoms)
    kind = "emergency, incident" if one.emergency else "incident"
    lines = [
        paint(f"{kind} {one.incident}: {one.root.subject}: {shortened(one.root.what, WHAT_MAX)}", "bold"),
        f"  {state}, for {span(max(0.0, end - one.opened))}; {count} symptom{'s' if count != 1 else ''}",
        "",
    ]
    rows = [_symptom(each, one, end) for each in (one.root, *one.symptoms)]
    return lines + table(rows, paint, ("  SUBJECT", "BECAUSE OF", "BEGAN", "STATE", "ISSUES", "WHAT"))


def _symptom(each: SymptomRow, one: IncidentRow, end: float) -> list[str | Cell]:
    again = f", {each.times} times" if each.times > 1 else ""
    over = each.over if each.over is not None else end
    well = f"well after {span(max(0.0, over - each.since))}"
    return [
        f"  {each.subject}",
        each.because or "itself",
        f"+{span(max(0.0, each.since - one.opened))}",
        (f"{well}{again}", "good") if each.over is not None else (f"not well{again}", "bad"),
        ", ".join(each.issues) or "-",
        shortened(each.what, WHAT_MAX),
    ]
