"""Which workloads a person means: by name, by the name they share, by a pattern, or by tag. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from bus.messages import ProcessRow

WAYS = "NAME, NAME-1, 'web-*' or @TAG"
"""What a person may write."""


def chosen(names: Sequence[str], rows: Sequence[ProcessRow]) -> list[ProcessRow]:
    """The rows that are meant, each once, in the order they were named.

    A name of the config stands for all of its instances, and in dual mode for both modes; a pattern has * ? or [ in it
    and is held against both; @TAG is every workload with that tag.

    Raises: click.UsageError with the nearest name when one means nothing.
    """
    found: dict[str, ProcessRow] = {}
    for name in names:
        found.update({row.name: row for row in _meant(name, rows)})
    return list(found.values())


def _meant(name: str, rows: Sequence[ProcessRow]) -> list[ProcessRow]:
    if name.startswith("@"):
        return _tagged(name[1:], rows)
    if any(letter in name for letter in "*?["):
        matching = [row for row in rows if any(fnmatchcase(one, name) for one in (row.name, _declared(row)))]
        if not matching:
            raise click.UsageError(f'no workload is like "{name}"; {_nearest(name, _known(rows))}')
        return matching
    meant = [row for row in rows if row.name == name] or [row for row in rows if name in (_declared(row), _shared(row))]
    if not meant:
        raise click.UsageError(f'no workload "{name}"; {_nearest(name, _known(rows))}')
    return meant


def _tagged(tag: str, rows: Sequence[ProcessRow]) -> list[ProcessRow]:
    tagged = [row for row in rows if tag in row.tags]
    if not tagged:
        known = sorted({f"@{one}" for row in rows for one in row.tags})
        raise click.UsageError(f"no workload has the tag @{tag}; {_nearest(f'@{tag}', known)}")
    return tagged


def _declared(row: ProcessRow) -> str:
    """Its key in the config; a node of before 0.2 does not say it, and its names tell the mode alone."""
    return row.workload or row.name.removesuffix("-live").removesuffix("-sandbox")


def _shared(row: ProcessRow) -> str:
    """The name of its instances together: in dual mode NAME-live, and not NAME alone."""
    return row.name.removesuffix(f"-{row.instance}") if row.instance is not None else row.name


def _known(rows: Sequence[ProcessRow]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in (_declared(row), row.name)))


def _nearest(name: str, known: list[str]) -> str:
    from actors.cli.door import nearest

    return nearest(name, known)


def groups(rows: Sequence[ProcessRow], everything: Sequence[ProcessRow]) -> dict[tuple[str, str], list[ProcessRow]]:
    """Those of the rows whose instances are all there, by workload and mode; a single process is no group.

    everything: all rows of the node.
    """
    together: dict[tuple[str, str], list[ProcessRow]] = {}
    for row in everything:
        if row.instance is not None:
            together.setdefault((row.workload, row.mode), []).append(row)
    names = {row.name for row in rows}
    return {
        key: members
        for key, members in together.items()
        if len(members) > 1 and all(member.name in names for member in members)
    }
