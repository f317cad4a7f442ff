"""`gyrostat reload`: the config again, its plan first."""

from __future__ import annotations

from typing import Any

import click

from actors.cli.exits import OK, USAGE, complain, count
from actors.cli.options import command, json_option, yes_option
from actors.cli.place import Place


@command("reload", "reload --dry-run              the plan only, as gyrostat config diff", "reload --yes")
@click.option("--dry-run", is_flag=True, help="Show what would be done, and do nothing.")
@json_option
@yes_option
def reload(place: Place, *, dry_run: bool, as_json: bool) -> int:
    """Read the config again; touch only what changed.

    The plan is shown first, and exactly that is done: a file that is changed in between is refused. On a terminal it is
    asked before live workloads are stopped or restarted. A config with a fault is refused whole: every fault is told,
    and the old one stays in force.
    """
    planned = ask_plan(place)
    if planned.faults or dry_run:
        return show_plan(planned, as_json=as_json)
    from actors.cli.paint import put
    from bus.messages import ReloadConfig

    if planned.plan and not as_json:
        show_plan(planned, as_json=False)
    _ask_about(place, planned)
    result = place.ask(ReloadConfig(revision=planned.revision), 30.0)
    if as_json or result.faults:
        return show_plan(result, as_json=as_json)
    parts = [f"{what}: {', '.join(getattr(result, what))}" for what in ("added", "removed", "changed")]
    told = [part for part in parts if not part.endswith(": ")]
    put("reloaded; " + ("; ".join(told) or "no workload differs"))
    return OK


def ask_plan(place: Place) -> Any:
    """What a reload would do now. Raises: NotRunning; CommandError."""
    from bus.messages import ReloadConfig

    return place.ask(ReloadConfig(dry_run=True), 30.0)


def plan_next(place: Place) -> list[str]:
    """Show what a changed config makes the next node do, and ask about it; the workloads that it interrupts.

    Raises: Failed when the answer is no; NotRunning; CommandError.
    """
    from actors.cli.paint import put
    from actors.cli.plan_lines import INTERRUPTING

    planned = ask_plan(place)
    if planned.faults:  # none for the program that is installed by now: the one that runs is older
        complain(f"the running node cannot tell what the changed config does: {planned.faults[0]}")
        return []
    if not planned.plan:
        return []
    put("the config was changed, and the next node brings it in:")
    show_plan(planned, as_json=False)
    _ask_about(place, planned)
    return [row.subject for row in planned.plan if row.action in INTERRUPTING]


def _ask_about(place: Place, planned: Any) -> None:
    from actors.cli.consent import ask
    from actors.cli.plan_lines import INTERRUPTING, interrupted

    for action in sorted(INTERRUPTING):
        ask(place, action, interrupted(planned, action))


def show_plan(result: Any, *, as_json: bool) -> int:
    """Show a plan, or its faults; the exit code."""
    from actors.cli.paint import Paint, put, put_json
    from actors.cli.plan_lines import plan_lines

    if as_json:
        put_json(result)
    elif result.faults:
        complain(*result.faults, f"{count(len(result.faults), 'fault')}; the config in force is unchanged")
    else:
        put(*plan_lines(result, Paint()))
    return USAGE if result.faults else OK
