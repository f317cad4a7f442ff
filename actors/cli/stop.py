"""`gyrostat stop`: workloads by name, or the node."""

from __future__ import annotations

import click

from actors.cli.options import command, node_option, outcome_option, yes_option
from actors.cli.place import Place


@command(
    "stop", "stop worker               stays stopped until it is started", "stop --keep-workloads     the node only"
)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--keep-workloads", is_flag=True, help="End the node only; its next start adopts the workloads.")
@outcome_option
@node_option
@yes_option
def stop(place: Place, *, names: tuple[str, ...], keep_workloads: bool) -> int:
    """Stop workloads, or the node with its workloads.

    With names: stops these workloads; they stay down, also when the node restarts, until they are started. NAME may be
    a pattern ('web-*') or a tag (@TAG). Without: stops every workload, dependants first, and ends the node.
    """
    if not names:
        place.check_here()
        from actors.cli.background import running_node, stop_node

        if not keep_workloads and running_node(place) is not None:
            from actors.cli.consent import ask_all

            ask_all(place, "stop the node with")
        return stop_node(place, keep_workloads=keep_workloads, why="asked on the command line")
    if keep_workloads:
        msg = "--keep-workloads goes with the node, not with names"
        raise click.UsageError(msg)
    from actors.cli.names import ask_each
    from bus.messages import StopProcess

    return ask_each(place, names, lambda name: StopProcess(name=name, why="asked on the command line"), "stopped")
