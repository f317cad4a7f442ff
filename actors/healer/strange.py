"""What was strange about a subject lately: evidence for the issues that come up, never an issue. Pure."""

from __future__ import annotations

from collections import deque
from typing import Final

WITHIN_S: Final = 600.0
"""Seconds for which something strange is evidence."""

KEPT_MAX: Final = 3
"""Pieces kept of a subject."""

SUBJECTS_MAX: Final = 1000
"""Subjects that pieces are kept of; the one that was quiet for longest gives way."""


class Strange:
    """Pieces by subject. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._found: dict[str, deque[tuple[float, str]]] = {}

    def note(self, subject: str, text: str, now_s: float) -> None:
        """Something strange was seen."""
        kept = self._found.pop(subject, None) or deque(maxlen=KEPT_MAX)
        kept.append((now_s, text))
        self._found[subject] = kept
        if len(self._found) > SUBJECTS_MAX:
            del self._found[next(iter(self._found))]

    def of(self, subject: str, now_s: float) -> tuple[str, ...]:
        """What is not too old, oldest first."""
        return tuple(text for at_s, text in self._found.get(subject, ()) if now_s - at_s <= WITHIN_S)
