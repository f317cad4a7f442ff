"""What no single key of `alerts` can show: names that are none, channels that are not there. Pure."""

from collections.abc import Iterator
from typing import get_args

from actors.settings.alerts import AlertSettings
from actors.settings.faults import At, Fault, suggest
from actors.settings.node import NAME_ALLOWED, is_name


def alert_faults(alerts: AlertSettings, at: At) -> Iterator[Fault]:
    """Give what does not fit together."""
    for name in alerts.channels:
        if not is_name(name):
            yield at(f"alerts.channels.{name}", f'"{name}" is no name', NAME_ALLOWED)
    for key, name in alerts.named():
        if name not in alerts.channels:
            known = suggest(name, list(alerts.channels)) or "none, as alerts.channels is empty"
            yield at(f"alerts.{key}", f'no channel "{name}"', known)
    yield from _type_faults(alerts, at)
    for place, route in enumerate(alerts.routes):
        times = [step.after for step in route.escalate]
        if times != sorted(times):
            key = f"alerts.routes[{place}].escalate"
            yield at(key, "a later step comes sooner", "steps in the order of their times")


def _type_faults(alerts: AlertSettings, at: At) -> Iterator[Fault]:
    named = [
        (f"alerts.routes[{place}].types[{number}]", word)
        for place, route in enumerate(alerts.routes)
        for number, word in enumerate(route.types)
    ]
    if not named:
        return
    from bus.messages import AlertType  # noqa: PLC0415 - most configs name none, and the bus is slow to load

    known = get_args(AlertType)
    for key, word in named:
        if word not in known:
            yield at(key, f'unknown type "{word}"', suggest(word, known))
