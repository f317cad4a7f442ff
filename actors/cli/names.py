"""Commands to the workloads a person named, all asked for at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from actors.cli.consent import ask_for
from actors.cli.exits import FAILED, OK, complain
from actors.cli.paint import put
from actors.cli.place import Place

if TYPE_CHECKING:
    from bus.message import Command
    from bus.messages import ProcessRow

PATIENCE_S: Final = 120.0
"""Seconds for a workload to stop or start: its grace, and that of those it waits for."""


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
    code = OK
    for name, outcome in zip(commands, outcomes, strict=True):
        if isinstance(outcome, Exception):
            complain(f"{name}: {outcome}")
            code = FAILED
        else:
            detail = getattr(outcome, "detail", "")
            put(f"{name}: {detail or done}")
    return code
