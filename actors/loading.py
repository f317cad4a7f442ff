"""Reads and checks a config without its actors: of each only the module of its settings is imported.

What runs a node takes actors.node.load_node, which brings the actors as well; this takes a fifth of a second less.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final

import msgspec

import actors
from actors.scales import read_scales
from actors.settings import ConfigError, Settings, check_machine, load
from actors.settings.load import root_of

ENTRY_POINTS: Final = "gyrostat.actors"
"""The entry point group under which an installed package offers actors."""

Types = Mapping[str, type[msgspec.Struct]]


def settings_types(root: Path | None = None) -> Types:
    """The settings type of every built-in and installed actor, by name.

    root: directory of a config, beside which what an installed package needs may lie.
    """
    if entry_points(group=ENTRY_POINTS):
        from actors.roster import Roster  # noqa: PLC0415 - brings every actor, which is needed for this only

        return Roster(root).settings_types
    return built_in_types()


def built_in_types() -> Types:
    """The settings type of every built-in actor: `<Name>Settings` in the settings room of each subsystem."""
    found: dict[str, type[msgspec.Struct]] = {}
    for folder in pkgutil.iter_modules(actors.__path__):
        home = Path(actors.__path__[0], folder.name)
        if folder.ispkg and (home / "actor.py").is_file() and (home / "settings.py").is_file():
            module = importlib.import_module(f"actors.{folder.name}.settings")
            found[folder.name] = getattr(module, f"{folder.name.title().replace('_', '')}Settings")
    return found


def load_settings(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """Read the config and check whether this machine can run it, as a node would.

    Raises: ConfigError with every fault.
    """
    root = root_of(path)
    if entry_points(group=ENTRY_POINTS):
        from actors.node import load_node  # noqa: PLC0415 - knows what else can be wrong with an installed actor

        return load_node(path, environ)[0]

    def resolve(name: str, use: str) -> type[msgspec.Struct]:
        from actors.roster import Roster  # noqa: PLC0415 - for an actor of the operator's own only

        return Roster(root).resolve(name, use)

    try:
        settings = load(path, actor_types=built_in_types(), resolve=resolve, environ=environ, scales=read_scales)
    except ConfigError as error:
        found = check_machine(error.partial) if isinstance(error.partial, Settings) else []
        raise ConfigError([*error.faults, *found]) from None
    if faults := check_machine(settings):
        raise ConfigError(faults)
    return settings
