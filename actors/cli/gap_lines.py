"""Data sets and their gaps, as lines. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from actors.cli.exits import count
from actors.cli.paint import Paint, span, table

SIGNS: Final = {
    "missing": ("+", "good"),
    "corrupt": ("~", "bad"),
    "truncated": ("~", "warn"),
    "stale": ("~", "warn"),
    "unexpected": ("?", "dim"),
}
"""Kind of gap -> what stands before it, and its tone."""

STATES: Final = {
    "converged": "good",
    "gaps": "warn",
    "doubted": "bad",
    "unreadable": "bad",
    "new": "dim",
    "standby": "dim",
}

NAMED: Final = 3
"""Keys that are named of each kind; all of them with --all."""


def plan_lines(looked: Any, settings: Any, paint: Paint, *, every: bool) -> list[str]:
    """One look: what would be done. looked: a Looked. settings: of the data set."""
    head = f"{looked.dataset}: {looked.should:,} keys expected, {looked.have:,} there"
    if looked.doubt:
        return [
            head,
            f"  {paint('!', 'bad')} not believed: {looked.doubt}; gyrostat reconcile run {looked.dataset} --believe",
        ]
    lines = [head]
    for kind, number in looked.counts.items():
        if number:
            sign, tone = SIGNS[kind]
            keys = [gap for gap in looked.gaps if gap.kind == kind]
            lines.append(f"  {paint(sign, tone)} {number:,} {kind}: {_done(kind, keys, settings)}")
            shown = keys if every else keys[:NAMED]
            lines += [f"      {gap.key}{f'  {gap.why}' if gap.why and kind != 'unexpected' else ''}" for gap in shown]
            if number > len(shown):
                lines.append(f"      and {number - len(shown):,} more")
    if len(lines) == 1:
        return [*lines, "  nothing differs"]
    return [*lines, f"  index {looked.index}"]


def _done(kind: str, gaps: list[Any], settings: Any) -> str:
    fill = settings.fill
    if fill is None or kind not in fill.kinds:
        return "told only"
    first = f", {gaps[0].priority} first" if gaps else ""
    return f"task {fill.task} for each{first}, {fill.in_flight_max} at a time"


def change_line(looked: Any) -> str:
    """What came and went since the look that was believed last; empty when there was none."""
    change = looked.change
    if not change.before:
        return ""
    return f"  since the last look: {change.appeared:,} came, {change.vanished:,} went, {change.changed:,} changed"


def status_lines(rows: Iterable[Any], paint: Paint) -> list[str]:
    """Data sets as a table. rows: of DatasetRow."""
    cells = [
        [
            row.name,
            (f"{row.state}{' (paused)' if row.paused else ''}", STATES[row.state]),
            f"{row.have:,}/{row.should:,}",
            ", ".join(f"{number:,} {kind}" for kind, number in row.counts.items()) or "none",
            f"{row.in_flight} in flight, {row.waiting} later" if row.in_flight or row.waiting else "",
            (str(row.unfillable), "bad") if row.unfillable else "",
            f"{span(row.looked_s)} ago" if row.looked_s is not None else "never",
            row.why,
        ]
        for row in rows
    ]
    if not cells:
        return ["the config declares no data sets"]
    head = ("DATASET", "STATE", "THERE", "GAPS", "TASKS", "GIVEN UP", "LOOKED", "WHY")
    return table(cells, paint, head)


def outcome_line(rows: list[Any]) -> str:
    """The last line of a run."""
    gaps = sum(sum(row.counts.values()) for row in rows)
    return f"{count(len(rows), 'data set')} looked at, {count(gaps, 'gap')}; follow with: gyrostat reconcile status"
