"""Reads .ini text into sections whose keys know their line. Pure.

configparser reads the same text, and forgets the lines.
"""

from __future__ import annotations

import re

from msgspec import Struct, field

from actors.importing.draft import Place, Source, Unreadable

_SECTION = re.compile(r"\[(?P<name>[^\]]+)\]")
_OPTION = re.compile(r"(?P<key>[^=:\s][^=:]*?)\s*[=:]\s*(?P<value>.*)")
_INLINE = re.compile(r"(?:^|\s)[;#].*")


class Option(Struct):
    """One value. place: where its key stands. name: the key as it was written."""

    text: str
    place: Place
    name: str


class Section(Struct):
    """One section: keys in the order of the file, in lower case. overridden: keys that stand there again below."""

    name: str
    place: Place
    options: dict[str, Option] = field(default_factory=dict)
    overridden: list[Place] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """What stands before the colon: `program` of `program:web`."""
        return self.name.partition(":")[0].strip()

    @property
    def of(self) -> str:
        """What stands after it."""
        return self.name.partition(":")[2].strip()


def read_ini(source: Source, *, inline: bool) -> list[Section]:
    """Read the sections; one that stands there twice is one.

    inline: a ; or # after a blank begins a comment.
    Raises: Unreadable.
    """
    sections: dict[str, Section] = {}
    section: Section | None = None
    option: Option | None = None
    for number, raw in enumerate(source.text.splitlines(), 1):
        line = _INLINE.sub("", raw) if inline else raw
        if not line.strip() or line.lstrip()[0] in "#;":
            continue
        if raw[0].isspace() and option is not None:
            option.text += f"\n{line.strip()}"
            continue
        header = _SECTION.match(line.strip())
        if header is not None:
            name, option = header["name"].strip(), None
            section = sections.setdefault(name, Section(name, Place(source.file, number, name)))
            continue
        match = _OPTION.match(line.strip())
        if match is None or section is None:
            raise Unreadable(f'{source.file}:{number}: "{line.strip()[:40]}" is no KEY = VALUE of a section')
        key = match["key"].strip().lower()
        place = Place(source.file, number, f"{section.name}.{key}")
        option = Option(match["value"].strip(), place, match["key"].strip())
        if key in section.options:
            section.overridden.append(section.options[key].place)
        section.options[key] = option
    return list(sections.values())
