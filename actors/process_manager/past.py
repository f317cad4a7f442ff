"""What a workload went through: its last changes of state. Pure."""

from __future__ import annotations

from collections import deque
from typing import Final

from msgspec import Struct

from bus.messages import ProcessState

KEPT: Final = 40
"""Changes of state that are remembered of each workload."""


class Past(Struct, frozen=True):
    """One change of state. at_s: monotonic seconds. pid: of the process it had then."""

    at_s: float
    before: ProcessState
    state: ProcessState
    why: str
    pid: int | None


def new_past() -> deque[Past]:
    """An empty past, which forgets what is oldest."""
    return deque(maxlen=KEPT)
