"""What a source of declared metrics offers, and how it says that there is nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class NotRead(Exception):
    """A reading that gave nothing; says why in one line. late: it took longer than it may."""

    def __init__(self, why: str, *, late: bool = False) -> None:
        super().__init__(why)
        self.late = late


class MetricSource(Protocol):
    """Where the numbers of one or several metrics come from. Its calls come one at a time, from any thread."""

    def read(self) -> Mapping[str, float]:
        """Metric -> number; one that has none now is left out.

        Raises: NotRead.
        """

    def close(self) -> None:
        """Let go of what it holds; safe before the first reading."""
