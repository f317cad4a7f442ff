"""Which actors a node runs: the one list to edit, and the ways in for actors from outside."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import msgspec

from actors.base import Actor, handlers_of
from actors.executor.actor import Executor
from actors.gateway.actor import Gateway
from actors.goal_planner.actor import GoalPlanner
from actors.healer.actor import Healer
from actors.imports import load_class
from actors.monitor.actor import Monitor
from actors.nodes.actor import Nodes
from actors.notifier.actor import Notifier
from actors.optimizer.actor import Optimizer
from actors.process_manager.actor import ProcessManager
from actors.reconciler.actor import Reconciler
from actors.settings import Settings
from actors.shell import Child

BUILT_IN: tuple[type[Actor[Any]], ...] = (
    Gateway,  # first: it imports most, while the others start
    Nodes,
    Notifier,  # soon: it hears of what the others find
    GoalPlanner,
    Optimizer,
    Healer,
    Monitor,
    Executor,
    Reconciler,
    ProcessManager,  # last: whoever listens is there before the first workload starts
)
"""In start order; they are stopped in reverse."""

ENTRY_POINTS = "gyrostat.actors"
"""The entry point group under which an installed package offers actors."""


def load_actor(use: str) -> type[Actor[Any]]:
    """The actor class at an import path `module:Class`, checked.

    Raises ValueError with one line that says what is wrong with it.
    """
    kind = load_class(use)
    if not issubclass(kind, Actor):
        msg = f"{use!r} is no subclass of actors.base.Actor"
        raise ValueError(msg)  # noqa: TRY004 - a fault of the config, as the others are
    try:
        handlers_of(kind)
    except TypeError as error:
        raise ValueError(str(error)) from error
    return kind


class Roster:
    """Actor classes by name: built-in, installed (entry points), and those the config names.

    root: the config file's directory, put at the end of the import path so that a plug-in may lie beside the config.
    """

    def __init__(self, root: Path | None = None) -> None:
        if root is not None and str(root) not in sys.path:
            sys.path.append(str(root))
        self._kinds: dict[str, type[Actor[Any]]] = {kind.name: kind for kind in BUILT_IN}
        self.faults: list[str] = []
        for point in entry_points(group=ENTRY_POINTS):
            try:
                self._add(point.name, load_actor(point.value))
            except ValueError as error:
                self.faults.append(f"entry point {point.name} of {ENTRY_POINTS}: {error}")

    @property
    def settings_types(self) -> Mapping[str, type[msgspec.Struct]]:
        """The settings type of every actor known so far, by actor name."""
        return {name: kind.Settings for name, kind in self._kinds.items()}

    def resolve(self, name: str, use: str) -> type[msgspec.Struct]:
        """Take in the actor a config names by import path; gives its settings type. Raises ValueError."""
        kind = load_actor(use)
        self._add(name, kind)
        return kind.Settings

    def children(self, settings: Settings, only: Collection[str] | None = None) -> list[Child]:
        """The actors to run with their settings: those from outside first, then ours in start order.

        only: names of those that are wanted; None for all.
        """
        names = [name for name in self._kinds if name not in {kind.name for kind in BUILT_IN}]
        names += [kind.name for kind in BUILT_IN]
        return [
            Child(self._kinds[name], settings.actors[name].settings)
            for name in names
            if name in settings.actors and settings.actors[name].enabled and (only is None or name in only)
        ]

    def _add(self, name: str, kind: type[Actor[Any]]) -> None:
        if name != kind.name:
            msg = f"the actor is called {kind.name!r} by its class and {name!r} here; use its own name"
            raise ValueError(msg)
        known = self._kinds.get(name)
        if known is not None and known is not kind:
            msg = f"there is an actor {name!r} already: {known.__module__}:{known.__name__}"
            raise ValueError(msg)
        self._kinds[name] = kind
