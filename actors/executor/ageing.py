"""In which order tasks are taken: by priority, and the longer one waits, the sooner. Pure.

The order is one number that is known when the task is added and never changes, so that an index holds it: a task
counts as if it had been added so many steps later as its priority is below the next. A critical one is never overtaken;
any other starts after at most three steps of fresh tasks with precedence.
"""

from __future__ import annotations

from typing import Final

from actors.executor.model import PRIORITIES
from actors.settings import TaskPriority

CRITICAL_FIRST_S: Final = 1e11
"""Seconds by which a critical task comes before every other: three thousand years."""


def offset_s(priority: TaskPriority, step_s: float) -> float:
    """Seconds to be added to the time from which a task waits, for its place in the queue."""
    place = PRIORITIES.index(priority)
    return -CRITICAL_FIRST_S if place == 0 else (place - 1) * step_s
