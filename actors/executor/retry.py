"""Whether a failed task is tried again, and when. Pure: chance is given."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from actors.settings import RetryRule, TaskKind, format_duration


class Again(Struct, frozen=True):
    """After delay_s seconds."""

    delay_s: float


class Never(Struct, frozen=True):
    """Not again; why in words."""

    why: str


def after_failure(kind: TaskKind, names: Sequence[str], failures: int, run_s: float, chance: float) -> Again | Never:
    """What follows a failed attempt.

    names: what the error is called, the most particular first (`ConnectionResetError`, `ConnectionError`, `OSError`;
    `exit:3`, `exit`; `timeout`). failures: failed attempts, this one included. run_s: seconds of all attempts.
    chance: from 0 to 1.
    """
    rule, name = rule_for(kind, names)
    of = f" for {name}" if name else ""
    if rule.attempts <= failures:
        return Never(f"failed {failures} times{of}" if rule.attempts > 1 else f"is not tried again{of}")
    if kind.run_max is not None and run_s >= kind.run_max:
        return Never(f"ran {format_duration(run_s)} in all, run_max is {format_duration(kind.run_max)}")
    return Again(rule.delay_s(failures, chance))


def rule_for(kind: TaskKind, names: Sequence[str]) -> tuple[RetryRule, str]:
    """The rule for the first name that has one of its own, and that name; else the kind's, and no name."""
    for name in names:
        if name in kind.retry_on:
            return kind.retry_on[name], name
    return kind.retry, ""
