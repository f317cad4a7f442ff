"""Starts the actors of a node left to right, stops them right to left, and knows how each is."""

from __future__ import annotations

from collections.abc import Iterable

import pykka

from actors.base import NodeView
from actors.clock import Clock
from actors.intensity import Intensity
from actors.log import Log
from actors.shell import Child, DeadLetter, Shell
from bus.hub import Bus
from bus.messages import ActorRow

STOP_TIMEOUT_S = 10.0
"""Seconds an actor may take for the message in its hands before the node goes on without waiting."""


class Supervisor:
    """Owns the shells. A shell restarts its behaviour in place; one that is given up leaves the others running."""

    def __init__(self, bus: Bus, clock: Clock, intensity: Intensity | None = None) -> None:
        self._bus = bus
        self._clock = clock
        self._intensity = intensity or Intensity()
        self._shells: dict[str, Shell] = {}
        self._log = Log("supervisor")

    def start(self, children: Iterable[Child], node: NodeView) -> None:
        """Start the actors in order; each begins in its own thread. A name that is there twice is a ValueError.

        All take commands before the first begins, so that nobody is told that there is no such actor.
        """
        for child in children:
            if child.kind.name in self._shells:
                msg = f"two actors are called {child.kind.name!r}"
                raise ValueError(msg)
            self._shells[child.kind.name] = Shell(child, node, self._bus, self._clock, self._intensity)
        for shell in self._shells.values():
            shell.serve()
        for shell in self._shells.values():
            shell.begin()

    def reload(self, children: Iterable[Child], node: NodeView) -> None:
        """Hand new settings to the running actors; starting and ending actors takes a restart of the node."""
        for child in children:
            shell = self._shells.get(child.kind.name)
            if shell is not None:
                shell.reload(node, child.settings)

    def rows(self) -> list[ActorRow]:
        """The figures of every actor, in start order."""
        return [shell.row() for shell in self._shells.values()]

    def dead_letters(self, name: str) -> list[DeadLetter]:
        """The newest dead letters of one actor."""
        return list(self._shells[name].letters)

    def stop(self) -> None:
        """Stop the actors, the last started first; what waits in their inboxes is refused."""
        for name, shell in reversed(self._shells.items()):
            try:
                shell.actor_ref.stop(block=False)
            except pykka.ActorDeadError:
                continue
            if not shell.stopped.wait(STOP_TIMEOUT_S):
                self._log.warning("actor.stop_timed_out", actor=name)
        self._shells.clear()
