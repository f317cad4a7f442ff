"""Whether now is a time to try something. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import get_args

from bus.messages import HealthLevel, IssueRow, IssueState

ORDER: tuple[HealthLevel, ...] = get_args(HealthLevel)
"""From best to worst."""
WORST_ALLOWED: HealthLevel = "degraded"
OVER: tuple[IssueState, ...] = ("escalated", "resolved")
"""Nobody works on the issue any more: it is gone, or waits for a person, which may take days."""


def trouble(issues: Collection[str], whole: HealthLevel, emergency: str = "") -> str:
    """Why nothing is tried now; empty when all is calm.

    issues: ids of those being worked on. whole: the health of everything together. emergency: the incident of one that
    freezes experiments, or empty.
    """
    if emergency:
        return f"emergency {emergency}"
    if issues:
        return f"open issue {min(issues)}" + (f" and {len(issues) - 1} more" if len(issues) > 1 else "")
    if ORDER.index(whole) > ORDER.index(WORST_ALLOWED):
        return f"the whole is {whole}"
    return ""


def at_work(rows: Iterable[IssueRow]) -> set[str]:
    """The ids of the issues that are being worked on."""
    return {row.issue for row in rows if row.state not in OVER}
