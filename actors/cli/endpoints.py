"""`gyrostat endpoints`: where the running node answers."""

from __future__ import annotations

from actors.cli.options import command, json_option
from actors.cli.place import Place


@command("endpoints", "endpoints --json | jq -r '.facts[0]'")
@json_option
def endpoints(place: Place, *, as_json: bool) -> None:
    """Where the running node answers: addresses for facts and for commands, for tools in any language."""
    from actors.cli.paint import put, put_json

    found = place.endpoints()
    if as_json:
        put_json(found)
    else:
        addresses = [f"facts     {one}" for one in found.facts] + [f"commands  {one}" for one in found.commands]
        put(f"node      {found.node} (pid {found.pid})", *addresses)
