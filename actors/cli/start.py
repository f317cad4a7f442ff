"""`gyrostat start`: workloads by name, or the node in the background."""

from __future__ import annotations

import click

from actors.cli.options import command, node_option, outcome_option
from actors.cli.place import Place


@command("start", "start web worker", "start 'web-*' @jobs", "start -c prod.yaml")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@outcome_option
@node_option
def start(place: Place, *, names: tuple[str, ...]) -> int:
    """Start workloads, or the node in the background.

    With names: starts these workloads, those they depend on first; also ends a hold or a crash loop. NAME may be a
    pattern ('web-*') or a tag (@TAG). Without: starts the node, unless it runs, and returns when it answers; what it
    says goes to node.out in its state directory.
    """
    if not names:
        place.check_here()
        from actors.cli.background import start_node

        return start_node(place)
    from actors.cli.names import ask_each
    from bus.messages import StartProcess

    return ask_each(place, names, lambda name: StartProcess(name=name, why="asked on the command line"), "started")
