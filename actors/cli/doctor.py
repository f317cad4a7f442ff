"""`gyrostat doctor`: what this machine lacks, and the cure."""

from __future__ import annotations

from typing import Final

from actors.cli.exits import FAILED, OK
from actors.cli.options import command, json_option
from actors.cli.place import Place

TONES: Final = {"ok": "good", "warn": "warn", "bad": "bad"}


@command("doctor", "doctor --json | jq '.findings[] | select(.state != \"ok\")'", "doctor -c prod.yaml")
@json_option
def doctor(place: Place, *, as_json: bool) -> int:
    """Look at this machine and say what is missing for a node, and the cure for each.

    Looked at: Python, config, state directory, disk, clock, permissions, sockets, ports, limits, memory, control
    groups, kernel. Exit code 1 when something does not work; what works with less is told, and is no failure. Writes
    nothing that stays.
    """
    from actors.cli.checkup import machine, places
    from actors.cli.checkup.finding import Checkup
    from actors.cli.paint import Paint, put, put_json, table

    config, settings = places.config(place)
    findings = [config, *(places.look(place, settings) if settings is not None else ()), *machine.look(settings)]
    checkup = Checkup(well=all(one.state != "bad" for one in findings), findings=findings)
    if as_json:
        put_json(checkup)
        return OK if checkup.well else FAILED
    paint = Paint()
    for line, one in zip(
        table([(one.check, (one.state, TONES[one.state]), one.found) for one in findings], paint), findings, strict=True
    ):
        put(line, *([f"  -> {one.cure}"] if one.cure else []))
    return OK if checkup.well else FAILED
