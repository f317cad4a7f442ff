"""Has the rotated files of a workload's own log compressed at once, when those are what fills the disk."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from actors.healer.remedies import Obstacle, Planned, Unfit
from actors.healer.repair import Acted, Scene
from actors.settings import Workload
from actors.settings.units import format_size
from bus.messages.mending import RotateLog

_BLOCK_BYTES: Final = 512
_WORTH_BYTES: Final = 64_000
"""What compressing has to be able to give; less is noise."""
_SHARE: Final = 0.1
"""Part of what is used on the disk, from which on the log is what fills it."""


class RotateLogs:
    """Applies when the disk of the logs has less free than `cleanup.keep_free`, and its own log takes much of it.

    Also, however full the disk is, against `log_rate`. The lines stay: `gyrostat logs` reads compressed files, too.
    """

    name = "rotate_logs"

    def look(self, scene: Scene) -> Planned | Obstacle:
        """What would be compressed."""
        path, policy = Path(scene.row.log_path), scene.workload.spec.log
        names = [path.with_name(f"{path.name}.{number}") for number in range(2, policy.keep + 1)]
        plain = {name: _size(name) for name in names if name.exists()}
        current = _size(path) if path.exists() else 0
        due = current >= policy.max_size
        if sum(plain.values()) < _WORTH_BYTES and not due:
            return Unfit("nothing of its log is left to be compressed")
        newest = path.with_name(f"{path.name}.1")
        own = current + sum(plain.values()) + (_size(newest) if newest.exists() else 0)
        why = "" if scene.issue.cause.metric == "log_rate" else _not_in_the_way(path, own, scene)
        if why:
            return Unfit(why)
        what = [*([f"rotate {path.name} ({format_size(current)})"] if due else []), *_said(plain)]
        return Planned(says=" and ".join(what))

    def act(self, scene: Scene, planned: Planned) -> Acted:
        """Have the ProcessManager do it, whose files they are."""
        return Acted(says=planned.says, command=RotateLog(name=scene.workload.name, why=planned.says))

    def take_back(self, scene: Scene, undo: Mapping[str, str]) -> Acted:
        """Nothing is lost, and there is no room for it."""
        return Acted(says="", then="nothing")

    def timeout_s(self, workload: Workload) -> float:
        """A command only."""
        return 5.0


def _not_in_the_way(path: Path, own: int, scene: Scene) -> str:
    """Why the log is not what fills the disk, or empty. own: bytes that it takes."""
    system = os.statvfs(path.parent)
    keep_free = scene.workload.spec.repair.cleanup.keep_free
    if system.f_bavail >= keep_free * system.f_blocks:
        return f"{keep_free:.0%} or more is free where the logs are"
    used = (system.f_blocks - system.f_bfree) * system.f_frsize
    return "" if own >= _SHARE * used else f"its log takes {own / max(1, used):.0%} of what is used of the disk only"


def _said(plain: Mapping[Path, int]) -> list[str]:
    total = format_size(sum(plain.values()))
    return [f"compress {', '.join(name.name for name in plain)} ({total})"] if plain else []


def _size(path: Path) -> int:
    """Bytes on the disk."""
    return path.stat().st_blocks * _BLOCK_BYTES
