"""Asks before something live is ended: on a terminal, once for all that a command touches."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import click

from actors.cli.exits import Failed
from actors.cli.place import Place

if TYPE_CHECKING:
    from bus.message import Command
    from bus.messages import ProcessRow

_ENDING: Final = frozenset(("TERM", "KILL", "INT", "QUIT", "STOP", "ABRT"))
"""Signals that end or halt a program."""
_VERBS: Final = {"stop_process": "stop", "restart_process": "restart", "roll_workload": "restart in turn"}
_UP: Final = frozenset(("starting", "adopted", "running", "ready", "unhealthy"))
SHOWN_MAX: Final = 8


def may_ask() -> bool:
    """Whether a person is there to be asked: both ends are a terminal."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask(place: Place, what: str, live: Sequence[str]) -> None:
    """Ask whether to do it to these live workloads; nothing is asked of a script, or with --yes.

    what: a verb, as in `stop`. Raises: Failed when the answer is no.
    """
    if not live or place.yes or not may_ask():
        return
    shown = ", ".join(live[:SHOWN_MAX]) + (f" and {len(live) - SHOWN_MAX} more" if len(live) > SHOWN_MAX else "")
    if not click.confirm(f"{what} {shown}, which {'is' if len(live) == 1 else 'are'} LIVE?", err=True):
        raise Failed("nothing was done")


def ask_for(place: Place, commands: Mapping[str, Command], rows: Iterable[ProcessRow]) -> None:
    """Ask before commands that end what runs live. commands: by what is said of each.

    Raises: Failed when the answer is no.
    """
    by_name = {row.name: row for row in rows}
    asked: dict[str, list[str]] = {}
    for name, command in commands.items():
        verb = verb_of(command)
        if verb is not None and _is_live(name, by_name):
            asked.setdefault(verb, []).append(name)
    for verb, names in asked.items():
        ask(place, verb, names)


def ask_all(place: Place, what: str) -> None:
    """The same for every workload of the node. Raises: Failed when the answer is no; NotRunning."""
    if place.yes or not may_ask():
        return
    from bus.messages import ListProcesses

    rows = place.ask(ListProcesses()).processes
    ask(place, what, [row.name for row in rows if row.mode == "live" and is_up(row)])


def is_up(row: ProcessRow) -> bool:
    """Whether it has a process that nobody has asked to end."""
    return row.state in _UP


def verb_of(command: Command) -> str | None:
    """What a command does to a process that runs; None: nothing it would notice."""
    if command.verb == "signal_process":
        signal = str(getattr(command, "signal", "")).upper().removeprefix("SIG")
        return f"send {signal} to" if signal in _ENDING else None
    return _VERBS.get(command.verb)


def _is_live(name: str, rows: Mapping[str, ProcessRow]) -> bool:
    """Whether it runs live: itself, or one of its instances."""
    found = [
        row for row in rows.values() if name in {row.name, row.workload, row.name.removesuffix(f"-{row.instance}")}
    ]
    return any(row.mode == "live" and is_up(row) for row in found)
