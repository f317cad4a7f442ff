"""`gyrostat issues` and `gyrostat resolve`: what is wrong, what was done, and a person's word."""

from __future__ import annotations

from typing import Any

import click

from actors.cli.exits import count
from actors.cli.options import command, json_option, node_option, watch_option
from actors.cli.place import Place


@command("issues", "issues --all", "issues 3f2a            evidence, remedies and why, verification", "issues --json")
@click.argument("issue", required=False, metavar="[ID]")
@click.option("--all", "every", is_flag=True, help="Also issues that are resolved.")
@json_option
@node_option
@watch_option
def issues(place: Place, *, issue: str | None, every: bool, as_json: bool) -> None:
    """What is wrong, and what was done about it. With ID (or its beginning): everything known of that issue."""
    from actors.cli.paint import Paint, put, put_json
    from bus.messages import ExplainIssue, ListIssues

    if issue is not None:
        detail = place.ask(ExplainIssue(issue=issue))
        if as_json:
            put_json(detail)
        else:
            put(*_explained(detail, Paint()))
        return
    found = place.ask(ListIssues(open_only=not every, limit=1000 if every else 200))
    if as_json:
        put_json(found)
    elif not found.issues:
        put("no issues" if every else "no open issues")
    else:
        put(*_listed(found.issues, Paint()))


@command("resolve 3f2a --note 'moved the file away'")
@click.argument("issue", metavar="ID")
@click.option("--note", default="", help="What was done, for the record.")
@json_option
@node_option
def resolve(place: Place, *, issue: str, note: str, as_json: bool) -> None:
    """Say that an issue is dealt with; ends its escalation."""
    from actors.cli.paint import put, put_json
    from bus.messages import ResolveIssue

    done = place.ask(ResolveIssue(issue=issue, note=note))
    if as_json:
        put_json(done)
    else:
        put(done.detail or f"issue {issue} is resolved")


def _listed(rows: list[Any], paint: Any) -> list[str]:
    import time

    from actors.cli.paint import span, table
    from actors.cli.status_lines import shortened

    now = time.time()  # noqa: TID251 - ages are shown to a person
    tones = {"resolved": "good", "escalated": "bad"}
    cells = [
        (
            row.issue,
            row.subject,
            row.issue_kind.replace("_", " "),
            (row.state, tones.get(row.state, "warn")),
            f"{span(now - row.first_seen)} ago",
            str(row.count),
            span(row.time_to_repair_s) if row.time_to_repair_s is not None else "-",
            ", ".join(row.remedies) or "-",
            shortened(row.summary),
        )
        for row in rows
    ]
    head = ("ID", "SUBJECT", "KIND", "STATE", "FIRST SEEN", "SEEN", "REPAIRED IN", "REMEDIES", "SUMMARY")
    return table(cells, paint, head)


def _explained(detail: Any, paint: Any) -> list[str]:
    from datetime import datetime

    from actors.cli.paint import span, table

    row = detail.row
    seen = f"seen {count(row.count, 'time')}"
    lines = [
        paint(f"issue {row.issue}: {row.summary}", "bold"),
        f"  {row.subject}, {row.issue_kind.replace('_', ' ')}, {row.severity}, {row.state}; {seen}",
        f"  fingerprint {row.fingerprint}",
    ]
    if row.time_to_repair_s is not None:
        lines.append(paint(f"  repaired in {span(row.time_to_repair_s)}", "good"))
    if detail.evidence:
        lines += ["", "Evidence", *(f"  {line}" for line in detail.evidence)]
    steps = []
    for step in detail.audit:
        at = datetime.fromtimestamp(step.time).astimezone()
        after = f"+{span(max(0.0, step.time - row.first_seen))}"
        steps.append((f"  {at:%H:%M:%S}.{at.microsecond // 1000:03d}", after, step.step, step.detail))
    if steps:
        lines += ["", "What was done, and why", *table(steps, paint)]
    return lines
