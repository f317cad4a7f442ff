"""Tasks as lines for a terminal. Pure but for the clock that ages are reckoned from, and the local time zone."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any, Final

from actors.cli.paint import Paint, span, table
from actors.cli.status_lines import shortened

BAR: Final = 10
"""Characters of a progress bar."""
LAYER_TONES: Final = {"passes": "dim", "holds": "warn", "acted": "bold"}
TONES: Final = {"done": "good", "running": "good", "dead": "bad", "expired": "bad", "cancelled": "dim"}


def listed(found: Any, paint: Paint) -> list[str]:
    """A list of tasks, one a line."""
    lines = [paint(f"no task is taken: {found.paused}", "warn")] if found.paused is not None else []
    if not found.tasks:
        return [*lines, "no tasks"]
    cells = [
        (
            str(row.task),
            row.kind,
            (row.state, TONES.get(row.state, "plain")),
            row.priority,
            str(row.attempt),
            f"{span(_now_s() - row.added)} ago",
            bar(row.progress) if row.state == "running" else "",
            shortened(_remark(row)),
        )
        for row in found.tasks
    ]
    return [*lines, *table(cells, paint, ("ID", "KIND", "STATE", "PRIORITY", "TRY", "ADDED", "PROGRESS", "REMARK"))]


def explained(detail: Any, paint: Paint) -> list[str]:
    """All about one task."""
    row = detail.row
    lines = [
        paint(f"task {row.task}: {row.kind}, {row.state}", "bold"),
        f"  params {detail.params}",
        f"  {row.priority}, attempt {row.attempt}, {row.failures} failed, ran {span(row.run_s)}",
        f"  added {_at(row.added)}",
    ]
    said = {
        "key": row.key,
        "tags": ", ".join(row.tags),
        "parent": detail.parent,
        "children": ", ".join(map(str, detail.children)),
        "comes after": ", ".join(map(str, row.waits_for)),
        "not before": _at(row.due) if row.due is not None and row.state == "scheduled" else None,
        "deadline": _at(detail.deadline) if detail.deadline is not None else None,
        "worker": row.worker if row.state == "running" else None,
        "progress": f"{bar(row.progress)} {row.note}".rstrip() if row.progress is not None else None,
        "checkpoint": detail.checkpoint,
        "result": detail.result,
        "told to end": row.stop if row.state == "running" else None,
        "error": row.error if row.state != "done" else None,
    }
    lines += [f"  {name} {value}" for name, value in said.items() if value not in (None, "")]
    lines += _layers(detail, paint)
    steps = [(f"  {_at(one.time)}", one.what, shortened(one.detail)) for one in detail.happenings]
    return [*lines, "", "What was out of the ordinary", *table(steps, paint)] if steps else lines


def _layers(detail: Any, paint: Paint) -> list[str]:
    """What stands between it and harm, without the layers that its kind does without."""
    met = [one for one in detail.layers if one.state != "off"]
    cells = [(f"  {one.name}", (one.state, LAYER_TONES[one.state]), one.says) for one in met]
    return ["", "What each layer did", *table(cells, paint)] if cells else []


def counted(found: Any, paint: Paint) -> list[str]:
    """The queue in numbers."""
    lines = [paint(f"no task is taken: {found.paused}", "warn")] if found.paused is not None else []
    totals = ", ".join(f"{number} {state}" for state, number in sorted(found.counts.items())) or "no tasks"
    lines.append(f"{totals}; {found.workers} workers")
    waiting = [(one.kind, one.state, str(one.number), f"oldest {span(one.oldest_s)}") for one in found.waiting]
    over = [
        (one.kind, one.state, str(one.number), f"{span(one.mean_s)} each, ended in the last {span(found.window_s)}")
        for one in found.ended
    ]
    return [*lines, *table([*waiting, *over], paint)]


def ended(row: Any, paint: Paint) -> str:
    """How a task ended, in a line."""
    tried = f" after {row.attempt} attempts" if row.attempt > 1 else ""
    error = f": {shortened(row.error)}" if row.error and row.state != "done" else ""
    return paint(f"task {row.task} is {row.state}{tried}{error}", TONES.get(row.state, "plain"))


def bar(share: float | None) -> str:
    """`####------  40 %`, or nothing."""
    if share is None:
        return ""
    full = round(share * BAR)
    return f"{'#' * full}{'-' * (BAR - full)} {share:4.0%}"


def _remark(row: Any) -> str:
    if row.state == "running":
        return f"told to end: {row.stop}" if row.stop else row.note
    if row.waits_for:
        return f"comes after {', '.join(map(str, row.waits_for))}"
    if row.state == "scheduled" and row.due is not None:
        wait = f"in {span(max(0.0, row.due - _now_s()))}"
        return f"{wait}; failed: {row.error}" if row.failures else wait
    return "" if row.state == "done" else row.error


def _at(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _now_s() -> float:
    return time.time()  # noqa: TID251 - ages are shown to a person
