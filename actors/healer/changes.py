"""The change log: one JSON line for everything that was altered, `<state_dir>/changes.log`. I/O.

For people and their tools; what the Healer itself needs lies in its tables. The node's own actor writes what others
altered as the fact that told of it, and moves the file to changes.log.1 when it is long.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec

from bus.messages.trust import AlteredRow

_LINE = msgspec.json.Encoder()
_ALTERING: Final = {
    "config.reloaded": ("node", "config {revision} in force: added {added}, removed {removed}, changed {changed}"),
    "config.set_back": ("process_manager", "{instances} back to the config they were ready with: {why}"),
    "drift.closed": ("reconciler", "{drift} is put right"),
    "experiment.started": ("optimizer", "{parameter} from {baseline:g} to {candidate:g}, tried: {why}"),
    "experiment.kept": ("optimizer", "{parameter} stays at {value:g}: {before:g} became {after:g}"),
    "experiment.undone": ("optimizer", "{parameter} back at {value:g}: {why}"),
    "workload.scaled": ("person", "{detail}: {why}"),
}
"""Facts that tell of something altered: by whom, and in which words."""


class ChangeLog:
    """path: of the file; its directory exists."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, row: AlteredRow) -> None:
        """Append a line. Raises OSError."""
        with self._path.open("ab+") as file:
            file.write(_end_of_line(file) + _LINE.encode(row) + b"\n")

    def newest(self, limit: int, subject: str = "") -> list[AlteredRow]:
        """The newest lines, newest first; of one subject when it is named. Raises OSError."""
        rows = [row for path in (self._former, self._path) for row in _rows(path) if subject in ("", row.subject)]
        return rows[::-1][: max(0, limit)]

    @property
    def _former(self) -> Path:
        return self._path.with_name(f"{self._path.name}.1")


def _end_of_line(file: BinaryIO) -> bytes:
    """What ends a line that a death cut off."""
    if file.seek(0, os.SEEK_END) == 0:
        return b""
    file.seek(-1, os.SEEK_END)
    return b"" if file.read(1) == b"\n" else b"\n"


def _rows(path: Path) -> Iterator[AlteredRow]:
    """What was written whole; a line that a death cut off is passed over."""
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        with contextlib.suppress(msgspec.DecodeError, KeyError):
            try:
                yield msgspec.json.decode(line, type=AlteredRow)
            except msgspec.ValidationError:
                yield from _told(msgspec.json.decode(line, type=dict[str, Any]))


def _told(line: dict[str, Any]) -> Iterator[AlteredRow]:
    """What a fact says was altered; nothing when it altered nothing. Raises KeyError when it is of another form."""
    kind = line["what"]
    actor, said = _ALTERING.get(kind, ("", ""))
    if not actor:
        return
    lists = {name: ", ".join(line.get(name, ())) or "-" for name in ("added", "removed", "changed", "instances")}
    what = said.format_map(line | lists)
    yield AlteredRow(time=line["time"], subject=line["subject"], change=kind, what=what, by=actor)
