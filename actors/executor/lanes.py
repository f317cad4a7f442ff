"""Which lanes of the queue are open: each kind with a limit has one of its own, all others share one. Pure.

So a kind that may not be started now costs nothing to be passed by, however many of it wait. A lane is open when none
of its gates holds: its circuit breaker, its concurrency, and its rate, a token bucket of at most `burst` starts that
fills by `per_s` each second. What its tasks come to moves the breaker and the credit of its retries (Source: Finagle's
RetryBudget).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from actors.breaker import Breaker
from actors.settings.units import format_duration

COMMON: Final = ""
"""The lane of kinds without a limit."""
CREDIT_MAX: Final = 10.0
"""Retries that a kind with a budget may have saved up; it begins with them."""


class Limit(Struct, frozen=True, kw_only=True):
    """What the store holds of a lane. concurrency, per_s, trips, share: None for no limit. at, opened: Unix seconds.

    tokens: as of at. trips: failures in a row that open the breaker for open_s. failed: in a row until now. share:
    retries that each done task adds to credit.
    """

    lane: str
    concurrency: int | None = None
    per_s: float | None = None
    burst: float = 1.0
    tokens: float = 1.0
    at: float = 0.0
    trips: int | None = None
    open_s: float = 0.0
    failed: int = 0
    opened: float | None = None
    share: float | None = None
    credit: float = CREDIT_MAX

    @property
    def guarded(self) -> bool:
        """Whether what its tasks come to changes it."""
        return self.trips is not None or self.share is not None


class Hold(Struct, frozen=True):
    """A gate that lets none of the lane be started. for_s: seconds; None when only the end of a task opens it."""

    gate: str
    why: str
    for_s: float | None = None


FIELDS: Final = Limit.__struct_fields__


def limit_of(row: tuple[Any, ...]) -> Limit:
    """A lane as the store has it, which is in the order of FIELDS."""
    return Limit(**dict(zip(FIELDS, row[: len(FIELDS)], strict=True)))


def filled(limit: Limit, now_s: float) -> float:
    """Tokens by now; a clock that went back takes none away."""
    if limit.per_s is None:
        return limit.burst
    return min(limit.burst, limit.tokens + limit.per_s * max(0.0, now_s - limit.at))


# -- gates: each tells why none may be started now, or None


def breaker_gate(limit: Limit, running: int, now_s: float) -> Hold | None:
    """Open after failures in a row; then one by one, until one is done."""
    if limit.trips is None or limit.opened is None:
        return None
    left_s = Breaker(limit.failed, limit.opened, trying=running > 0).left_s(now_s, limit.open_s)
    if left_s <= 0:
        return None
    why = f"{limit.failed} failed in a row"
    return Hold("breaker", f"{why}, one of them is tried" if running else why, None if running else left_s)


def concurrency_gate(limit: Limit, running: int, _: float) -> Hold | None:
    """As many of the kind run as may."""
    if limit.concurrency is None or running < limit.concurrency:
        return None
    return Hold("concurrency", f"{running} run, {limit.concurrency} may")


def rate_gate(limit: Limit, _: int, now_s: float) -> Hold | None:
    """As many were started as may."""
    if limit.per_s is None or (tokens := filled(limit, now_s)) >= 1.0:
        return None
    return Hold("rate", "as many were started as may be", (1.0 - tokens) / limit.per_s)


GATES: Final[tuple[Callable[[Limit, int, float], Hold | None], ...]] = (breaker_gate, concurrency_gate, rate_gate)


def is_open(limit: Limit, running: int, now_s: float) -> bool:
    """Tell whether one more of the lane may be started."""
    return all(gate(limit, running, now_s) is None for gate in GATES)


def open_lanes(limits: Iterable[Limit], running: Mapping[str, int], now_s: float) -> list[str]:
    """The lanes from which a task may be taken now. running: lane -> tasks of it that run."""
    return [limit.lane for limit in limits if is_open(limit, running.get(limit.lane, 0), now_s)]


def opens_in_s(limits: Iterable[Limit], now_s: float) -> float | None:
    """Seconds until the first lane that only waits for the time opens; None when none does."""
    holds = (gate(limit, 0, now_s) for limit in limits for gate in (breaker_gate, rate_gate))
    return min((hold.for_s for hold in holds if hold is not None and hold.for_s is not None), default=None)


# -- what the tasks of a lane come to


def after_done(limit: Limit) -> Limit:
    """One of it is done: the breaker closes, and the credit of retries grows."""
    credit = min(CREDIT_MAX, limit.credit + limit.share) if limit.share is not None else limit.credit
    return msgspec.structs.replace(limit, failed=0, opened=None, credit=credit)


def after_failure(limit: Limit, now_s: float) -> Limit:
    """An attempt of it failed."""
    breaker = Breaker(limit.failed, limit.opened)
    if limit.trips is not None:
        breaker.failed(now_s, limit.trips)
    credit = max(0.0, limit.credit - 1.0) if limit.share is not None else limit.credit
    return msgspec.structs.replace(limit, failed=breaker.failures, opened=breaker.opened_s, credit=credit)


def is_spent(limit: Limit) -> bool:
    """Whether no further attempt is borne for now: more fail than its share of those that are done."""
    return limit.share is not None and limit.credit < 1.0


def opening(before: Limit, after: Limit) -> str:
    """In words that a failure opened the breaker; empty when it did not."""
    if after.opened is None or after.opened == before.opened:
        return ""
    return f"{after.failed} failed in a row: none is started for {format_duration(after.open_s)}"
