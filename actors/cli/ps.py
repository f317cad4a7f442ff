"""`gyrostat ps`: every process of the workloads, as trees."""

from __future__ import annotations

import click

from actors.cli.options import command, json_option, node_option, watch_option
from actors.cli.place import Place


@command("ps", "ps 'web-*'", "ps @jobs --json")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@json_option
@node_option
@watch_option
def ps(place: Place, *, names: tuple[str, ...], as_json: bool) -> None:
    """Show the processes of the workloads as trees: also children, and those that left their parent.

    NAME may be a pattern ('web-*') or a tag (@TAG). MEMORY is what is resident; CPU is time used so far.
    """
    from actors.cli.chosen import chosen
    from actors.cli.paint import Paint, put, put_json
    from actors.cli.ps_lines import lines_of
    from bus.messages import ListFamilies, ListProcesses

    with place.client() as client:
        table = client.ask(ListProcesses())
        wanted = chosen(names, table.processes, table.none) if names else table.processes
        found = client.ask(ListFamilies(names=[row.name for row in wanted] if names else []))
    if as_json:
        put_json(found)
    else:
        put(*lines_of(wanted, found.rows, Paint()))
