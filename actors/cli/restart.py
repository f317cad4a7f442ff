"""`gyrostat restart`: workloads by name, or the node beneath them."""

from __future__ import annotations

import os

import click

from actors.cli.exits import refusal
from actors.cli.options import command, node_option
from actors.cli.place import Place


@command("restart web", "restart                     the node; its workloads go on meanwhile")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@node_option
def restart(place: Place, *, names: tuple[str, ...]) -> int:
    """Restart workloads, or the node beneath them.

    With names: stops and starts these workloads. Without: ends the node, leaves its workloads running, and starts it
    again in the background, where it adopts them; nothing is ended when the config has a fault.
    """
    if names:
        from actors.cli.names import ask_each
        from bus.messages import RestartProcess

        why = "asked on the command line"
        return ask_each(place, names, lambda name: RestartProcess(name=name, why=why), "restarted")
    place.check_here()
    from actors.cli.background import running_node, start_node, stop_node
    from actors.node import load_node
    from actors.settings import ConfigError

    try:
        load_node(place.config, os.environ)
    except ConfigError as error:
        raise refusal(error) from None
    if running_node(place) is not None:
        code = stop_node(place, keep_workloads=True, why="restart asked on the command line")
        if code:
            return code
    return start_node(place)
