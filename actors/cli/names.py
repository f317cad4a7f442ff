"""Commands to the workloads a person named, all asked for at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from actors.cli.consent import ask_for
from actors.cli.exits import FAILED, OK, complain
from actors.cli.paint import put, put_json
from actors.cli.place import Place

if TYPE_CHECKING:
    from bus.message import Command
    from bus.messages import ProcessRow

PATIENCE_S: Final = 120.0
"""Seconds for a workload to stop or start: its grace, and that of those it waits for."""


class WorkloadOutcome(Struct, frozen=True, kw_only=True):
    """What became of a command to one workload. detail: what was done, or why it was not."""

    name: str
    ok: bool
    detail: str


def ask_each(place: Place, names: Sequence[str], make: Callable[[str], Command], done: str) -> int:
    """Ask for every workload at once and say how each went; the exit code. Raises: click.UsageError; NotRunning.

    names: as in chosen.chosen.
    """
    return ask_all(place, names, lambda rows, _: {row.name: make(row.name) for row in rows}, done)


def ask_all(
    place: Place,
    names: Sequence[str],
    make: Callable[[Sequence[ProcessRow], Sequence[ProcessRow]], Mapping[str, Command]],
    done: str,
    patience_s: float = PATIENCE_S,
) -> int:
    """The same, where the commands are made of the chosen rows and of all; by what is said of each.

    Raises: as ask_each.
    """
    from actors.cli.chosen import chosen
    from bus.messages import ListProcesses

    with place.client() as client:
        table = client.ask(ListProcesses())
        rows = table.processes
        commands = make(chosen(names, rows, table.none), rows)
        ask_for(place, commands, rows)
        outcomes = client.gather(list(commands.values()), patience_s)
    return tell(
        place,
        [
            WorkloadOutcome(name=name, ok=False, detail=str(outcome))
            if isinstance(outcome, Exception)
            else WorkloadOutcome(name=name, ok=True, detail=getattr(outcome, "detail", "") or done)
            for name, outcome in zip(commands, outcomes, strict=True)
        ],
    )


def tell(place: Place, outcomes: Sequence[WorkloadOutcome]) -> int:
    """Say what became of each, in words or as JSON; the exit code."""
    if place.as_json:
        put_json(outcomes)
    for one in outcomes:
        if not one.ok:
            complain(f"{one.name}: {one.detail}")
        elif not place.as_json:
            put(f"{one.name}: {one.detail}")
    return OK if all(one.ok for one in outcomes) else FAILED
