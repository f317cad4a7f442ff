"""A Procfile as workloads of ours. Pure.

Source: the Procfile format of Heroku, and foreman 0.90 and honcho 2.0, which run it on one machine.
"""

from __future__ import annotations

import re
from typing import Final

from actors.importing.commands import for_shell
from actors.importing.draft import Draft, Lent, Place, Source, Unreadable, Workload

_LINE: Final = re.compile(r"(?P<name>[A-Za-z0-9_-]+):\s*(?P<command>.+)")
_PORT_FIRST: Final = 5000
_PORT_STEP: Final = 100


def read_procfile(source: Source, lent: Lent) -> Draft:
    """Read it.

    Raises: Unreadable.
    """
    draft = Draft()
    index = 0
    for number, raw in enumerate(source.text.splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            key = f'"{line[:40]}"'
            draft.note(Place(source.file, number, key), "is no NAME: COMMAND", "it was left out, as foreman does")
            continue
        place = Place(source.file, number, match["name"])
        draft.add(match["name"], _workload(match["name"], match["command"], index, draft, place), place)
        index += 1
    if not draft.workloads and draft.notes:
        raise Unreadable(str(draft.notes[0]))
    if lent.exists(".env"):
        for workload in draft.workloads.values():
            workload["env_files"] = [".env"]
    return draft


def _workload(name: str, command: str, index: int, draft: Draft, place: Place) -> Workload:
    workload: Workload = {}
    try:
        workload["command"] = for_shell(command)
    except ValueError as error:
        draft.note(place, f"cannot be split: {error}", "write it anew")
        workload["command"] = []
    if name == "release":
        draft.note(place, "Heroku runs it once before each release", "run it with gyrostat start release, or by hand")
        workload |= {"autostart": False, "restart": {"policy": "never"}}
    if re.search(r"\$\{?PORT\b", command) or name == "web":
        port = _PORT_FIRST + _PORT_STEP * index
        workload["ports"] = str(port)
    return workload
