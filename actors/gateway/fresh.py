"""How long an answer may be given again. Pure."""

from __future__ import annotations

from typing import Final

QUIET_S: Final = 1.0
"""Seconds that an answer serves while nothing is heard to have changed: readings, uptimes and the like move with it."""
BUSY_S: Final = 0.1
"""Seconds that it serves though something has changed, so that a storm of facts makes no storm of questions."""


def is_fresh(age_s: float, *, changed: bool) -> bool:
    """Whether an answer of that age still serves. changed: a fact was heard since."""
    return age_s < (BUSY_S if changed else QUIET_S)
