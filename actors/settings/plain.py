"""Settings as plain values that YAML can hold, for `config show`. Pure."""

import re
from collections.abc import Mapping
from enum import Enum
from pathlib import PurePath
from typing import Final

from msgspec import Struct, structs

from actors.settings.node import ActorSettings, Settings
from actors.settings.thresholds import Threshold
from actors.settings.units import Bytes, Seconds, Share, Unit, format_duration, format_size

HIDDEN: Final = "***"
_SECRET: Final = re.compile(r"PASSWORD|SECRET|TOKEN|KEY", re.IGNORECASE)
_SECRET_FIELD: Final = re.compile(r"password|secret|token|api_?key|webhook", re.IGNORECASE)


def to_plain(settings: Settings) -> dict[str, object]:
    """Give the configuration in effect, every default filled in, in the shape of the file.

    Values of environment variables and of actors' settings whose name says they are secret are shown as ***.
    """
    return {
        "node": _plain(settings.node),
        "mode": settings.mode,
        "workloads": {name: _plain(spec) for name, spec in settings.declared.items()},
        "tasks": {name: _plain(kind) for name, kind in settings.tasks.items()},
        "datasets": {name: _plain(one) for name, one in settings.datasets.items()},
        "alerts": _plain(settings.alerts),
        "actors": {name: _actor(actor) for name, actor in settings.actors.items()},
    }


def plain_of(value: Struct) -> object:
    """Give one part of the settings as to_plain gives it."""
    return _actor(value) if isinstance(value, ActorSettings) else _plain(value)


def plain_value(value: object) -> object:
    """Give one value as YAML can hold it: quantities with their unit."""
    return _plain(value)


def _actor(actor: ActorSettings) -> dict[str, object]:
    switches = {"use": actor.use} if actor.use is not None else {}
    own = {
        field.encode_name: _masked(field.encode_name, getattr(actor.settings, field.name), _SECRET_FIELD)
        for field in structs.fields(actor.settings)
    }
    return {**switches, "enabled": actor.enabled, **own}


def _plain(value: object) -> object:  # noqa: PLR0911 - one line for each kind of value
    if isinstance(value, Threshold):
        return _threshold(value)
    if isinstance(value, Struct):
        hidden = getattr(value, "hidden", ())
        return {
            field.encode_name: _hidden(found) if field.name in hidden else _field(field.name, found)
            for field in structs.fields(value)
            for found in (getattr(value, field.name),)
        }
    if isinstance(value, Mapping):
        return {str(_plain(key)): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, set | frozenset):
        return sorted((_plain(each) for each in value), key=str)
    if isinstance(value, Enum):
        return value.value
    return _quantity(value)


def _field(name: str, value: object) -> object:
    return _environment(value) if name == "env" else _plain(value)


def _hidden(value: object) -> object:
    """Give what stands for a secret; nothing where there is none. `hidden` of a type names such fields."""
    if isinstance(value, Mapping):
        return dict.fromkeys(value, HIDDEN)
    return HIDDEN if value else value


def _quantity(value: object) -> object:
    """Give a quantity with its unit where that says exactly the same, else the bare number."""
    if isinstance(value, Seconds):
        text = format_duration(value)
        return text if Seconds.parse(text) == value else float(value)
    if isinstance(value, Bytes):
        text = format_size(value)
        return text if Bytes.parse(text) == value else int(value)
    if isinstance(value, Share):
        return float(value)
    return str(value) if isinstance(value, PurePath) else value


def _threshold(threshold: Threshold) -> dict[str, object]:
    limits = {"above": threshold.above, "below": threshold.below, "clear": threshold.clear}
    return {
        **{name: _level(limit, threshold.unit) for name, limit in limits.items() if limit is not None},
        "for": _quantity(threshold.for_),
        "severity": threshold.severity,
    }


def _level(limit: float, unit: Unit | None) -> object:
    if unit == "percent":
        return f"{limit:.12g}%"
    if unit == "bytes":
        text = _quantity(Bytes(limit))
        return text if isinstance(text, str) else f"{text}B"
    if unit == "seconds":
        text = _quantity(Seconds(limit))
        return text if isinstance(text, str) else f"{text}s"
    return float(limit)


def _environment(env: object) -> object:
    if not isinstance(env, Mapping):
        return _plain(env)
    return {name: _masked(str(name), value, _SECRET) for name, value in env.items()}


def _masked(name: str, value: object, secret: re.Pattern[str]) -> object:
    return HIDDEN if isinstance(value, str) and value and secret.search(name) else _plain(value)
