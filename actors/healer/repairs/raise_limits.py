"""Raises the limits of open files and of memory that a workload meets, up to what its config allows."""

from __future__ import annotations

import os
import resource
from typing import Final

from actors.healer.remedies import Obstacle, Planned, Unfit
from actors.healer.repair import Scene
from actors.healer.repairs.overriding import Overriding, override
from actors.settings import format_size
from actors.settings.limits import UNLIMITED, rlimit_of

_OPEN_FILES: Final = "limits.rlimits.nofile"
_MEMORY: Final = "limits.memory_max"
_MEMORY_RLIMITS: Final = ("as", "data", "rss")


class RaiseOpenFiles(Overriding):
    """Applies when it ran out of open files, and may have more."""

    name = "raise_open_files"

    def look(self, scene: Scene) -> Planned | Obstacle:
        """What it would raise the limit to: all that is allowed, as nothing is known of how many it needs."""
        most = scene.workload.spec.repair.open_files_max
        if most is None:
            return Unfit("repair.open_files_max is not set")
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        if os.geteuid() != 0 and hard != resource.RLIM_INFINITY:
            most = min(most, hard)
        now = _open_files(scene)
        if now >= most:
            return Unfit(f"its limit of open files is {now} already, and {most} is allowed")
        return override(scene, f"raise its limit of open files from {now} to {most}", {_OPEN_FILES: str(most)})


class RaiseMemory(Overriding):
    """Applies when it ran out of the memory that its config gives it, and may have more."""

    name = "raise_memory"

    def look(self, scene: Scene) -> Planned | Obstacle:
        """Which limits it would raise, and to what."""
        spec, overrides = scene.workload.spec, scene.row.overrides
        most = spec.repair.memory_max
        if most is None:
            return Unfit("repair.memory_max is not set")
        declared = {f"limits.rlimits.{name}": spec.limits.rlimits.get(name) for name in _MEMORY_RLIMITS}
        now = {key: _soft(key, overrides.get(key, text)) for key, text in declared.items()}
        own = overrides.get(_MEMORY, spec.limits.memory_max)
        now[_MEMORY] = None if own is None else int(own)
        low = {key: value for key, value in now.items() if value is not None and value < most}
        if not low:
            known = any(value is not None for value in now.values())
            return Unfit(f"it may use {format_size(most)} already" if known else "it has no limit of memory")
        says = ", ".join(f"{key} from {format_size(value)}" for key, value in low.items())
        return override(scene, f"raise {says} to {format_size(most)}", dict.fromkeys(low, str(int(most))))


def _open_files(scene: Scene) -> int:
    """The limit that it runs with, or is started with."""
    said = scene.row.overrides.get(_OPEN_FILES, scene.workload.spec.limits.rlimits.get("nofile"))
    soft = _soft(_OPEN_FILES, said)
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0] if soft is None else soft


def _soft(key: str, text: str | None) -> int | None:
    """The soft limit of a text; None when there is none."""
    if text is None:
        return None
    soft = rlimit_of(key.rpartition(".")[2], text)[0]
    return None if soft == UNLIMITED else soft
