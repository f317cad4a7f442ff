"""When a group has something to say, and to whom. Pure: now and the zones are given.

Level-triggered: what counts is what lasts now against what was told, so that a fact that is heard twice, or comes back
before anything was sent, changes nothing. Source: the grouping of Prometheus' Alertmanager.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct, structs

from actors.notifier.model import RANK, Alert, Group, Told
from actors.settings.alerts import Route
from actors.timetable import Zones, opening
from bus.messages import NoticeReason

NEVER_S: Final = float("inf")


class Member(Struct, frozen=True):
    """An alert of a group, and whether a silence covers it."""

    alert: Alert
    silenced: bool = False


class Say(Struct, frozen=True, kw_only=True):
    """A message. alerts: what it is about, in the order in which it is told. fresh: keys of the reasons for it."""

    reason: NoticeReason
    to: tuple[str, ...]
    alerts: tuple[Alert, ...]
    fresh: frozenset[str]


class Outcome(Struct, frozen=True):
    """The group after a look. group: None when it can be forgotten. next_s: when to look again; NEVER_S: on news."""

    group: Group | None
    say: tuple[Say, ...]
    next_s: float


class _Look(Struct, frozen=True):
    """What a group is made of now. lasting: told before, with an end to come."""

    fresh: list[Alert]
    lasting: list[Alert]
    ended: list[Alert]


def look(group: Group, members: Sequence[Member], route: Route, now_s: float, zones: Zones) -> Outcome:
    """What a group says now. now_s: Unix seconds."""
    seen = _seen(group, members)
    if not route.resolved:
        seen = structs.replace(seen, ended=[])
    held_s = _held(route, [*seen.fresh, *seen.lasting], now_s, zones)
    told = _kept(group, members)
    sent, says = group.sent, []
    change_s, repeat_s = _change_due(seen, group, route, now_s), _repeat_due(seen, group, route, now_s)
    if max(change_s, held_s) <= now_s:
        says.append(_changed(seen, route))
        told, sent, change_s = _after(told, seen, now_s), now_s, NEVER_S
        repeat_s = now_s + route.repeat if route.repeat and _unacknowledged(seen, fresh=True) else NEVER_S
    elif max(repeat_s, held_s) <= now_s:
        says.append(_say("repeat", route.to, seen.lasting, _unacknowledged(seen)))
        sent, repeat_s = now_s, now_s + route.repeat
    told, steps, step_s = _escalated(told, seen, route, now_s, held_s)
    says += steps
    due_s = min(max(each, held_s) if each < NEVER_S else NEVER_S for each in (change_s, repeat_s, step_s))
    recent = sent is not None and _due(sent, route.interval, now_s) > now_s
    if not told and change_s == NEVER_S and not recent:
        return Outcome(None, tuple(says), NEVER_S)
    return Outcome(structs.replace(group, told=told, sent=sent), tuple(says), due_s)


def _seen(group: Group, members: Iterable[Member]) -> _Look:
    seen = _Look([], [], [])
    for member in members:
        alert, told = member.alert, group.told.get(member.alert.key)
        if member.silenced:
            continue
        if alert.over is not None:
            if told is not None and not alert.once:
                seen.ended.append(alert)
        elif told is None or told.token != alert.token:
            seen.fresh.append(alert)
        elif not alert.once:
            seen.lasting.append(alert)
    return seen


def _kept(group: Group, members: Iterable[Member]) -> dict[str, Told]:
    """What was told and still counts: what ended under a silence, or is gone, is forgotten without a word."""
    silenced = {member.alert.key: member.silenced for member in members}
    over = {member.alert.key for member in members if member.alert.over is not None}
    return {key: told for key, told in group.told.items() if key in silenced and not (key in over and silenced[key])}


def _change_due(seen: _Look, group: Group, route: Route, now_s: float) -> float:
    """When news is told; NEVER_S when there is none."""
    times = [alert.news for alert in seen.fresh]
    times += [alert.over for alert in seen.ended if alert.over is not None]
    if not times:
        return NEVER_S
    first_s = _due(min(times), route.wait, now_s)
    return first_s if group.sent is None else max(first_s, _due(group.sent, route.interval, now_s))


def _repeat_due(seen: _Look, group: Group, route: Route, now_s: float) -> float:
    if not route.repeat or group.sent is None or not _unacknowledged(seen):
        return NEVER_S
    return _due(group.sent, route.repeat, now_s)


def _unacknowledged(seen: _Look, *, fresh: bool = False) -> list[Alert]:
    """What lasts and nobody takes care of. fresh: with what was news until now."""
    alerts = [*seen.lasting, *(alert for alert in seen.fresh if fresh and not alert.once)]
    return [alert for alert in alerts if not alert.acknowledged]


def _changed(seen: _Look, route: Route) -> Say:
    reason: NoticeReason = "new" if seen.fresh else "over"
    return _say(reason, route.to, [*seen.fresh, *seen.lasting, *seen.ended], seen.fresh or seen.ended)


def _say(reason: NoticeReason, to: Iterable[str], alerts: Iterable[Alert], fresh: Iterable[Alert]) -> Say:
    keys = frozenset(alert.key for alert in fresh)
    ordered = sorted(
        alerts, key=lambda one: (one.key not in keys, one.over is not None, -RANK[one.severity], one.since)
    )
    return Say(reason=reason, to=tuple(to), alerts=tuple(ordered), fresh=keys)


def _after(told: dict[str, Told], seen: _Look, now_s: float) -> dict[str, Told]:
    """What was told, once the news is."""
    over = {alert.key for alert in seen.ended}
    after = {key: one for key, one in told.items() if key not in over}
    for alert in seen.fresh:
        before = told.get(alert.key)
        after[alert.key] = Told(before.at if before else now_s, alert.token, before.steps if before else 0)
    return after


def _escalated(
    told: dict[str, Told], seen: _Look, route: Route, now_s: float, held_s: float
) -> tuple[dict[str, Told], list[Say], float]:
    """Take the steps that are due; also gives when the next one is."""
    says: list[Say] = []
    next_s, after = NEVER_S, dict(told)
    waiting = [alert for alert in _unacknowledged(seen, fresh=True) if alert.key in told]
    for number, step in enumerate(route.escalate):
        due = []
        for alert in waiting:
            one = after[alert.key]
            if one.steps > number:
                continue
            at_s = _due(one.at, step.after, now_s)
            if max(at_s, held_s) <= now_s:
                due.append(alert)
                after[alert.key] = structs.replace(one, steps=number + 1)
            else:
                next_s = min(next_s, at_s)
        if due:
            says.append(_say("escalated", step.to, due, due))
    return after, says, next_s


def _held(route: Route, alerts: Iterable[Alert], now_s: float, zones: Zones) -> float:
    """Until when nothing is told: the end of the quiet time, or now."""
    if not route.quiet or (route.quiet_for == "warning" and any(one.severity == "critical" for one in alerts)):
        return now_s
    times = opening(route.quiet, now_s, zones)
    return times.changes_s if times.open else now_s


def _due(since_s: float, span_s: float, now_s: float) -> float:
    """The end of a span; now for one that began in the future, by a clock that was set back since."""
    return since_s + span_s if since_s <= now_s else now_s
