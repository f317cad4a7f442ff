"""From files, environment and flags to settings: defaults < file < environment < flags, every fault at once."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from msgspec import Struct

from actors.settings.alert_faults import alert_faults
from actors.settings.crosscheck import cross_faults
from actors.settings.dataset_faults import dataset_faults, leader_faults
from actors.settings.datasets import DatasetSettings
from actors.settings.faults import At, ConfigError, Fault, fault_at, origin_of
from actors.settings.mentions import mention_faults
from actors.settings.modes import resolve as resolve_modes
from actors.settings.node import NodeSettings, Settings
from actors.settings.overlay import GIVEN
from actors.settings.reading import Reading
from actors.settings.scale import Scale, scaled
from actors.settings.sections import (
    ActorTypes,
    Resolve,
    check_sections,
    read_actors,
    read_alerts,
    read_mode,
    read_named,
    read_node,
    read_workloads,
    salvage,
)
from actors.settings.source import read_tree
from actors.settings.tasks import TaskKind
from actors.settings.tree import Table

NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


def load(
    path: Path | None,
    *,
    actor_types: Mapping[str, type[Struct]],
    resolve: Resolve | None,
    environ: Mapping[str, str],
    overrides: Mapping[str, str] = NOTHING,
    scales: Callable[[Path], Mapping[str, Scale]] | None = None,
) -> Settings:
    """Read the configuration. What only the machine can tell is asked of checks.check_machine afterwards.

    path: the file; None: defaults, environment and flags only, relative to the current directory.
    actor_types: name of each built-in or installed actor -> type of its settings.
    resolve: gives the type for `use: module:Class`; its ValueError becomes a fault at that line.
    overrides: dotted key -> text, from flags.
    scales: gives the numbers of instances that are kept in the state directory.

    Raises: ConfigError with every fault, in the order of the file.
    """
    root = root_of(path)
    reading = Reading(root)
    table = read_tree(path, environ, overrides, reading.faults)
    check_sections(reading, table)
    node = read_node(reading, table)
    mode = read_mode(reading, table)
    declared, names = read_workloads(reading, table)
    tasks = read_named(reading, table, "tasks", TaskKind)
    datasets = read_named(reading, table, "datasets", DatasetSettings)
    alerts = read_alerts(reading, table)
    actors = read_actors(reading, table, ActorTypes(actor_types, resolve))

    at = _at(reading, table)
    present = {**declared, **salvage(reading, names)}
    half_read = {key.split(".")[1] for key in reading.origins if key.startswith("tasks.")}
    kinds = {**dict.fromkeys(half_read), **tasks}
    reading.faults.extend(cross_faults(present, names, at, partial=present.keys() - declared.keys(), tasks=kinds))
    reading.faults.extend((*dataset_faults(datasets, kinds, at), *alert_faults(alerts, at)))
    reading.faults.extend(leader_faults({name: one.settings for name, one in actors.items()}, at))
    reading.faults.extend(mention_faults(actors, present, names, at))
    kept = scales(root / (node or NodeSettings()).state_dir) if scales is not None else {}
    resolved = resolve_modes(scaled(present, kept), mode, root, at)
    reading.faults.extend(resolved.faults)
    settings = Settings(
        node=node or NodeSettings(),
        mode=mode,
        workloads=resolved.workloads,
        left_out=resolved.left_out,
        declared=present,
        tasks=tasks,
        datasets=datasets,
        alerts=alerts,
        actors=actors,
        path=path.absolute() if path is not None else None,
        root=root,
        origins=reading.origins,
    )
    if reading.faults or node is None:
        raise ConfigError(reading.faults, settings)
    return settings


def _at(reading: Reading, table: Table) -> At:
    """What makes a fault of a key, a problem and what is allowed, with the place where the key stands."""

    def at(key: str, problem: str, allowed: str) -> Fault:
        return fault_at(origin_of(reading.origins, key, table.origin), key, problem, allowed)

    return at


def peek_state_dir(path: Path | None, environ: Mapping[str, str]) -> tuple[str, Path, Path]:
    """Give the node's name, state_dir and run_dir (absolute) without looking at what follows the node section.

    Raises: ConfigError when the file cannot be read, or for a fault in the node section.
    """
    settings = Settings(node=peek_node(path, environ), root=root_of(path))
    return settings.node.name, settings.state_dir, settings.run_dir


def peek_node(path: Path | None, environ: Mapping[str, str]) -> NodeSettings:
    """Give the node section without looking at what follows it.

    Raises: ConfigError as peek_state_dir does.
    """
    found: list[Fault] = []
    node_only = {
        name: text for name, text in environ.items() if name == GIVEN or f"{name}__".startswith("GYROSTAT_NODE__")
    }
    table = read_tree(path, node_only, NOTHING, found, "node")
    reading = Reading()
    node = read_node(reading, table)
    if node is None:
        raise ConfigError(reading.faults)
    return node


def root_of(path: Path | None) -> Path:
    """Give the directory that relative paths start from, absolute."""
    return path.absolute().parent if path is not None else Path.cwd()
