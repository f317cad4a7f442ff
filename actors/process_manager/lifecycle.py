"""The life cycle of a workload: one table of state and event. Pure.

Source: s6-supervise, whose life cycle is such a table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from bus.messages import ProcessState

Event = Literal[
    "spawn",  # its process is being spawned
    "wait",  # it is to run, and what it waits for is not there: a dependency, its schedule, its window
    "adopt",  # its process of before was found alive
    "run",  # up, and not ready
    "pass",  # up, and ready
    "sicken",  # up, and its startup or liveness probe failed
    "again",  # ended by itself, or was not spawned: at once again
    "later",  # ended by itself, or was not spawned: again after a delay
    "leave",  # ended by itself; its policy leaves it so
    "loop",  # ended by itself too often
    "stop",  # it is to be down
    "hold",  # it is down, and a person wants it so
    "vanish",  # asked to end, and now gone with its whole tree
]

EVENTS: Final[tuple[Event, ...]] = (
    "spawn", "wait", "adopt", "run", "pass", "sicken", "again", "later", "leave", "loop", "stop", "hold",
    "vanish",
)  # fmt: skip

UP: Final[frozenset[ProcessState]] = frozenset({"starting", "adopted", "running", "ready", "unhealthy"})
"""States with a process that is meant to run."""

DOWN: Final[frozenset[ProcessState]] = frozenset({"stopped", "waiting", "backing_off", "exited", "crash_loop", "held"})
"""States without a process."""

AT_REST: Final[frozenset[ProcessState]] = frozenset({"stopped", "exited", "crash_loop", "held"})
"""Down, and not about to be started by itself."""

_START: Final[Mapping[Event, ProcessState]] = {
    "spawn": "starting",
    "wait": "waiting",
    "stop": "stopped",
    "hold": "held",
}
_ALIVE: Final[Mapping[Event, ProcessState]] = {
    "run": "running",
    "pass": "ready",
    "sicken": "unhealthy",
    "again": "starting",
    "wait": "waiting",
    "later": "backing_off",
    "leave": "exited",
    "loop": "crash_loop",
    "stop": "stopping",
}

MOVES: Final[Mapping[ProcessState, Mapping[Event, ProcessState]]] = {
    # adopt, leave and loop: what a starting node takes over from the one before it
    "stopped": {**_START, "adopt": "adopted", "leave": "exited", "loop": "crash_loop"},
    "waiting": _START,
    "starting": _ALIVE,
    "adopted": _ALIVE,
    "running": _ALIVE,
    "ready": _ALIVE,
    "unhealthy": _ALIVE,
    "stopping": {"stop": "stopping", "vanish": "stopped"},
    "backing_off": _START,
    "exited": _START,
    "crash_loop": _START,
    # adopt: a person held it while its process was on its way down
    "held": {**_START, "adopt": "adopted"},
}
"""What is not here cannot happen; a shell that asks for it has a fault."""


class ImpossibleMove(Exception):
    """An event in a state in which it cannot happen: a fault of the shell."""


def next_state(state: ProcessState, event: Event) -> ProcessState:
    """Give the state after the event, which may be the same.

    Raises: ImpossibleMove.
    """
    after = MOVES[state].get(event)
    if after is None:
        raise ImpossibleMove(f"{event} while {state}")
    return after
