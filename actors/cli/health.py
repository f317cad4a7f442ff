"""`gyrostat health`: levels with reasons, and an exit code for scripts."""

from __future__ import annotations

from typing import Final

import click

from actors.cli.exits import FAILED, OK
from actors.cli.options import command, json_option, node_option, watch_option
from actors.cli.place import Place

PATIENCE_S: Final = 5.0
"""Seconds for an answer."""


@command(
    "health",
    "health web",
    "health --why web          which reading, since when, which rule, because of what",
    "health --json | jq -r .whole.level",
    "health >/dev/null && echo all is well enough",
)
@click.argument("name", required=False)
@click.option("--why", is_flag=True, help="The chain of reasons: readings, rules, and what NAME depends on.")
@json_option
@node_option
@watch_option
def health(place: Place, *, name: str | None, why: bool, as_json: bool) -> int:
    """How well everything is, with reasons.

    Exit code 0 when healthy or degraded, 1 when unhealthy, critical or failing. With NAME only that workload counts;
    it may be a pattern ('web-*') or a tag (@TAG); with --why also host, whole, or the node's name.
    """
    if why:
        return _explained(place, name or "whole", as_json=as_json)
    from actors.cli.paint import Paint, put, put_json
    from bus.messages import GetHealth, ListProcesses, ProcessTable

    with place.client() as client:
        report = client.ask(GetHealth(), PATIENCE_S)
        processes = client.gather([ListProcesses()], PATIENCE_S)[0]
    modes = {row.name: row.mode for row in processes.processes} if isinstance(processes, ProcessTable) else {}
    rows = [report.whole, report.node, report.host, *report.workloads]
    if name is not None:
        from actors.cli.chosen import Named, chosen

        called = getattr(processes, "processes", ()) or [Named(name=row.subject) for row in report.workloads]
        wanted = {row.name for row in chosen([name], called)}
        rows = [row for row in report.workloads if row.subject in wanted]
    if as_json:
        put_json(report if name is None else rows[0] if len(rows) == 1 else rows)
    else:
        put(*_lines(rows, modes, Paint()))
    deciding = rows if name is not None else [report.whole]
    return OK if all(row.level in {"healthy", "degraded"} for row in deciding) else FAILED


def _explained(place: Place, name: str, *, as_json: bool) -> int:
    from actors.cli.health_lines import story_lines
    from actors.cli.paint import Paint, put, put_json
    from bus.messages import ExplainHealth

    story = place.ask(ExplainHealth(name=name))
    if as_json:
        put_json(story)
    else:
        put(*story_lines(story.chain, Paint()))
    return OK if story.chain[0].level in {"healthy", "degraded"} else FAILED


def _lines(rows: list[object], modes: dict[str, str], paint: object) -> list[str]:
    from typing import Any, cast

    from actors.cli.paint import Paint, measured, span, table
    from actors.cli.status_lines import level_tone

    cells = []
    for row in cast("list[Any]", rows):
        name = row.subject if row.scope == "workload" else row.scope
        values = ", ".join(
            f"{metric} {measured(metric, value)}{_arrow(row.trends.get(metric))}"
            for metric, value in row.values.items()
        )
        why = "; ".join(row.why) or values
        cells.append((name, modes.get(name, "-"), (row.level, level_tone(row.level)), f"for {span(row.since_s)}", why))
    return table(cells, cast("Paint", paint), ("SUBJECT", "MODE", "LEVEL", "SINCE", "WHY"))


def _arrow(trend: str | None) -> str:
    return f" ({trend})" if trend in {"degrading", "improving"} else ""
