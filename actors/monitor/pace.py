"""How close together readings are taken: closer while something new is wrong, wider when all is calm for long. Pure."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Final

from msgspec import Meta, Struct, structs

from actors.settings.units import Seconds
from actors.settings.wording import figure

RISE_FACTOR: Final = 2.0
"""How many times as many error lines as before are a rise."""
RISE_MIN_PER_S: Final = 0.1
"""Error lines per second that are too few to be a rise: six a minute."""
COUNT_S: Final = 5.0
"""Seconds over which error lines are counted at least; in less a single line is a high rate."""
ERRORS_HALF_S: Final = 300.0
"""Seconds in which the remembered rate of error lines comes half-way to a new one."""


class PaceSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far the interval between readings adapts. interval_min and interval_max hold besides."""

    close: Annotated[float, Meta(ge=1, le=100)] = 2.0
    """By what the interval is divided while something new is wrong or error lines get more. 1: never closer."""

    close_for: Seconds = Seconds(300)
    """Seconds of closer readings from the latest news on; what is wrong for longer is measured as asked for."""

    wide: Annotated[float, Meta(ge=1, le=100)] = 2.0
    """By what the interval is multiplied when all is calm. 1: never wider."""

    calm_after: Seconds = Seconds(600)
    """Seconds without anything wrong after which readings are taken wider apart."""

    def __post_init__(self) -> None:
        """Refuse times that never come to an end.

        Raises: ValueError.
        """
        for key in ("close_for", "calm_after"):
            if getattr(self, key) <= 0:
                raise ValueError(f"{key}: has to be more than 0s")


class Pace(Struct, frozen=True, kw_only=True):
    """How the readings are paced, and why.

    factor: of the interval that was asked for. known: what was wrong at the last look. news_s, calm_s: monotonic time
    of the latest news, and since when nothing is wrong. counted_s: since when errors are counted. errors_per_s: error
    lines, smoothed; None before the first. rises: whether they were getting more when last counted.
    """

    factor: float = 1.0
    why: str = ""
    known: frozenset[str] = frozenset()
    news_s: float | None = None
    calm_s: float
    counted_s: float
    errors: int = 0
    errors_per_s: float | None = None
    rises: bool = False


def begin(now_s: float) -> Pace:
    """At first readings are taken as asked for."""
    return Pace(calm_s=now_s, counted_s=now_s)


def step(pace: Pace, wrong: Collection[str], errors: int, now_s: float, settings: PaceSettings) -> Pace:
    """Look once more.

    wrong: names of what is not well now. errors: error lines of all logs since the last look.
    """
    pace = _counted(pace, errors, now_s)
    fresh = frozenset(wrong) - pace.known
    calm = not wrong and not pace.rises
    news_s = now_s if fresh or pace.rises else pace.news_s
    calm_s = pace.calm_s if calm and pace.calm_s <= now_s else now_s
    factor, why = 1.0, "nothing new"
    if not calm and news_s is not None and now_s - news_s < settings.close_for:
        factor, why = 1.0 / settings.close, _news(fresh, pace)
    elif calm and now_s - calm_s >= settings.calm_after:
        factor, why = settings.wide, "all is calm"
    return structs.replace(pace, factor=factor, why=why, known=frozenset(wrong), news_s=news_s, calm_s=calm_s)


def _counted(pace: Pace, errors: int, now_s: float) -> Pace:
    """Take in error lines; the rate is looked at when they were counted for long enough."""
    errors += pace.errors
    lasted_s = now_s - pace.counted_s
    if lasted_s < COUNT_S:
        return structs.replace(pace, errors=errors, counted_s=min(pace.counted_s, now_s))
    rate, before = errors / lasted_s, pace.errors_per_s
    if before is None:
        return structs.replace(pace, errors=0, counted_s=now_s, errors_per_s=rate)
    share = 1.0 - 0.5 ** (lasted_s / ERRORS_HALF_S)
    return structs.replace(
        pace,
        errors=0,
        counted_s=now_s,
        errors_per_s=before + share * (rate - before),
        rises=rate > max(RISE_MIN_PER_S, RISE_FACTOR * before),
    )


def _news(fresh: Collection[str], pace: Pace) -> str:
    if fresh:
        more = f" and {len(fresh) - 1} more" if len(fresh) > 1 else ""
        return f"{min(fresh)}{more} not well"
    if pace.rises:
        return f"error lines get more: usually {figure(60 * (pace.errors_per_s or 0.0))} a minute"
    return pace.why
