"""Whether an ended workload is started again, and when. Pure: now and chance are given.

Source: restart intensity of OTP's supervisor; start limits of systemd.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from actors.settings import RestartPolicy
from actors.settings.doubling import doubled

JITTER: Final = 0.2
"""A delay is up to this share shorter or longer, so that workloads that fell together do not rise together."""


class Ended(Struct, frozen=True, kw_only=True):
    """How a run ended. Both None: nobody saw it. uptime_s: seconds."""

    exit_code: int | None
    signal: str | None
    uptime_s: float


class Record(Struct, frozen=True, kw_only=True):
    """What came before. starts_s: monotonic times of spawns, any order. quick_exits: in a row, without this one."""

    starts_s: Sequence[float]
    quick_exits: int


class Again(Struct, frozen=True):
    """At once. attempt: quick exits in a row, this one included; 0 after a stable run."""

    attempt: int


class Later(Struct, frozen=True):
    """After delay_s seconds. attempt: as above."""

    delay_s: float
    attempt: int


class Leave(Struct, frozen=True):
    """Not again: the policy says so."""


class CrashLoop(Struct, frozen=True):
    """Not again until somebody says so: starts within the window."""

    starts: int


Verdict = Again | Later | Leave | CrashLoop


def succeeded(policy: RestartPolicy, ended: Ended) -> bool:
    """Tell whether the exit code means "done"; an end that nobody saw does not."""
    return ended.signal is None and ended.exit_code is not None and ended.exit_code in policy.success_codes


def decide_restart(
    policy: RestartPolicy, ended: Ended, record: Record, *, critical: bool, now_s: float, chance: float
) -> Verdict:
    """Again at once, later, never, or held as a crash loop.

    The first end after a stable run is answered at once, further quick ones after doubling delays.
    critical: it never waits longer than backoff_first. chance: from 0 to 1.
    """
    if policy.policy == "never" or (policy.policy == "on-failure" and succeeded(policy, ended)):
        return Leave()
    recent = sum(now_s - at_s <= policy.start_limit_window for at_s in record.starts_s)
    if recent >= policy.start_limit:
        return CrashLoop(recent)
    if ended.uptime_s >= policy.stable_after:
        return Again(0)
    attempt = record.quick_exits + 1
    if attempt == 1:
        return Again(1)
    doublings = 0 if critical else attempt - 2
    return Later(delay_of(policy.backoff_first, doublings, policy.backoff_max, chance), attempt)


def decide_retry(
    policy: RestartPolicy, attempt: int, *, retryable: bool, critical: bool, longest_s: float, chance: float
) -> Later:
    """When to try again after a spawn that did not come about.

    attempt: such failures in a row, from 1. What is not retryable is tried at the longest delay only: a person may
    have put it right. critical: no doubling for the first start_limit tries.
    """
    longest_s = max(longest_s, policy.backoff_first)
    if not retryable:
        return Later(longest_s, attempt)
    doublings = attempt - 1 - (policy.start_limit if critical else 0)
    return Later(delay_of(policy.backoff_first, max(0, doublings), longest_s, chance), attempt)


def delay_of(first_s: float, doublings: int, longest_s: float, chance: float) -> float:
    """Seconds: first_s doubled so many times, spread by JITTER, at most longest_s."""
    spread = 1 - JITTER + 2 * JITTER * chance
    return min(float(longest_s), doubled(first_s, doublings) * spread)
