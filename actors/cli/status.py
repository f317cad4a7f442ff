"""`gyrostat status`: everything at a glance, asked of all actors at once."""

from __future__ import annotations

from typing import Any, Final

import click

from actors.cli.options import command, json_option, node_option
from actors.cli.place import Place

PATIENCE_S: Final = 3.0
"""Seconds for all answers together; who is later is shown as missing."""


@command("status", "status --all", "status --json | jq '.processes[] | select(.state != \"ready\")'")
@click.option("--all", "everywhere", is_flag=True, help="Every node that is known here, as each told last.")
@json_option
@node_option
def status(place: Place, *, everywhere: bool, as_json: bool) -> None:
    """Everything at a glance: node, workloads, actors, open issues, goals, experiments, drift."""
    if everywhere:
        _all_nodes(place, as_json=as_json)
        return
    from actors.cli.paint import Paint, put, put_json
    from actors.cli.status_lines import lines_of
    from bus.messages import (
        GetDrift,
        GetHealth,
        GetNode,
        ListExperiments,
        ListGoals,
        ListIssues,
        ListProcesses,
    )

    asked = {
        "node": GetNode(),
        "processes": ListProcesses(),
        "health": GetHealth(),
        "issues": ListIssues(),
        "drift": GetDrift(),
        "goals": ListGoals(),
        "experiments": ListExperiments(limit=10),
    }
    with place.client() as client:
        outcomes = client.gather(list(asked.values()), PATIENCE_S)
    answers: dict[str, Any] = {}
    missing: dict[str, str] = {}
    for (part, question), outcome in zip(asked.items(), outcomes, strict=True):
        if isinstance(outcome, Exception):
            missing[part] = f"{question.target}: {outcome}"
        else:
            answers[part] = outcome
    if as_json:
        put_json({**{part: answers.get(part) for part in asked}, "missing": missing})
    else:
        put(*lines_of(answers, missing, Paint()))


def _all_nodes(place: Place, *, as_json: bool) -> None:
    from actors.cli.node_lines import all_of
    from actors.cli.paint import Paint, put, put_json
    from bus.messages import ListNodes

    table = place.ask(ListNodes())
    if as_json:
        put_json(table)
    else:
        put(*all_of(table.nodes, Paint()))
