"""Reads the sections: node, mode, workloads, tasks, datasets, alerts, actors. Pure, but for the caller's `resolve`."""

import contextlib
from collections.abc import Callable, Collection, Mapping
from typing import Final

from msgspec import Struct, structs

from actors.settings.alerts import AlertSettings
from actors.settings.faults import suggest
from actors.settings.node import NAME_ALLOWED, ActorSettings, NodeSettings, StructT, is_name
from actors.settings.reading import BAD, Reading
from actors.settings.scalars import what
from actors.settings.structs import refuse_key
from actors.settings.tree import Scalar, Table, Tree
from actors.settings.walk import reader
from actors.settings.workloads import RunMode, WorkloadSettings

SECTIONS: Final = ("node", "mode", "workloads", "tasks", "datasets", "alerts", "actors")

Resolve = Callable[[str, str], type[Struct]]
"""Gives the settings type of an actor of the operator, from its name and import path. Raises: ValueError."""


class ActorTypes(Struct, frozen=True):
    """Where the settings type of an actor comes from."""

    known: Mapping[str, type[Struct]]
    """Name of each built-in or installed actor -> its type."""

    resolve: Resolve | None
    """Gives the type of an actor of the operator; None: there cannot be any."""


class NoSettings(Struct, frozen=True):
    """Of an actor of the operator that is switched off: its module is not imported."""


class _Switch(Struct, frozen=True, kw_only=True):
    """The keys of an actor that are not its own."""

    use: str | None = None
    enabled: bool = True


_SWITCHES: Final = ("use", "enabled")


def check_sections(reading: Reading, table: Table) -> None:
    """Note sections that nobody reads."""
    for name, tree in table.entries.items():
        reading.origins[name] = tree.origin
        if name in SECTIONS:
            continue
        near = next((section for section in SECTIONS if name.startswith(f"{section}_")), None)
        if tree.origin.variable and near is not None:
            meant = tree.origin.variable.replace(f"{near.upper()}_", f"{near.upper()}__", 1)
            reading.refuse(tree, name, "unknown key", f"did you mean {meant}?")
        else:
            refuse_key(reading, tree, name, list(SECTIONS))


def read_node(reading: Reading, table: Table) -> NodeSettings | None:
    """Read the node section; None when it has faults."""
    node = reader(NodeSettings)(reading, _section(table, "node"), "node")
    return node if isinstance(node, NodeSettings) else None


def read_mode(reading: Reading, table: Table) -> RunMode:
    """Read the mode; live when it is absent or has a fault."""
    tree = table.entries.get("mode")
    mode = reader(RunMode)(reading, tree, "mode") if tree is not None else "live"
    return mode if mode == "sandbox" or mode == "dual" else "live"  # noqa: PLR1714 - mypy narrows no set


def read_alerts(reading: Reading, table: Table) -> AlertSettings:
    """Read who is told what; nobody when it has faults."""
    alerts = reader(AlertSettings)(reading, _section(table, "alerts"), "alerts")
    return alerts if isinstance(alerts, AlertSettings) else AlertSettings()


_STAND_IN: Final = ["/bin/sh"]
"""Command of a workload whose own has a fault, while the rest of it is checked; it is never run."""


def salvage(reading: Reading, names: Collection[str]) -> dict[str, WorkloadSettings]:
    """Give the workloads with faults as far as they can be read, for further checks only."""
    found: dict[str, WorkloadSettings] = {}
    for name in names:
        parts = reading.good_parts.get(f"workloads.{name}")
        if parts is not None and is_name(name):
            with contextlib.suppress(ValueError, TypeError):
                found[name] = WorkloadSettings(**{"command": _STAND_IN, **parts})  # type: ignore[arg-type]
    return found


def read_workloads(reading: Reading, table: Table) -> tuple[dict[str, WorkloadSettings], set[str]]:
    """Read the workloads; gives those without faults, and the names of all."""
    read = reader(WorkloadSettings)
    entries = _entries(reading, table, "workloads")
    workloads: dict[str, WorkloadSettings] = {}
    for name, tree in entries.items():
        key = f"workloads.{name}"
        reading.origins[key] = tree.origin
        spec = read(reading, tree, key)
        if not is_name(name):
            reading.refuse(tree, key, f'"{name}" is no name', NAME_ALLOWED)
        elif isinstance(spec, WorkloadSettings):
            workloads[name] = spec
    return workloads, set(entries)


def read_named(reading: Reading, table: Table, section: str, kind: type[StructT]) -> dict[str, StructT]:
    """Read a section of names with settings of one type; gives those without faults."""
    found: dict[str, StructT] = {}
    for name, tree in _entries(reading, table, section).items():
        key = f"{section}.{name}"
        reading.origins[key] = tree.origin
        settings = reader(kind)(reading, tree, key)
        if not is_name(name):
            reading.refuse(tree, key, f'"{name}" is no name', NAME_ALLOWED)
        elif isinstance(settings, kind):
            found[name] = settings
    return found


def read_actors(reading: Reading, table: Table, types: ActorTypes) -> dict[str, ActorSettings]:
    """Read the actors: the built-in and installed ones with their defaults, and those of the operator."""
    entries = _entries(reading, table, "actors")
    absent = _section(table, "actors")
    found: dict[str, ActorSettings] = {}
    for name in dict.fromkeys((*types.known, *entries)):
        tree = entries.get(name, Table({}, absent.origin))
        reading.origins.setdefault(f"actors.{name}", tree.origin)
        actor = _read_actor(reading, tree, name, types)
        if actor is not None:
            found[name] = actor
    return found


def _read_actor(reading: Reading, tree: Tree, name: str, types: ActorTypes) -> ActorSettings | None:
    key = f"actors.{name}"
    if not is_name(name):
        reading.refuse(tree, key, f'"{name}" is no name', NAME_ALLOWED)
        return None
    if isinstance(tree, Scalar) and tree.is_null():
        tree = Table({}, tree.origin)
    if not isinstance(tree, Table):
        reading.refuse(tree, key, what(tree), "a mapping with the settings of the actor")
        return None
    own = {each: value for each, value in tree.entries.items() if each not in _SWITCHES}
    switches = {each: value for each, value in tree.entries.items() if each in _SWITCHES}
    switch = reader(_Switch)(reading, Table(switches, tree.origin), key)
    if not isinstance(switch, _Switch):
        return None
    if switch.use is not None and not switch.enabled:
        return ActorSettings(use=switch.use, enabled=False, settings=NoSettings())
    kind = _kind(reading, tree, name, switch.use, types)
    settings = _read_settings(reading, structs.replace(tree, entries=own), key, kind) if kind is not None else BAD
    if not isinstance(settings, Struct):
        return None
    return ActorSettings(use=switch.use, enabled=switch.enabled, settings=settings)


def _kind(reading: Reading, tree: Table, name: str, use: str | None, types: ActorTypes) -> type[Struct] | None:
    """Give the settings type of an actor; None when there is none, which is then a fault."""
    if use is None:
        if name not in types.known:
            guess = suggest(name, list(types.known))
            near = guess if guess.startswith("did you mean") else f"use: module:Class, or one of {guess}"
            reading.refuse(tree, f"actors.{name}", f'unknown actor "{name}"', near)
        return types.known.get(name)
    at = tree.entries["use"]
    if types.resolve is None:
        reading.refuse(at, f"actors.{name}.use", "actors of your own cannot be used here")
        return None
    try:
        return types.resolve(name, use)
    except ValueError as error:
        reading.refuse(at, f"actors.{name}.use", " ".join(str(error).split()))
        return None


def _read_settings(reading: Reading, tree: Table, key: str, kind: type[Struct]) -> object:
    """Read an actor's own settings; a type that cannot be read is a fault of the actor, not of this program."""
    taken = [field.encode_name for field in structs.fields(kind) if field.encode_name in _SWITCHES]
    if taken:
        return reading.refuse(tree, key, f'{kind.__name__} has a field "{taken[0]}", which every actor has already')
    try:
        return reader(kind)(reading, tree, key)
    except TypeError as error:
        return reading.refuse(tree, key, " ".join(str(error).split()))


def _section(table: Table, name: str) -> Tree:
    return table.entries.get(name, Table({}, table.origin))


def _entries(reading: Reading, table: Table, name: str) -> dict[str, Tree]:
    tree = _section(table, name)
    if isinstance(tree, Table):
        return tree.entries
    if not (isinstance(tree, Scalar) and tree.is_null()):
        reading.refuse(tree, name, what(tree), "a mapping: {name: settings}")
    return {}
