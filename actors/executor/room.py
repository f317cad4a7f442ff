"""Whether a node has the processors, memory and graphics cards that one more task of a kind needs. Pure.

What is needed is a token only: of what the node offers, each running task holds what its kind says it needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from actors.settings import Resources, TaskKind, format_size

BETWEEN: Final = "."
"""Between the node's name and the rest of a worker's name."""
NAMES: Final = Resources.__struct_fields__


class Room(Struct, frozen=True, kw_only=True):
    """Of one node. own: what the names of its workers begin with. needs: kind -> what one of it takes."""

    own: str
    offers: Resources
    needs: dict[str, Resources]


def room_of(node: str, offers: Resources, kinds: Mapping[str, TaskKind]) -> Room:
    """Of a node with these kinds of tasks."""
    needs = {name: kind.need for name, kind in kinds.items() if kind.need is not None}
    return Room(own=f"{node}{BETWEEN}", offers=offers, needs=needs)


def lacks(kind: str, room: Room, here: Mapping[str, int]) -> str:
    """What there is too little of for one more, in words; empty when it fits. here: kind -> tasks that run here."""
    need = room.needs.get(kind)
    if need is None:
        return ""
    short = []
    for name in NAMES:
        wanted, offered = getattr(need, name), getattr(room.offers, name)
        held = sum(getattr(room.needs[other], name) * number for other, number in here.items() if other in room.needs)
        if wanted > 0 and held + wanted > offered:
            taken = f", {amount(name, held)} of it held" if held else ""
            short.append(f"{name} {amount(name, wanted)} of {amount(name, offered)}{taken}")
    return "; ".join(short)


def amount(name: str, value: float) -> str:
    """A number of a resource, in words."""
    return format_size(value) if name == "memory" else f"{value:g}"
