"""`gyrostat reload`: the config again."""

from __future__ import annotations

from actors.cli.exits import OK, USAGE, complain, count
from actors.cli.options import command, json_option
from actors.cli.place import Place


@command("reload")
@json_option
def reload(place: Place, *, as_json: bool) -> int:
    """Read the config again; touch only what changed.

    A config with a fault is refused whole: every fault is told, and the old one stays in force.
    """
    from actors.cli.paint import put, put_json
    from bus.messages import ReloadConfig

    result = place.ask(ReloadConfig(), 30.0)
    if as_json:
        put_json(result)
    elif not result.faults:
        parts = [f"{what}: {', '.join(getattr(result, what))}" for what in ("added", "removed", "changed")]
        told = [part for part in parts if not part.endswith(": ")]
        put("reloaded; " + ("; ".join(told) or "no workload differs"))
    if result.faults:
        if not as_json:
            complain(*result.faults, f"{count(len(result.faults), 'fault')}; the config in force is unchanged")
        return USAGE
    return OK
