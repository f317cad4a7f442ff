"""Restarting workloads by name: instances of one workload in turn, everything else at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from actors.cli.chosen import groups
from actors.cli.names import PATIENCE_S, ask_all
from actors.cli.place import Place

if TYPE_CHECKING:
    from bus.message import Command
    from bus.messages import ProcessRow

ROLL_PATIENCE_S: Final = 3600.0
"""Seconds for all instances of a workload to be restarted in turn."""
WHY: Final = "asked on the command line"


def restart_named(place: Place, names: Sequence[str], *, at_once: bool, keep_ready: int | None) -> int:
    """The exit code. Raises: click.UsageError; NotRunning."""

    def make(rows: Sequence[ProcessRow], everything: Sequence[ProcessRow]) -> Mapping[str, Command]:
        return commands(rows, {} if at_once else groups(rows, everything), keep_ready)

    return ask_all(place, names, make, "restarted", PATIENCE_S if at_once else ROLL_PATIENCE_S)


def commands(
    rows: Sequence[ProcessRow], rolled: Collection[tuple[str, str]], keep_ready: int | None
) -> dict[str, Command]:
    """What to ask for, by what is said of it. rolled: workload and mode of those that are restarted in turn."""
    from bus.messages import RestartProcess, RollWorkload

    asked: dict[str, Command] = {}
    for row in rows:
        key = (row.workload, row.mode)
        if key not in rolled:
            asked[row.name] = RestartProcess(name=row.name, why=WHY)
        else:
            shared = row.name.removesuffix(f"-{row.instance}")
            asked[shared] = RollWorkload(name=row.workload, mode=row.mode, keep_ready=keep_ready, why=WHY)
    return asked
