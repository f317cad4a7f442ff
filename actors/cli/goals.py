"""`gyrostat goals`: what is to become better, and how far it is."""

from __future__ import annotations

import click

from actors.cli.options import command, json_option, node_option, watch_option
from actors.cli.place import Place


@command("goals", "goals --all --json")
@click.option("--all", "every", is_flag=True, help="Also goals that are met, failed or cancelled.")
@json_option
@node_option
@watch_option
def goals(place: Place, *, every: bool, as_json: bool) -> None:
    """What is to become better, and how far it is: measured, highest priority first."""
    from actors.cli.paint import Paint, measured, put, put_json, table
    from bus.messages import ListGoals

    found = place.ask(ListGoals(open_only=not every))
    if as_json:
        put_json(found)
        return
    if not found.goals:
        put("no goals" if every else "no open goals")
        return
    rows = []
    for goal in found.goals:
        target = f"{goal.metric} {goal.direction.replace('_', ' ')} {measured(goal.metric, goal.target)}"
        now = measured(goal.metric, goal.value) if goal.value is not None else "not measured"
        state = goal.state.replace("_", " ")
        rows.append((goal.goal, goal.subject, state, str(goal.priority), target, now, f"{goal.progress:.0%}", goal.why))
    put(*table(rows, Paint(), ("GOAL", "SUBJECT", "STATE", "PRIO", "TARGET", "NOW", "DONE", "WHY")))
