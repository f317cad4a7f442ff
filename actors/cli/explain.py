"""`gyrostat explain`: which rule decides about an issue, and why its remedies stand in their order."""

from __future__ import annotations

from typing import Any

import click

from actors.cli.options import command, json_option, node_option
from actors.cli.place import Place


@command("explain 3f2a", "explain 3f2a --all           also what conditions can ask about", "explain 3f2a --json")
@click.argument("issue", metavar="ID")
@click.option("--all", "every", is_flag=True, help="Also what the conditions of rules can ask about.")
@json_option
@node_option
def explain(place: Place, *, issue: str, every: bool, as_json: bool) -> None:
    """Say which rule decides about an issue, which were looked at before it and why not, and what its plan is."""
    from actors.cli.paint import Paint, put, put_json
    from bus.messages import ExplainDecision

    found = place.ask(ExplainDecision(issue=issue))
    if as_json:
        put_json(found)
    else:
        put(*_lines(found, Paint(), every=every))


def _lines(found: Any, paint: Any, *, every: bool) -> list[str]:
    from actors.cli.paint import table

    lines = [paint(f"issue {found.issue}: {found.summary}", "bold"), f"  {_decided(found)}"]
    if found.told_only:
        lines.append(paint(f"  nothing is tried: {found.told_only}", "warn"))
    if found.known:
        lines.append(f"  a person fixed it before: {found.known}")
    if found.remedies:
        lines += ["", "Remedies, in order", *table([(f"  {row.remedy}", row.why) for row in found.remedies], paint)]
    if found.left_out:
        lines += ["", "Left out", *table([(f"  {row.remedy}", row.why) for row in found.left_out], paint)]
    if found.looked:
        cells = [(f"  {row.rule}", str(row.priority), row.at, row.why or "decides") for row in found.looked]
        lines += ["", "Rules, as they were looked at", *table(cells, paint)]
    if every and found.names:
        lines += ["", "What is known", *table([(f"  {name}", value) for name, value in found.names.items()], paint)]
    return lines


def _decided(found: Any) -> str:
    if found.rule == "heal":
        return "decided by heal in the workload's config"
    return f"decided by rule {found.rule}" if found.rule else "decided by no rule"
