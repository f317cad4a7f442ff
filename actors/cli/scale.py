"""`gyrostat scale`: how many instances of a workload run."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from actors.cli.exits import complain
from actors.cli.options import Number, command, node_option, outcome_option, yes_option
from actors.cli.place import Place

if TYPE_CHECKING:
    from bus.client import Client
    from bus.messages import ProcessRow

LOOK_S: Final = 0.05
"""Seconds between two looks whether they are up and down."""
BEGUN: Final = frozenset(("stopped", "starting", "stopping"))
"""States that one that is to run leaves by itself, before anything can be said of it."""


@command("scale web 5", "scale web 0                  none, and the rest of the node goes on", "scale web --reset")
@click.argument("name")
@click.argument("count", type=Number(min=0), required=False)
@click.option("--reset", is_flag=True, help="As many as the config says.")
@outcome_option
@yes_option
@node_option
def scale(place: Place, *, name: str, count: int | None, reset: bool) -> int:
    """Run so many instances of a workload from now on.

    For workloads that say `instances` in the config. What runs and stays is not touched; the highest numbers go first.
    It holds over restarts of the node, until --reset, or until the config says another number than it said then. In
    dual mode it is for both modes. Returns when those that go are down and those that come are started.
    """
    from actors.cli.names import PATIENCE_S
    from bus.messages import ListProcesses, ScaleWorkload

    if (count is None) != reset:
        msg = "say a number of instances, or --reset"
        raise click.UsageError(msg)
    with place.client() as client:
        table = client.ask(ListProcesses())
        _check_name(name, table)
        before = {row.name: row for row in table.processes if row.workload == name and row.declared}
        _ask(place, name, count, list(before.values()))
        done = client.ask(ScaleWorkload(name=name, instances=count, why="asked on the command line"), 30.0)
        after = _settled(client, name, before, time.monotonic() + PATIENCE_S)
    return _tell(place, name, before, after, done.detail)


def _check_name(name: str, table: Any) -> None:
    """Raises: click.UsageError with the nearest name of the config."""
    known = list(dict.fromkeys([*(row.workload or row.name for row in table.processes), *table.none]))
    if name in known:
        return
    from actors.cli.door import nearest

    whole = next((row.workload for row in table.processes if row.name == name), None)
    near = f"it is an instance of {whole}" if whole else nearest(name, known)
    raise click.UsageError(f'no workload "{name}" in the config; {near}')


def _ask(place: Place, name: str, count: int | None, rows: Sequence[ProcessRow]) -> None:
    """Ask before live instances are stopped. What --reset leaves is not known here. Raises: Failed."""
    from actors.cli.consent import ask, is_up

    ended = [row.name for row in rows if row.mode == "live" and is_up(row) and (row.instance or 0) > (count or 0)]
    ask(place, f"scale {name} as the config says, which may stop" if count is None else "stop", ended)


def _settled(client: Client, name: str, before: Mapping[str, ProcessRow], end_s: float) -> dict[str, ProcessRow]:
    """Its instances, and those that are still to go, once the latter are down and new ones are started."""
    from bus.messages import ListProcesses

    pause = threading.Event()
    while True:
        table = client.ask(ListProcesses())
        rows = {row.name: row for row in table.processes if row.workload == name}
        waited = [row for row in rows.values() if not row.declared or (row.name not in before and row.state in BEGUN)]
        if table.draining or not waited or time.monotonic() >= end_s:
            return rows
        pause.wait(LOOK_S)


def _tell(
    place: Place, name: str, before: Mapping[str, ProcessRow], after: Mapping[str, ProcessRow], detail: str
) -> int:
    """Say what became of each that came or went; the exit code."""
    from actors.cli.names import WorkloadOutcome, tell

    left = [row for row in after.values() if not row.declared]
    came = [row.name for row in after.values() if row.declared and row.name not in before]
    went = [one for one in before if one not in after]
    parts = [f"added {', '.join(came)}"] if came else []
    parts += [f"removed {', '.join(went)}"] if went else []
    told = [WorkloadOutcome(name=name, ok=True, detail="; ".join(parts) or detail)] if parts or not left else []
    for row in left:
        state = row.state.replace("_", " ")
        why = f"is still {state}, and goes when it is down; see gyrostat why {row.name}"
        told.append(WorkloadOutcome(name=row.name, ok=False, detail=why))
    code = tell(place, told)
    for one in came:
        if after[one].state in BEGUN | {"backing_off", "crash_loop", "exited"}:
            complain(f"{one} is {after[one].state.replace('_', ' ')}; see gyrostat why {one}")
    return code
