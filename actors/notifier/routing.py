"""Which routes an alert takes, which group of each it belongs to, and what silences it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase

from msgspec import Struct

from actors.notifier.model import RANK, Alert, Silence
from actors.settings.alerts import Route


class Way(Struct, frozen=True):
    """A route and what it is known by: the same as long as it leads the same alerts to the same channels."""

    key: str
    route: Route


def ways(routes: Iterable[Route]) -> list[Way]:
    """The routes with their keys; of two that are the same the second gets a key of its own."""
    found: list[Way] = []
    taken: dict[str, int] = {}
    for route in routes:
        parts = (route.to, route.severity, route.types, route.subjects, route.tags, route.group_by)
        key = repr(parts)
        taken[key] = taken.get(key, 0) + 1
        found.append(Way(f"{key}#{taken[key]}", route))
    return found


def taken_by(alert: Alert, all_ways: Sequence[Way]) -> Iterator[Way]:
    """The first route that fits, and those after it as long as they say `continue`."""
    for way in all_ways:
        if fits(way.route, alert):
            yield way
            if not way.route.go_on:
                return


def fits(route: Route, alert: Alert) -> bool:
    """Whether a route is for this alert."""
    return (
        RANK[alert.severity] >= RANK[route.severity]
        and (not route.types or alert.alert_type in route.types)
        and _named(route.subjects, alert)
        and set(route.tags) <= set(alert.tags)
    )


def group_key(way: Way, alert: Alert) -> str:
    """What the alerts of one message have in common."""
    values = {"type": alert.alert_type, "severity": alert.severity, "subject": alert.subject}
    labels = "|".join(values[each] for each in way.route.group_by)
    return f"{way.key}|{labels}"


def silence_of(alert: Alert, silences: Iterable[Silence], now_s: float) -> Silence | None:
    """The silence that covers an alert."""
    return next((one for one in silences if now_s < one.until and _covers(one, alert)), None)


def _covers(silence: Silence, alert: Alert) -> bool:
    return (
        (not silence.types or alert.alert_type in silence.types)
        and _named(silence.subjects, alert)
        and set(silence.tags) <= set(alert.tags)
    )


def _named(patterns: Sequence[str], alert: Alert) -> bool:
    return not patterns or any(fnmatchcase(name, pattern) for name in alert.names for pattern in patterns)


def words_of(silence: Silence) -> str:
    """What a silence is about, for people."""
    parts = [*silence.subjects, *(f"type {each}" for each in silence.types), *(f"@{tag}" for tag in silence.tags)]
    return ", ".join(parts) or "everything"
