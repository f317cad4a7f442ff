"""`gyrostat why`: the chain of causes for the present state of a workload."""

from __future__ import annotations

from typing import Any

import click

from actors.cli.options import command, json_option, node_option
from actors.cli.place import Place


@command("why worker", "why 'web-*'", "why worker --json")
@click.argument("name")
@json_option
@node_option
def why(place: Place, *, name: str, as_json: bool) -> None:
    """Say why a workload is as it is: what happened to it, what it waits for and why that is so, and what is done.

    NAME may be a pattern ('web-*') or a tag (@TAG). The node remembers the last 40 changes of each workload since its
    own start; `gyrostat events` and the node's log have more.
    """
    from actors.cli.chosen import chosen
    from actors.cli.paint import Paint, put, put_json
    from actors.cli.why_lines import lines_of
    from bus.messages import ExplainProcess, GetDrift, GetHealth, ListIncidents, ListIssues, ListProcesses

    with place.client() as client:
        table = client.ask(ListProcesses())
        tales = [client.ask(ExplainProcess(name=row.name)) for row in chosen([name], table.processes, table.none)]
        others = client.gather([ListIssues(), GetDrift(), GetHealth(), ListIncidents()], 3.0)
    known: dict[str, Any] = {
        part: None if isinstance(answer, Exception) else answer
        for part, answer in zip(("issues", "drift", "health", "incidents"), others, strict=True)
    }
    if as_json:
        put_json([{"stories": tale, **_about(tale, known)} for tale in tales])
        return
    for number, tale in enumerate(tales):
        put(*([""] if number else []), *lines_of(tale, known, Paint()))


def _about(tale: Any, known: dict[str, Any]) -> dict[str, Any]:
    names = {story.name for story in tale.stories}
    issues = known["issues"].issues if known["issues"] is not None else []
    drifts = known["drift"].drifts if known["drift"] is not None else []
    return {
        "issues": [row for row in issues if row.subject in names],
        "drifts": [row for row in drifts if row.subject in names],
    }
