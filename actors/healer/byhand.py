"""What a person did about a workload beside the Healer, and whether that is the same as a remedy. Pure."""

from __future__ import annotations

from actors.settings import Workload
from bus.messages.process_manager import ProcessStarted

_ASKED = "asked"
"""How the reason of a start begins that a person wanted: `gyrostat restart` and start, and who sends no reason."""


def of_start(fact: ProcessStarted) -> tuple[str, str] | None:
    """In words, and as a remedy, what a person did; None when no person did it."""
    if not fact.reason.startswith(_ASKED):
        return None
    return f"restart, {fact.reason}", "restart"


def of_config(before: Workload, after: Workload) -> str:
    """Which keys of a workload's config differ, in words; empty when none does."""
    if before == after:
        return ""
    keys = [name for name in before.spec.__struct_fields__ if getattr(before.spec, name) != getattr(after.spec, name)]
    return f"config: {', '.join(keys) or 'its environment'} changed"
