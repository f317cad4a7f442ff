"""The processes of workloads as lines. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from actors.cli.paint import Cell, Paint, size, span, table
from actors.cli.status_lines import STATE_TONES, overrides_of, shortened

if TYPE_CHECKING:
    from bus.messages import FamilyRow, ProcessRow

COMMAND_MAX: Final = 100
_HEAD: Final = ("WORKLOAD", "MODE", "STATE", "PID", "AGE", "CPU", "MEMORY", "THREADS", "COMMAND")


def lines_of(workloads: Sequence[ProcessRow], rows: Sequence[FamilyRow], paint: Paint) -> list[str]:
    """A line for each process; a workload without one has a line too."""
    if not workloads:
        return ["no workloads"]
    cells: list[list[str | Cell]] = []
    for workload in workloads:
        family = [row for row in rows if row.workload == workload.name]
        state = (workload.state.replace("_", " "), STATE_TONES.get(workload.state, "plain"))
        if not family:
            cells.append([workload.name, workload.mode, state, "-", "-", "-", "-", "-", (workload.why, "dim")])
        for row, mark in zip(family, _marks(family), strict=True):
            first = row is family[0]
            head: list[str | Cell] = [workload.name, workload.mode, state] if first else ["", "", ""]
            cells.append([*head, *_process(row, mark)])
    changed = [f"{row.name} is started with {overrides_of(row.overrides)}" for row in workloads if row.overrides]
    return [*table(cells, paint, _HEAD), *changed]


def _process(row: FamilyRow, mark: str) -> list[str | Cell]:
    argv = shortened(shlex.join(row.argv) or "[no arguments can be read]", COMMAND_MAX)
    return [
        str(row.pid),
        span(row.age_s),
        span(row.cpu_s),
        size(row.memory_bytes),
        str(row.threads or "-"),
        f"{mark}{argv}",
    ]


def _marks(rows: Sequence[FamilyRow]) -> Iterator[str]:
    """What stands before each command: the branches of the tree, or that the process left it."""
    for place, row in enumerate(rows):
        if row.apart:
            yield "(left its parent) "
        elif row.depth == 0:
            yield ""
        else:
            bars = "".join("|  " if _goes_on(rows[place + 1 :], depth) else "   " for depth in range(1, row.depth))
            yield bars + ("|- " if _goes_on(rows[place + 1 :], row.depth) else "`- ")


def _goes_on(later: Sequence[FamilyRow], depth: int) -> bool:
    """Whether another process of this depth comes before the branch ends."""
    for row in later:
        if row.apart or row.depth < depth:
            return False
        if row.depth == depth:
            return True
    return False
