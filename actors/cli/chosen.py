"""Which workloads a person means: by name, by the name they share, by a pattern, or by tag. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Protocol, TypeVar

import click
import msgspec

if TYPE_CHECKING:
    from bus.messages import ProcessRow


class Row(Protocol):
    """What can be named. workload: its key in the config, or empty when that is not known."""

    @property
    def name(self) -> str: ...
    @property
    def workload(self) -> str: ...
    @property
    def instance(self) -> int | None: ...
    @property
    def tags(self) -> Sequence[str]: ...


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """A Row of what no table of the node tells. instance: its number, from 1."""

    name: str
    workload: str = ""
    instance: int | None = None
    tags: tuple[str, ...] = ()


R = TypeVar("R", bound=Row)

WAYS = "NAME, NAME-1, 'web-*' or @TAG"
"""What a person may write."""


def chosen(names: Sequence[str], rows: Sequence[R], none: Collection[str] = ()) -> list[R]:
    """The rows that are meant, each once, in the order they were named. none: workloads that have no instance now.

    A name of the config stands for all of its instances, and in dual mode for both modes; a pattern has * ? or [ in it
    and is held against both; @TAG is every workload with that tag.

    Raises: click.UsageError with the nearest name when one means nothing.
    """
    found: dict[str, R] = {}
    for name in names:
        if name in none and not any(name in (row.name, row.workload) for row in rows):
            raise click.UsageError(f"{name} has no instances now; gyrostat scale {name} 1 gives it one")
        found.update({row.name: row for row in _meant(name, rows)})
    return list(found.values())


def _meant(name: str, rows: Sequence[R]) -> list[R]:
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


def _tagged(tag: str, rows: Sequence[R]) -> list[R]:
    tagged = [row for row in rows if tag in row.tags]
    if not tagged:
        known = sorted({f"@{one}" for row in rows for one in row.tags})
        raise click.UsageError(f"no workload has the tag @{tag}; {_nearest(f'@{tag}', known)}")
    return tagged


def _declared(row: Row) -> str:
    """Its key in the config; a node of before 0.2 does not say it, and its names tell the mode alone."""
    return row.workload or _shared(row).removesuffix("-live").removesuffix("-sandbox")


def _shared(row: Row) -> str:
    """The name of its instances together: in dual mode NAME-live, and not NAME alone."""
    return row.name.removesuffix(f"-{row.instance}") if row.instance is not None else row.name


def _known(rows: Sequence[Row]) -> list[str]:
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
