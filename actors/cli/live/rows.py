"""The rows of each view, from what the node said. Pure."""

from __future__ import annotations

from typing import Any, Final

from actors.cli.live.model import Model, Row, View
from actors.cli.status_lines import workload_cells

WORKLOAD_HEAD: Final = ("NAME", "MODE", "STATE", "PID", "UPTIME", "RESTARTS", "CPU", "MEMORY", "HEALTH", "WHY")
ISSUE_HEAD: Final = ("ID", "SUBJECT", "STATE", "KIND", "SUMMARY")
_UP: Final = frozenset(("starting", "adopted", "running", "ready", "unhealthy"))
_TONES: Final = {"escalated": "bad", "open": "warn", "healing": "warn", "verifying": "warn"}


def rows_of(model: Model) -> list[Row]:
    """The rows of the view, without those the filter leaves out."""
    status = model.look.status
    if status is None:
        return []
    every = _issues(status) if _list_view(model) == "issues" else _workloads(status)
    wanted = model.filter.lower()
    return [row for row in every if wanted in " ".join(text for text, _ in row.cells).lower()]


def head_of(model: Model) -> tuple[str, ...]:
    """The titles of the view's columns."""
    return ISSUE_HEAD if _list_view(model) == "issues" else WORKLOAD_HEAD


def place_of(model: Model, rows: list[Row]) -> int:
    """Which row is chosen: by its key, else the first."""
    return next((place for place, row in enumerate(rows) if row.key == model.chosen), 0)


def _list_view(model: Model) -> View:
    return model.view if model.view in {"workloads", "issues"} else model.back


def _workloads(status: Any) -> list[Row]:
    if status.processes is None:
        return []
    health = {row.subject: row for row in status.health.workloads} if status.health is not None else {}
    return [
        Row(
            key=row.name,
            cells=tuple(
                cell if isinstance(cell, tuple) else (cell, "plain")
                for cell in workload_cells(row, health.get(row.name))
            ),
            live=row.mode == "live" and row.state in _UP,
            state=row.state,
        )
        for row in status.processes.processes
    ]


def _issues(status: Any) -> list[Row]:
    """What waits for a person's word first."""
    waiting = {row.issue: row for row in status.approvals.approvals} if status.approvals is not None else {}
    rows = [Row(key=row.issue, cells=_asked(row), waits=True, state="waits") for row in waiting.values()]
    for row in status.issues.issues if status.issues is not None else ():
        if row.issue not in waiting:
            cells = (
                (row.issue, "plain"),
                (row.subject, "plain"),
                (row.state, _TONES.get(row.state, "plain")),
                (row.issue_kind.replace("_", " "), "plain"),
                (" ".join(row.summary.split()), "plain"),
            )
            rows.append(Row(key=row.issue, cells=cells, state=row.state))
    return rows


def _asked(row: Any) -> tuple[tuple[str, str], ...]:
    texts = (row.issue, row.subject, "NEEDS YOU", row.remedy, f"{' '.join(row.why.split())}; else: {row.otherwise}")
    return tuple((text, "warn") for text in texts)
