"""`gyrostat status`: everything at a glance, asked of all actors at once."""

from __future__ import annotations

from typing import Final

import click

from actors.cli.options import command, json_option, node_option, watch_option
from actors.cli.place import Place

PATIENCE_S: Final = 3.0
"""Seconds for all answers together; who is later is shown as missing."""


@command("status", "status --all", "status --json | jq '.processes[] | select(.state != \"ready\")'")
@click.option("--all", "everywhere", is_flag=True, help="Every node that is known here, as each told last.")
@json_option
@node_option
@watch_option
def status(place: Place, *, everywhere: bool, as_json: bool) -> None:
    """Everything at a glance: node, workloads, actors, open issues, goals, experiments, drift."""
    if everywhere:
        _all_nodes(place, as_json=as_json)
        return
    from actors.cli.paint import Paint, put, put_json
    from actors.cli.status_lines import lines_of

    with place.client() as client:
        found = client.status(timeout_s=PATIENCE_S)
    if as_json:
        put_json(found)
        return
    parts = {name: getattr(found, name) for name in found.__struct_fields__ if name not in {"at", "missing"}}
    answers = {part: answer for part, answer in parts.items() if answer is not None}
    put(*lines_of(answers, found.missing, Paint()))


def _all_nodes(place: Place, *, as_json: bool) -> None:
    from actors.cli.node_lines import all_of
    from actors.cli.paint import Paint, put, put_json
    from bus.messages import ListNodes

    table = place.ask(ListNodes())
    if as_json:
        put_json(table)
    else:
        put(*all_of(table.nodes, Paint()))
