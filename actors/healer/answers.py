"""What an answer of the ProcessManager means. Pure."""

from __future__ import annotations

from typing import Any

from bus.errors import CommandError, DeadlineExceeded
from bus.messages.process_manager import HookResult, ProcessRow, ProcessTable


def refusal(outcome: Any, *, strict: bool = False) -> str:
    """Why a command was not carried out, or empty.

    strict: no answer in time counts as not carried out, else as perhaps.
    """
    if isinstance(outcome, DeadlineExceeded) and not strict:
        return ""
    if isinstance(outcome, CommandError):
        return f"{outcome.code}: {outcome}"
    if isinstance(outcome, HookResult) and outcome.exit_code != 0:
        how = "was ended at its time-out" if outcome.exit_code is None else f"exited with code {outcome.exit_code}"
        last = f": {outcome.output[-1]}" if outcome.output else ""
        return f"the hook {how}{last}"
    return ""


def answer_text(outcome: Any) -> str:
    """An answer in a line for the history."""
    if isinstance(outcome, HookResult):
        return f"the hook exited with code {outcome.exit_code} after {outcome.took_s:.1f} s"
    return str(outcome) if isinstance(outcome, CommandError) else getattr(outcome, "detail", "") or ""


def rows_of(outcome: Any) -> dict[str, ProcessRow]:
    """The rows of a process table by name; none when it could not be read."""
    return {row.name: row for row in outcome.processes} if isinstance(outcome, ProcessTable) else {}
