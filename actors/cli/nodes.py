"""`gyrostat nodes`, `drain` and `undrain`: who is there, and taking this node out of service."""

from __future__ import annotations

from typing import Any, Final

import click

from actors.cli.options import command, json_option, node_option, outcome_option, watch_option, yes_option
from actors.cli.place import Place

DRAIN_S: Final = 300.0
"""Seconds for all workloads to be down; their graces add up along the dependencies."""


@command("nodes", "nodes --json | jq -r '.nodes[] | select(.state != \"here\").name'")
@json_option
@node_option
@watch_option
def nodes(place: Place, *, as_json: bool) -> None:
    """Every node this one knows: who is here, who left, who is gone, and how each said last that it is."""
    from actors.cli.node_lines import rows_of
    from actors.cli.paint import Paint, put, put_json
    from bus.messages import ListNodes

    table = place.ask(ListNodes())
    if as_json:
        put_json(table)
    else:
        put(*rows_of(table.nodes, Paint()))


@command("drain", "drain && gyrostat stop", 'drain --why "new disk"')
@click.option("--why", default="asked on the command line", help="Said in the log and to other nodes.")
@outcome_option
@node_option
@yes_option
def drain(place: Place, *, why: str) -> None:
    """Stop this node's workloads, dependants first, and start none until `undrain`.

    Returns when all are down. It holds over restarts of the node; other nodes see it.
    """
    from actors.cli.consent import ask_all
    from bus.messages import DrainNode

    ask_all(place, "drain this node of")
    _say(place, place.ask(DrainNode(why=why), DRAIN_S), "drained")


@command("undrain", "undrain")
@click.option("--why", default="asked on the command line", help="Said in the log and to other nodes.")
@outcome_option
@node_option
def undrain(place: Place, *, why: str) -> None:
    """Take up again the workloads that the drain stopped."""
    from bus.messages import UndrainNode

    _say(place, place.ask(UndrainNode(why=why)), "undrained")


def _say(place: Place, done: Any, otherwise: str) -> None:
    from actors.cli.paint import put, put_json

    if place.as_json:
        put_json(done)
    else:
        put(done.detail or otherwise)
