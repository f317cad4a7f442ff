"""`gyrostat hold` and `gyrostat release`: keep workloads down until a person says otherwise."""

from __future__ import annotations

import click

from actors.cli.options import command, node_option, outcome_option, yes_option
from actors.cli.place import Place


@command("hold worker --why 'its queue is being moved'", "hold 'web-*'", "hold @jobs")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--why", default="asked on the command line", help="What `status` and `why` say of it.")
@outcome_option
@yes_option
@node_option
def hold(place: Place, *, names: tuple[str, ...], why: str) -> int:
    """Stop workloads and keep them down: also over restarts of the node, and against every remedy.

    NAME may be a pattern ('web-*') or a tag (@TAG). Only `gyrostat release` and `gyrostat start` end a hold.
    """
    from actors.cli.names import ask_each
    from bus.messages import StopProcess

    return ask_each(place, names, lambda name: StopProcess(name=name, why=f"held: {why}"), "held")


@command("release worker", "release '*'                 everything that is held")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@outcome_option
@node_option
def release(place: Place, *, names: tuple[str, ...]) -> int:
    """End a hold: what starts with the node is started, the rest can be started again.

    NAME may be a pattern ('web-*') or a tag (@TAG); what is not held is left as it is.
    """
    from actors.cli.names import ask_each
    from bus.messages import ReleaseProcess

    return ask_each(place, names, lambda name: ReleaseProcess(name=name, why="asked on the command line"), "released")
