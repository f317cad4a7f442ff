"""`gyrostat restart`: workloads by name, or the node beneath them."""

from __future__ import annotations

import os

import click

from actors.cli.exits import refusal
from actors.cli.options import Number, command, node_option, outcome_option, yes_option
from actors.cli.place import Place


@command(
    "restart web                 its instances in turn, so that enough stay ready",
    "restart web-2 @jobs         one instance, and what has the tag jobs",
    "restart web --keep 1",
    "restart                     the node; its workloads go on meanwhile",
)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--at-once", is_flag=True, help="All instances at the same time, not in turn.")
@click.option("--keep", type=Number(min=0), metavar="N", help="Instances that stay ready; else as roll says.")
@outcome_option
@node_option
@yes_option
def restart(place: Place, *, names: tuple[str, ...], at_once: bool, keep: int | None) -> int:
    """Restart workloads, or the node beneath them.

    With names: stops and starts these workloads; NAME may be a pattern ('web-*') or a tag (@TAG). The instances of one
    workload are restarted in turn, and the rest is left as it is when one does not become ready. Without: ends the
    node, leaves its workloads running, and starts it again in the background, where it adopts them; nothing is ended
    when the config has a fault. What a changed config will do is shown before, and asked as `reload` asks.
    """
    if names:
        from actors.cli.restart_names import restart_named

        return restart_named(place, names, at_once=at_once, keep_ready=keep)
    if at_once or keep is not None:
        msg = "--at-once and --keep go with names, not with the node"
        raise click.UsageError(msg)
    place.check_here()
    from actors.cli.background import running_node, start_node, stop_node
    from actors.node import load_node
    from actors.settings import ConfigError

    try:
        load_node(place.config, os.environ)
    except ConfigError as error:
        raise refusal(error) from None
    running = running_node(place)
    if running is not None:
        from actors.cli.reload import plan_next
        from actors.cli.upgrade import begin_anew, in_service

        changing = plan_next(place)
        if in_service(place, running.pid):
            return begin_anew(place, "restart asked on the command line", changing)
        code = stop_node(place, keep_workloads=True, why="restart asked on the command line")
        if code:
            return code
    return start_node(place)
