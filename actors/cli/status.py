"""`gyrostat status`: everything at a glance, asked of all actors at once."""

from __future__ import annotations

from typing import Any, Final

from actors.cli.options import command, json_option
from actors.cli.place import Place

PATIENCE_S: Final = 3.0
"""Seconds for all answers together; who is later is shown as missing."""


@command("status", "status --json | jq '.processes[] | select(.state != \"ready\")'")
@json_option
def status(place: Place, *, as_json: bool) -> None:
    """Everything at a glance: node, workloads, actors, open issues, goals, experiments, drift."""
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
