"""What another config would change, as lines. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from actors.cli.exits import count
from actors.cli.paint import Cell, Paint, table

_WORDS: Final = {
    "start": ("+ start", "good"),
    "add": ("+ add", "good"),
    "stop": ("- stop", "bad"),
    "restart": ("~ restart", "warn"),
    "take_over": ("= take over", "plain"),
    "later": ("! later", "warn"),
}
INTERRUPTING: Final = frozenset(("stop", "restart"))
"""Actions that a user of the workload would notice."""


def plan_lines(result: Any, paint: Paint) -> list[str]:
    """Every line. result: a ReloadResult without faults."""
    if not result.plan:
        return [f"nothing differs: {count(result.untouched, 'workload')} as in the config"]
    rows: list[list[str | Cell]] = []
    for row in result.plan:
        note = f"({row.note})" if row.note else ""
        rows.append([_WORDS[row.action], row.subject, (row.mode, "dim"), note])
    lines = []
    for head, row in zip(table(rows, paint), result.plan, strict=True):
        lines += [head, *_changes(row)]
    return [*lines, f"{count(result.untouched, 'workload')} not touched"]


def _changes(row: Any) -> Iterator[str]:
    for change in row.changes:
        yield f"      {change.key}: {change.before} -> {change.after}"


def interrupted(result: Any, action: str) -> list[str]:
    """The live workloads that an action is done to."""
    return [row.subject for row in result.plan if row.action == action and row.mode == "live"]
