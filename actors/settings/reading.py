"""What is being read: the faults and the places found so far. Pure."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from actors.settings.faults import Fault, fault_at
from actors.settings.node import Origin
from actors.settings.tree import Tree


class _Bad:
    """What a reader gives when it has noted a fault."""

    def __repr__(self) -> str:
        return "BAD"


BAD: Final = _Bad()


class Reading:
    """One configuration on its way from tree to settings."""

    __slots__ = ("faults", "good_parts", "origins", "root")

    def __init__(self, root: Path | None = None) -> None:
        """root: directory that paths of the file start from; None: they stay relative."""
        self.root = root
        self.faults: list[Fault] = []
        self.origins: dict[str, Origin] = {}
        self.good_parts: dict[str, dict[str, object]] = {}
        """Dotted key of a struct with faults -> its attributes that have none; they are checked all the same."""

    def refuse(self, tree: Tree, key: str, problem: str, allowed: str = "") -> _Bad:
        """Note a fault at a tree and give BAD."""
        self.faults.append(fault_at(tree.origin, key, problem, allowed))
        return BAD


Reader = Callable[[Reading, Tree, str], object]
"""Gives the value of a tree that stands at a dotted key, or BAD."""
