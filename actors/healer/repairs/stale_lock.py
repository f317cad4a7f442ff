"""Removes a lock or pid file that an ended process left behind."""

from __future__ import annotations

import fcntl
from collections.abc import Mapping
from pathlib import Path

import psutil

from actors.healer.holders import who_has_open
from actors.healer.remedies import NotNow, Obstacle, Planned, Unfit
from actors.healer.repair import Acted, RepairFailed, Scene
from actors.healer.repairs.paths import inside
from actors.settings import Workload

_PID_BYTES = 32


class ClearLock:
    """Applies to a file of `repair.stale_locks` that is there and that nobody holds.

    Held is: the pid that it names lives, somebody has it locked (flock, fcntl), or a process has it open.
    """

    name = "clear_lock"

    def look(self, scene: Scene) -> Planned | Obstacle:
        """What it would remove."""
        named = scene.workload.spec.repair.stale_locks
        if not named:
            return Unfit("its config names no stale_locks")
        there = [path for path in (inside(scene.directory, name) for name in named) if path.is_file()]
        if not there:
            return Unfit(f"none of {', '.join(named)} is there")
        held = {path: why for path in there if (why := holder_of(path))}
        free = [path for path in there if path not in held]
        if not free:
            return NotNow("; ".join(f"{path.name} is held: {why}" for path, why in held.items()))
        texts = {str(path): path.read_text(errors="surrogateescape") for path in free}
        return Planned(says=f"remove {', '.join(path.name for path in free)}, which nobody holds", undo=texts)

    def act(self, scene: Scene, planned: Planned) -> Acted:
        """Remove them; each is looked at once more just before."""
        for text in planned.undo:
            path = Path(text)
            if why := holder_of(path):
                raise RepairFailed(f"{path.name} is held again: {why}")
            path.unlink(missing_ok=True)
        return Acted(says=planned.says.replace("remove", "removed", 1))

    def take_back(self, scene: Scene, undo: Mapping[str, str]) -> Acted:
        """Put the files back, unless there are new ones."""
        for path, text in undo.items():
            if not Path(path).exists():
                Path(path).write_text(text, errors="surrogateescape")
        return Acted(says=f"put back {', '.join(Path(path).name for path in undo)}", then="nothing")

    def timeout_s(self, workload: Workload) -> float:
        """Files only."""
        return 5.0


def holder_of(path: Path) -> str:
    """Who holds a lock file, in words; empty when nobody does or the file is gone."""
    try:
        with path.open("rb") as file:
            text = file.read(_PID_BYTES).split()
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                fcntl.flock(file, fcntl.LOCK_UN)
            except BlockingIOError:
                return "somebody has it locked"
    except FileNotFoundError:
        return ""
    pid = int(text[0]) if text and text[0].isdigit() else 0
    if pid > 0 and psutil.pid_exists(pid):
        return f"pid {pid} lives"
    opened = who_has_open(path)
    return f"pid {opened[0]} has it open" if opened else ""
