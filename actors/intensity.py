"""How often an actor may fail before its supervisor gives it up: restart intensity."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec


class Intensity(msgspec.Struct, frozen=True, kw_only=True):
    """The restart intensity of every actor of a node."""

    failures_max: int = 5
    """Failures allowed within the window; the next one gives the actor up."""
    window_s: float = 10.0
    """Seconds that failures are remembered."""
    retry_first_s: float = 5.0
    """Seconds until a given-up actor is tried again; doubles each time it is given up."""
    retry_max_s: float = 300.0
    """The longest such wait."""


class Restart(msgspec.Struct, frozen=True):
    """Make the behaviour anew after delay_s seconds."""

    delay_s: float


class GiveUp(msgspec.Struct, frozen=True):
    """Go on without it; try again after retry_s seconds."""

    retry_s: float


def decide(
    failures_s: Sequence[float], given_up: int, *, starting: bool, intensity: Intensity, now_s: float
) -> Restart | GiveUp:
    """What to do about the newest failure.

    failures_s: monotonic times of failures, the newest included. given_up: how often in a row it was given up.
    starting: the failure was in on_start, so that an immediate retry would only spin.
    Source: restart intensity, OTP supervisor.
    """
    recent = sum(now_s - at_s <= intensity.window_s for at_s in failures_s)
    if recent > intensity.failures_max or (given_up and starting):
        return GiveUp(min(intensity.retry_first_s * 2**given_up, intensity.retry_max_s))
    return Restart(0.05 * 2 ** (recent - 1) if starting else 0.0)
