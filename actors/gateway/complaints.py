"""Which refusals get a line in the log: the first from an address, then one a minute with their number. Pure."""

from __future__ import annotations

from typing import Final

SILENCE_S: Final = 60.0
KINDS_MAX: Final = 1000
"""Kinds that are remembered; a flood from many addresses must not fill the memory."""


class Complaints:
    """Remembers what was told lately."""

    def __init__(self) -> None:
        self._told: dict[tuple[int, str], tuple[float, int]] = {}

    def tell(self, status: int, address: str, now_s: float) -> int | None:
        """How many like it were not told since the last that was, when this one is to be told; None when it is not."""
        key = (status, address)
        told_s, untold = self._told.get(key, (None, 0))
        if told_s is not None and now_s - told_s < SILENCE_S:
            self._told[key] = (told_s, untold + 1)
            return None
        if key not in self._told and len(self._told) >= KINDS_MAX:
            self._told.pop(next(iter(self._told)))
        self._told[key] = (now_s, 0)
        return untold
