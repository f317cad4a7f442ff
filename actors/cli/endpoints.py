"""`gyrostat endpoints`: where the running node answers."""

from __future__ import annotations

from actors.cli.options import command, json_option
from actors.cli.place import Place


@command("endpoints", "endpoints --json | jq -r '.facts[0]'")
@json_option
def endpoints(place: Place, *, as_json: bool) -> None:
    """Where the running node answers, for tools in any language: addresses for facts, commands, and missed facts."""
    from actors.cli.paint import put, put_json

    found = place.endpoints()
    if as_json:
        put_json(found)
    else:
        doors = (("facts", found.facts), ("commands", found.commands), ("replay", found.replay))
        lines = [f"{door:<8}  {one}" for door, addresses in doors for one in addresses]
        key = [f"key       {found.key}"] if found.key else []
        put(f"node      {found.node} (pid {found.pid})", *lines, *key)
