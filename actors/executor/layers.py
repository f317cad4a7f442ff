"""What stands between a task and harm, layer by layer, and what each did or does about this one. Pure.

Each layer is a function of what is known of the task; the claim asks the same gates (lanes.py, room.py), so that what
is shown is what decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Literal

import msgspec

from actors.executor.lanes import CREDIT_MAX, Hold, Limit, breaker_gate, concurrency_gate, filled, rate_gate
from actors.executor.model import PRIORITIES, Happening, Row
from actors.executor.retry import rule_for
from actors.executor.room import NAMES, Room, amount, lacks
from actors.executor.tables import URGENT_MOST
from actors.settings import TaskKind, format_duration

State = Literal["off", "passes", "holds", "acted"]
"""off: the kind has none. holds: the task waits for it now. acted: it did something about this task."""


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """A task with what surrounds it. limit: its kind's, if it has one. running: tasks of the kind that run.

    here: kind -> tasks that run on this node. emergency: the incident, or empty. now_s: Unix seconds.
    """

    row: Row
    kind: TaskKind
    happenings: tuple[Happening, ...]
    limit: Limit
    running: int
    here: Mapping[str, int]
    room: Room
    paused: str | None
    emergency: str
    now_s: float

    def did(self, *what: str) -> list[str]:
        """What its history says of a layer, oldest first."""
        return [one.detail for one in self.happenings if one.what in what]


class Layer(msgspec.Struct, frozen=True):
    """One of them."""

    name: str
    state: State
    says: str = ""


def degradation(known: Known) -> Layer:
    """No task is taken, or urgent ones only."""
    queued = known.row.state == "queued"
    if queued and known.paused is not None:
        return Layer("degradation", "holds", f"no task is taken: {known.paused}")
    if queued and known.emergency and PRIORITIES.index(known.row.priority) > URGENT_MOST:
        return Layer("degradation", "holds", f"emergency {known.emergency}: critical and high ones only")
    return Layer("degradation", "passes")


def deadline(known: Known) -> Layer:
    """It has to be started by then."""
    if did := known.did("late", "expired"):
        return Layer("deadline", "acted", did[-1])
    if known.row.deadline is None:
        return Layer("deadline", "off")
    left_s = known.row.deadline - known.now_s
    return Layer("deadline", "passes", f"{format_duration(round(left_s, 1))} left" if left_s > 0 else "")


def breaker(known: Known) -> Layer:
    """Its kind is left alone while it only fails."""
    if known.limit.trips is None:
        return Layer("breaker", "off")
    passes = f"{known.limit.failed} of {known.limit.trips} failures in a row"
    return _gated(known, "breaker", breaker_gate(known.limit, known.running, known.now_s), passes)


def concurrency(known: Known) -> Layer:
    """So many of the kind run at a time."""
    if known.limit.concurrency is None:
        return Layer("concurrency", "off")
    hold = concurrency_gate(known.limit, known.running, known.now_s)
    return _gated(known, "concurrency", hold, f"{known.running} run, {known.limit.concurrency} may")


def rate(known: Known) -> Layer:
    """So many of the kind are started in a time."""
    if known.limit.per_s is None:
        return Layer("rate", "off")
    tokens = f"{filled(known.limit, known.now_s):.1f} of {known.limit.burst:g} starts saved up"
    return _gated(known, "rate", rate_gate(known.limit, known.running, known.now_s), tokens)


def resources(known: Known) -> Layer:
    """This node has what it needs."""
    need = known.kind.need
    if need is None:
        return Layer("resources", "off")
    short = lacks(known.row.kind, known.room, known.here)
    needs = ", ".join(f"{name} {amount(name, getattr(need, name))}" for name in NAMES if getattr(need, name))
    return _gated(known, "resources", Hold("resources", f"too little here: {short}") if short else None, needs)


def time_out(known: Known) -> Layer:
    """An attempt may take so long, and be silent so long."""
    if did := known.did("timeout", "silent"):
        return Layer("time-out", "acted", did[-1])
    kind = known.kind
    limits = (("an attempt", kind.timeout), ("silence", kind.silence), ("all attempts", kind.run_max))
    said = ", ".join(f"{name} {format_duration(limit)}" for name, limit in limits if limit is not None)
    return Layer("time-out", "passes" if said else "off", said)


def rescue(known: Known) -> Layer:
    """Its worker died, and another took over."""
    did = known.did("rescued")
    return Layer("rescue", "acted", did[-1]) if did else Layer("rescue", "passes")


def back_off(known: Known) -> Layer:
    """A failed attempt is tried again, later and later."""
    row, attempts = known.row, rule_for(known.kind, ())[0].attempts
    if row.state == "scheduled" and row.failures and row.due is not None:
        wait = format_duration(round(max(0.0, row.due - known.now_s), 1))
        return Layer("back-off", "holds", f"{row.failures} failed, the next attempt in {wait}")
    if row.failures or known.did("failed"):
        return Layer("back-off", "acted", f"{row.failures} failed")
    return Layer("back-off", "passes", f"up to {attempts} attempts")


def budget(known: Known) -> Layer:
    """So many failed attempts of its kind are borne."""
    if did := known.did("budget"):
        return Layer("budget", "acted", did[-1])
    if known.limit.share is None:
        return Layer("budget", "off")
    return Layer("budget", "passes", f"{known.limit.credit:.1f} of {CREDIT_MAX:g} retries saved up")


LAYERS: Final[tuple[Callable[[Known], Layer], ...]] = (
    degradation,
    deadline,
    breaker,
    concurrency,
    rate,
    resources,
    time_out,
    rescue,
    back_off,
    budget,
)
"""In the order in which a task meets them."""


def layers(known: Known) -> list[Layer]:
    """What each did, or does."""
    return [layer(known) for layer in LAYERS]


def _gated(known: Known, name: str, hold: Hold | None, passes: str) -> Layer:
    """Of a gate before the start; what it did to others is nothing to one that has started."""
    if hold is not None and known.row.state == "queued":
        until = f", {format_duration(round(hold.for_s, 1))} more" if hold.for_s is not None else ""
        return Layer(name, "holds", f"{hold.why}{until}")
    did = known.did(name)
    return Layer(name, "acted", did[-1]) if did else Layer(name, "passes", passes)
