"""Whether subscribers of this process are so far behind that facts of peers should not be read for now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

BEHIND_S: Final = 30.0
"""Seconds that one subscriber may hold up the facts of peers; then its inbox gives way until it has caught up."""

Crowded = Callable[[], bool]


class Pressure:
    """What subscribers say of their inboxes. add() and remove() under a lock of the caller's."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._all: tuple[Crowded, ...] = ()
        self._since_s: dict[Crowded, float] = {}

    def add(self, crowded: Crowded | None) -> None:
        """One more to be asked."""
        if crowded is not None:
            self._all = (*self._all, crowded)

    def remove(self, crowded: Crowded | None) -> None:
        """Ask it no more."""
        self._all = tuple(one for one in self._all if one is not crowded)

    def behind(self) -> bool:
        """Whether one is crowded, and not for too long yet. From one thread."""
        found = False
        for crowded in self._all:
            if crowded():
                now_s = self._monotonic()
                found = now_s - self._since_s.setdefault(crowded, now_s) < BEHIND_S or found
            elif self._since_s:
                self._since_s.pop(crowded, None)
        if len(self._since_s) > len(self._all):  # some were removed while they were crowded
            self._since_s = {one: since_s for one, since_s in self._since_s.items() if one in self._all}
        return found
