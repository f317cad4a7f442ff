"""`gyrostat phase`, `approve`, `reject`, `changes`, `undo`: how far healing may go, and what it altered."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import click

from actors.cli.options import command, json_option, node_option, watch_option
from actors.cli.place import Place

if TYPE_CHECKING:
    from bus.message import Command

PHASES: Final = ("observe", "advise", "act", "autonomous")
PATIENCE_S: Final = 60.0
"""Seconds for an undo: what it puts back, and a restart."""


@command(
    "phase",
    "phase observe                only tell, for the whole node",
    "phase web advise             ask before every remedy for web",
    "phase web --reset            as the config says",
)
@click.argument("words", nargs=-1, metavar="[NAME] [PHASE]")
@click.option("--reset", is_flag=True, help="As the config says.")
@json_option
@node_option
def phase(place: Place, *, words: tuple[str, ...], reset: bool, as_json: bool) -> None:
    """Show or set how far healing goes by itself, for the node or for one workload, from now on.

    PHASE is observe (issues are told, nothing is done), advise (every remedy is asked for), act (done when the
    confidence in it is high enough, else asked for) or autonomous (done). What is set for the node is also the most
    that any workload may do. It holds over restarts of the node, until --reset.
    """
    from actors.cli.paint import put, put_json
    from bus.messages import ListPhases, SetPhase

    name, chosen = _parsed(words, reset=reset)
    if chosen is None and not reset:
        found = place.ask(ListPhases())
        if as_json:
            put_json(found)
        else:
            put(*_phases(found, name))
        return
    done = place.ask(SetPhase(name=name, phase=chosen))
    if as_json:
        put_json(done)
    else:
        put(done.detail)


def _parsed(words: tuple[str, ...], *, reset: bool) -> tuple[str, Any]:
    """Name and phase; either may be missing. Raises: click.UsageError."""
    names = [word for word in words if word not in PHASES]
    phases = [word for word in words if word in PHASES]
    if len(words) > 1 and not phases:
        from actors.cli.door import nearest

        raise click.UsageError(f'no phase "{words[-1]}"; {nearest(words[-1], list(PHASES))}')
    if len(names) > 1 or len(phases) > 1 or (reset and phases):
        raise click.UsageError("say a workload, a phase, or both")
    return (names[0] if names else ""), (phases[0] if phases else None)


def _phases(found: Any, name: str) -> list[str]:
    from actors.cli.paint import Paint, table

    rows = [row for row in found.workloads if name in {"", row.name}]
    if name and not rows:
        raise click.UsageError(f'no workload or phase "{name}"; phases are: {", ".join(PHASES)}')
    said = {"node": "the node", "workload": "its config", "person": "a person, at run time"}
    cells = [(row.name, row.phase, said[row.set_by]) for row in rows]
    node = [] if name else [(f"node {found.node.name}", found.node.phase, _node_said(found.node.set_by))]
    return table([*node, *cells], Paint(), ("NAME", "PHASE", "SET BY"))


def _node_said(set_by: str) -> str:
    return "a person, at run time" if set_by == "person" else "the config"


@command("approve", "approve i1f --note 'it is safe now'")
@click.argument("issue", required=False, metavar="[ID]")
@click.option("--note", default="", help="Why, for the record.")
@json_option
@node_option
def approve(place: Place, *, issue: str | None, note: str, as_json: bool) -> None:
    """Let the remedy begin that is asked for. Without ID: what waits for a person's word."""
    from bus.messages import ApproveRemedy, ListApprovals

    if issue is None:
        _show(place, ListApprovals(), _waiting, as_json=as_json)
    else:
        _show(place, ApproveRemedy(issue=issue, note=note), _done, as_json=as_json)


@command("reject i1f --note 'not before tonight'")
@click.argument("issue", metavar="ID")
@click.option("--note", default="", help="Why, for the record.")
@json_option
@node_option
def reject(place: Place, *, issue: str, note: str, as_json: bool) -> None:
    """Do not let the remedy begin that is asked for; the next of the plan has its turn."""
    from bus.messages import RejectRemedy

    _show(place, RejectRemedy(issue=issue, note=note), _done, as_json=as_json)


@command("changes", "changes web --limit 10", "changes --json")
@click.argument("name", required=False, metavar="[NAME]")
@click.option("--limit", default=50, type=click.IntRange(min=1), help="How many, the newest first.")
@json_option
@node_option
@watch_option
def changes(place: Place, *, name: str | None, limit: int, as_json: bool) -> None:
    """What the system altered by itself, and what was put back: the change log, newest first.

    The whole of it is changes.log in the state directory, one JSON object a line.
    """
    from bus.messages import ListChanges

    _show(place, ListChanges(subject=name or "", limit=limit), _altered, as_json=as_json)


@command("undo i1f --note 'the old file was right'")
@click.argument("issue", metavar="ID")
@click.option("--note", default="", help="Why, for the record.")
@json_option
@node_option
def undo(place: Place, *, issue: str, note: str, as_json: bool) -> None:
    """Take back what the last remedy of an issue did, also when the issue is resolved.

    The same remedy is asked for before it is done again for such a failure.
    """
    from bus.messages import UndoIssue

    _show(place, UndoIssue(issue=issue, note=note), _done, as_json=as_json, patience_s=PATIENCE_S)


def _show(
    place: Place,
    asked: Command,
    lines: Callable[[Any], list[str]],
    *,
    as_json: bool,
    patience_s: float = 5.0,
) -> None:
    from actors.cli.paint import put, put_json

    with place.client() as client:
        answer = client.ask(asked, patience_s)
    if as_json:
        put_json(answer)
    else:
        put(*lines(answer))


def _done(answer: Any) -> list[str]:
    return [answer.detail]


def _waiting(answer: Any) -> list[str]:
    import time

    from actors.cli.paint import Paint, span, table

    if not answer.approvals:
        return ["nothing waits for a person's word"]
    now = time.time()  # noqa: TID251 - what is left is shown to a person
    cells = [
        (row.issue, row.subject, row.remedy, f"{row.confidence:.2f}", span(max(0.0, row.until - now)), row.why)
        for row in answer.approvals
    ]
    return table(cells, Paint(), ("ID", "SUBJECT", "REMEDY", "CONFIDENCE", "TIME LEFT", "WHY"))


def _altered(answer: Any) -> list[str]:
    from datetime import datetime

    from actors.cli.paint import Paint, table

    if not answer.changes:
        return ["nothing was altered"]
    cells = [
        (
            f"{datetime.fromtimestamp(row.time).astimezone():%Y-%m-%d %H:%M:%S}",
            row.subject,
            row.change,
            row.by,
            row.issue or "-",
            row.what,
        )
        for row in answer.changes
    ]
    return table(cells, Paint(), ("TIME", "SUBJECT", "CHANGE", "BY", "ISSUE", "WHAT"))
