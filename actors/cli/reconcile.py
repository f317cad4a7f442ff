"""`gyrostat reconcile`: desired against observed, now."""

from __future__ import annotations

from actors.cli.options import command, json_option, node_option
from actors.cli.place import Place


@command("reconcile", "reconcile --json")
@json_option
@node_option
def reconcile(place: Place, *, as_json: bool) -> None:
    """Compare desired with observed now, and act on what differs."""
    from actors.cli.paint import put, put_json, span
    from bus.messages import Reconcile

    report = place.ask(Reconcile(why="asked on the command line"), 30.0)
    if as_json:
        put_json(report)
        return
    for row in report.drifts:
        action = f"; asks for: {row.action}" if row.action else "; told only"
        put(
            f"{row.subject}: {row.drift.replace('_', ' ')} for {span(row.since_s)}: wanted {row.desired},"
            f" found {row.observed}{action}"
        )
    put(f"{report.checked} compared, {len(report.drifts)} differ; {report.closed_total} closed since the node started")
