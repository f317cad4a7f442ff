"""What a reader makes of a file: workloads as our YAML has them, and notes. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from msgspec import Struct, field

Workload = dict[str, Any]
_NAME_MAX: Final = 64


class Source(Struct, frozen=True):
    """One text. file: its name, as notes give it."""

    file: str
    text: str


class Place(Struct, frozen=True):
    """Where something stands. line: from 1."""

    file: str
    line: int
    key: str


class Note(Struct, frozen=True):
    """One key that has no equal here. instead: what to do about it; empty: nothing is needed."""

    file: str
    line: int
    key: str
    said: str
    instead: str = ""

    def __str__(self) -> str:
        """As every fault of a config is worded."""
        return f"{self.file}:{self.line}: {self.key}: {self.said}" + (f"; {self.instead}" if self.instead else "")


class Lent(Struct, frozen=True, kw_only=True):
    """What a reader may ask of the machine. files: the sources that a pattern means, from where the file lies.

    exists: whether there is a file of that name beside the one that is read. environ: of whoever imports. folder: where
    the file lies, absolute. host: the name of the machine.
    """

    files: Callable[[str], list[Source]] = lambda _: []
    exists: Callable[[str], bool] = lambda _: False
    environ: Mapping[str, str] = {}
    folder: str = "/"
    host: str = "localhost"


class Draft(Struct):
    """What came of a file so far. workloads: name -> keys. notes: in the order they were found."""

    workloads: dict[str, Workload] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)

    def note(self, place: Place, said: str, instead: str = "") -> None:
        """Say that something has no equal."""
        self.notes.append(Note(place.file, place.line, place.key, said, instead))

    def add(self, wanted: str, workload: Workload, place: Place) -> str:
        """Put a workload in; gives the name it has here."""
        name = unique(legal_name(wanted), self.workloads)
        if name != wanted:
            self.note(place, f'"{wanted}" is called {name} here', "names are of a-z, 0-9, _ and -")
        self.workloads[name] = {key: value for key, value in workload.items() if value not in (None, {}, [])}
        return name


def note_overridden(places: list[Place], draft: Draft) -> None:
    """Say which lines have no effect, as their keys stand there again further down."""
    for place in places:
        draft.note(place, "stands there again below, which counts")


class Unreadable(Exception):
    """The file is not what it was taken for; says so in one line."""


def legal_name(text: str) -> str:
    """The nearest name of ours."""
    return re.sub(r"[^a-z0-9_-]+", "-", text.lower()).strip("-")[:_NAME_MAX] or "workload"


def unique(name: str, taken: Mapping[str, object]) -> str:
    """The name, with a number when it is taken."""
    number, found = 2, name
    while found in taken:
        found = f"{name[: _NAME_MAX - 5]}-{number}"
        number += 1
    return found


def literal(text: str) -> str:
    """A text of `env` that is not to be expanded."""
    return text.replace("${", "$${")
