"""Which times a schedule means, and whether a window is open. Pure: now and the zones are given.

Wall times are seconds since 1970.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from datetime import datetime, tzinfo
from typing import Final

from msgspec import Struct

from actors.settings.schedules import Schedule, Window, cron_fields

AHEAD_S: Final = 86_400.0
"""Windows that follow one another without a gap for a day are not followed further: a look comes long before."""

Zones = Callable[[str | None], tzinfo]

LATE_S: Final = 60.0
"""A time that is longer past was missed: no node looked, or the machine slept. A look comes every 30 s at least."""

BACKWARD_S: Final = 3 * 3600.0
"""A clock that went back by more was put right, and times count afresh; by less, none is repeated. Source: Debian's
cron."""


class Look(Struct, frozen=True):
    """What a look at a schedule shows. due_s, missed_s: the last time that is to be decided on now, if there is one.

    decided_s: up to when everything is decided after that. next_s: the next time.
    """

    due_s: float | None
    missed_s: float | None
    decided_s: float
    next_s: float


def look(schedule: Schedule, decided_s: float, now_s: float, zones: Zones) -> Look:
    """See which times of a schedule lie in (decided_s, now_s], and when the next one is."""
    if decided_s - now_s > BACKWARD_S:
        decided_s = now_s
    last_s = _last(schedule, decided_s, now_s, zones)
    if last_s is None:
        return Look(None, None, decided_s, following(schedule, max(decided_s, now_s), decided_s, zones))
    on_time = now_s - last_s <= LATE_S
    next_s = following(schedule, now_s, last_s, zones)
    return Look(last_s if on_time else None, None if on_time else last_s, last_s, next_s)


def makes_up(schedule: Schedule, missed_s: float, now_s: float) -> bool:
    """Whether a missed time is made up for."""
    return schedule.missed == "run_once" and now_s - missed_s <= schedule.missed_within


def following(schedule: Schedule, after_s: float, anchor_s: float, zones: Zones) -> float:
    """The first time after after_s. anchor_s: a time of the schedule, from which an interval counts."""
    if schedule.every is not None:
        steps = max(0, int((after_s - anchor_s) // schedule.every)) + 1
        return anchor_s + steps * float(schedule.every)
    return _cron(schedule.cron or "", after_s, zones(schedule.timezone))


def _last(schedule: Schedule, decided_s: float, now_s: float, zones: Zones) -> float | None:
    """The last time in (decided_s, now_s]."""
    if schedule.every is not None:
        steps = int((now_s - decided_s) // schedule.every)
        return decided_s + steps * float(schedule.every) if steps > 0 else None
    zone = zones(schedule.timezone)
    if _cron(schedule.cron or "", decided_s, zone) > now_s:
        return None
    return _cron_last(schedule.cron or "", now_s, zone)


def _cron(text: str, after_s: float, zone: tzinfo) -> float:
    """The first time after after_s."""
    from cronsim import CronSim  # noqa: PLC0415 - few nodes have a schedule

    return next(CronSim(cron_fields(text), datetime.fromtimestamp(after_s, zone))).timestamp()


def _cron_last(text: str, at_s: float, zone: tzinfo) -> float:
    """The last time up to at_s; times are whole seconds."""
    from cronsim import CronSim  # noqa: PLC0415 - as above

    before = datetime.fromtimestamp(math.floor(at_s) + 1, zone)
    return next(CronSim(cron_fields(text), before, reverse=True)).timestamp()


class Opening(Struct, frozen=True):
    """Whether one of some windows is open, and when that changes next."""

    open: bool
    changes_s: float


def opening(windows: Iterable[Window], now_s: float, zones: Zones) -> Opening:
    """See whether a window is open at now_s. windows: one at least; where they overlap, they count as one."""
    listed = list(windows)
    ends_s = _end_of(listed, now_s, zones)
    if ends_s is None:
        return Opening(open=False, changes_s=min(_cron(one.opens, now_s, zones(one.timezone)) for one in listed))
    while (later_s := _end_of(listed, ends_s, zones)) is not None and later_s > ends_s:
        ends_s = later_s
        if ends_s - now_s > AHEAD_S:
            break
    return Opening(open=True, changes_s=ends_s)


def _end_of(windows: list[Window], at_s: float, zones: Zones) -> float | None:
    """The latest end of the windows that are open at a time; None when none is."""
    ends = []
    for window in windows:
        began_s = _cron_last(window.opens, at_s, zones(window.timezone))
        if began_s <= at_s < began_s + window.lasts:
            ends.append(began_s + float(window.lasts))
    return max(ends, default=None)


def said_time(wall_s: float, zone: tzinfo, now_s: float, *, named: bool = False) -> str:
    """A time as people read it, from now: `02:30` on the same day, else with its date. named: with its zone."""
    at, now = datetime.fromtimestamp(wall_s, zone), datetime.fromtimestamp(now_s, zone)
    clock = at.strftime("%H:%M:%S" if at.second else "%H:%M")
    day = "" if at.date() == now.date() else f"{at:%Y-%m-%d} "
    return f"{day}{clock}{f' {at.tzname()}' if named else ''}"
