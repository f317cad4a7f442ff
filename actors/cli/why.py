"""`gyrostat why`: the chain of causes for the present state of a workload, or of what was done about an issue."""

from __future__ import annotations

import re
from typing import Any, Final

import click

from actors.cli.options import command, json_option, node_option
from actors.cli.place import Place

_ISSUE: Final = re.compile(r"i[0-9a-hjkmnp-tv-z]{3,11}")
"""An id of an issue, or its beginning."""


@command("why worker", "why 'web-*'", "why i1m7y6457q00        from the evidence to the outcome", "why worker --json")
@click.argument("name")
@json_option
@node_option
def why(place: Place, *, name: str, as_json: bool) -> None:
    """Say why a workload is as it is: what happened to it, what it waits for and why that is so, and what is done.

    NAME may be a pattern ('web-*') or a tag (@TAG). The node remembers the last 40 changes of each workload since its
    own start; `gyrostat events` and the node's log have more. NAME may also be the id of an issue: then it is the
    evidence, the rule that decided, how sure the node was of each remedy, what was done, how that was verified, and
    the outcome, with times.
    """
    from actors.cli.chosen import chosen
    from actors.cli.paint import Paint, put, put_json
    from actors.cli.why_lines import lines_of
    from bus.messages import ExplainProcess, GetDrift, GetHealth, ListIncidents, ListIssues, ListProcesses

    with place.client() as client:
        table = client.ask(ListProcesses())
        if _ISSUE.fullmatch(name) and not any(name in {row.name, row.workload} for row in table.processes):
            _why_issue(client, name, as_json=as_json)
            return
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


def _why_issue(client: Any, issue: str, *, as_json: bool) -> None:
    from actors.cli.chain_lines import chain_of
    from actors.cli.paint import Paint, put, put_json
    from bus.messages import ExplainDecision, ExplainIssue

    detail, decision = client.gather([ExplainIssue(issue=issue), ExplainDecision(issue=issue)], 5.0)
    if isinstance(detail, Exception):
        raise detail
    decided = None if isinstance(decision, Exception) else decision
    if as_json:
        put_json({"issue": detail, "decision": decided})
    else:
        put(*chain_of(detail, decided, Paint()))


def _about(tale: Any, known: dict[str, Any]) -> dict[str, Any]:
    names = {story.name for story in tale.stories}
    issues = known["issues"].issues if known["issues"] is not None else []
    drifts = known["drift"].drifts if known["drift"] is not None else []
    return {
        "issues": [row for row in issues if row.subject in names],
        "drifts": [row for row in drifts if row.subject in names],
    }
