"""What the ProcessManager's parts share: their ways into the world. Pure."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from actors.process_manager.cgroups import Groups
from actors.process_manager.exits import ExitWatcher
from actors.process_manager.gate import Extras
from actors.process_manager.life import Launch
from actors.process_manager.notify import Notices
from actors.process_manager.oom import OutOfMemory
from actors.process_manager.probing import Question
from actors.process_manager.processes import Processes
from actors.process_manager.store import Store
from actors.settings import Workload


class Tools(Struct, frozen=True, kw_only=True):
    """The Keeper's ways into the world. chance: from 0 to 1. launch: prepares the spawns of a workload."""

    store: Store
    watcher: ExitWatcher
    table: Processes
    boot: str
    question: Question
    chance: Callable[[], float]
    launch: Callable[[Workload], Launch]
    node: str
    notices: Notices
    groups: Groups
    oom: OutOfMemory
    listens: Callable[[Workload], Extras] = lambda _: Extras()
    """The sockets of a workload; raises SpawnFailed."""
