"""`gyrostat scale`: how many instances of a workload run."""

from __future__ import annotations

import click

from actors.cli.options import command, node_option, yes_option
from actors.cli.place import Place


@command("scale web 5", "scale web 0                  none, and the rest of the node goes on", "scale web --reset")
@click.argument("name")
@click.argument("count", type=click.IntRange(min=0), required=False)
@click.option("--reset", is_flag=True, help="As many as the config says.")
@yes_option
@node_option
def scale(place: Place, *, name: str, count: int | None, reset: bool) -> int:
    """Run so many instances of a workload from now on.

    For workloads that say `instances` in the config. What runs and stays is not touched; the highest numbers go first.
    It holds over restarts of the node, until --reset, or until the config says another number than it said then. In
    dual mode it is for both modes.
    """
    from actors.cli.consent import ask_for
    from actors.cli.paint import put
    from bus.messages import ListProcesses, ScaleWorkload

    if (count is None) != reset:
        msg = "say a number of instances, or --reset"
        raise click.UsageError(msg)
    command = ScaleWorkload(name=name, instances=count, why="asked on the command line")
    with place.client() as client:
        rows = client.ask(ListProcesses()).processes
        ended = [row for row in rows if row.workload == name and (row.instance or 0) > (count or 0)]
        ask_for(place, {name: command}, ended)
        done = client.ask(command, 30.0)
    put(f"{name}: {done.detail}")
    return 0
