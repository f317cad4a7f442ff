"""Whether now is an emergency, and what its protocol says next. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from actors.settings.markers import Command
from actors.settings.units import Seconds


class EmergencySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is done when several places are critical at once."""

    places: Annotated[int, Meta(ge=0)] = 3
    """Subjects that have to be critical at once: down for good, or with a critical issue. 0: never an emergency."""

    after: Seconds = Seconds(5)
    """Seconds for which so many have to be critical; shorter is a fault that is being repaired."""

    calm: Seconds = Seconds(60)
    """Seconds for which fewer have to be critical before it is over."""

    shed: list[str] = msgspec.field(default_factory=list)
    """Workloads that are stopped one after the other, in this order, while it lasts, and started again, in reverse
    order, when it is over. One that is down anyway is left as it is."""

    shed_every: Seconds = Seconds(10)
    """Seconds from stopping one to stopping the next, if it is still as bad then."""

    freeze: bool = True
    """The Optimizer tries nothing while it lasts; what it was trying is undone."""

    alert: Command = msgspec.field(default_factory=list)
    """Program of the operator and its arguments, run in the config's directory when it begins and when it is over: with
    GYROSTAT_EMERGENCY=declared or ended, GYROSTAT_INCIDENT and GYROSTAT_PLACES in its environment, and the incident
    as JSON on its stdin. Empty: none."""

    alert_within: Seconds = Seconds(30)
    """Seconds the program may take; then it is killed, and that is told."""

    def __post_init__(self) -> None:
        """Refuse what cannot be carried out.

        Raises: ValueError.
        """
        if self.places == 1:
            raise ValueError("places: 1 is an incident as any other; allowed: 2 or more, 0 for never")
        if len(set(self.shed)) != len(self.shed):
            raise ValueError("shed: names a workload twice; allowed: each once")
        if self.alert and not self.alert[0]:
            raise ValueError("alert: is empty; allowed: a program and its arguments")
        if self.alert_within <= 0:
            raise ValueError("alert_within: has to be more than 0s")


class Emergency(Struct, frozen=True, kw_only=True):
    """How far it is. Monotonic seconds.

    since_s: since when so many are critical. better_s: since when they are fewer, while it is declared. shed: workloads
    that were asked to stop. shed_s: when the last one was.
    """

    phase: Literal["calm", "pending", "declared"] = "calm"
    since_s: float = 0.0
    better_s: float | None = None
    places: tuple[str, ...] = ()
    shed: tuple[str, ...] = ()
    shed_s: float = 0.0


CALM = Emergency()


class Step(Struct, frozen=True):
    """What is to be done: declare it, stop a workload, or end it."""

    do: Literal["declare", "shed", "end"]
    subject: str = ""


def step(
    now: Emergency, critical: Sequence[str], order: Sequence[str], settings: EmergencySettings, now_s: float
) -> tuple[Emergency, list[Step]]:
    """Look once more. critical: the subjects that are. order: workloads that can still be stopped, first ones first."""
    bad = settings.places > 0 and len(critical) >= settings.places
    if now.phase != "declared":
        return _declared(now, critical, settings, now_s) if bad else (CALM, [])
    if not bad:
        better_s = now_s if now.better_s is None else now.better_s
        if now_s - better_s >= settings.calm:
            return CALM, [Step("end")]
        return msgspec.structs.replace(now, better_s=better_s), []
    left = [name for name in order if name not in now.shed]
    later = msgspec.structs.replace(now, better_s=None, places=_with(now.places, critical))
    if left and (not now.shed or now_s - now.shed_s >= settings.shed_every):
        return msgspec.structs.replace(later, shed=(*now.shed, left[0]), shed_s=now_s), [Step("shed", left[0])]
    return later, []


def _declared(
    now: Emergency, critical: Sequence[str], settings: EmergencySettings, now_s: float
) -> tuple[Emergency, list[Step]]:
    since_s = now.since_s if now.phase == "pending" else now_s
    if now_s - since_s < settings.after:
        return Emergency(phase="pending", since_s=since_s, places=tuple(critical)), []
    return Emergency(phase="declared", since_s=since_s, places=tuple(critical)), [Step("declare")]


def _with(places: tuple[str, ...], critical: Sequence[str]) -> tuple[str, ...]:
    return (*places, *(name for name in critical if name not in places))


def next_s(now: Emergency, order: Sequence[str], settings: EmergencySettings) -> float | None:
    """When to look again though nothing is heard; None when there is nothing to wait for."""
    if now.phase == "pending":
        return now.since_s + settings.after
    if now.phase != "declared":
        return None
    if now.better_s is not None:
        return now.better_s + settings.calm
    return now.shed_s + settings.shed_every if any(name not in now.shed for name in order) else None
