"""`gyrostat incidents`: troubles of one cause, as one."""

from __future__ import annotations

import time

import click

from actors.cli.options import command, json_option, node_option, watch_option
from actors.cli.place import Place


@command("incidents", "incidents --all", "incidents n3              what began when, and because of what")
@click.argument("incident", required=False, metavar="[ID]")
@click.option("--all", "every", is_flag=True, help="Also incidents that are closed.")
@json_option
@node_option
@watch_option
def incidents(place: Place, *, incident: str | None, every: bool, as_json: bool) -> None:
    """Troubles of one cause as one incident, named by its root. With ID: what suffered, since when, because of what."""
    from actors.cli.health_lines import incident_lines, one_incident
    from actors.cli.paint import Paint, put, put_json
    from bus.messages import ListIncidents

    found = place.ask(ListIncidents(open_only=not every and incident is None, limit=200))
    now = time.time()  # noqa: TID251 - ages are shown to a person
    if incident is None:
        if as_json:
            put_json(found)
        else:
            put(*incident_lines(found, now, Paint()))
        return
    one = next((row for row in found.incidents if row.incident == incident), None)
    if one is None:
        from actors.cli.door import nearest

        msg = f'no incident "{incident}"; {nearest(incident, [row.incident for row in found.incidents])}'
        raise click.UsageError(msg)
    if as_json:
        put_json(one)
    else:
        put(*one_incident(one, now, Paint()))
