"""Deletes files that can be done without, the oldest first, until there is enough space."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from actors.healer.remedies import Obstacle, Planned, Unfit
from actors.healer.repair import Acted, RepairFailed, Scene
from actors.healer.repairs.paths import matching
from actors.settings import Workload
from actors.settings.units import format_size

_SHOWN = 3


class CleanUp:
    """Applies when a file system that files of `repair.cleanup.paths` lie on has less free than `keep_free`."""

    name = "clean_up"

    def look(self, scene: Scene) -> Planned | Obstacle:
        """What it would delete."""
        allowed = scene.workload.spec.repair.cleanup
        if not allowed.paths:
            return Unfit("its config names nothing under cleanup")
        files = sorted(matching(scene.directory, allowed.paths), key=lambda path: path.stat().st_mtime)
        if not files:
            return Unfit(f"nothing matches {', '.join(allowed.paths)}")
        chosen: list[Path] = []
        tight = {device: lack for device, lack in _lacking(files, allowed.keep_free).items() if lack > 0}
        for path in files:
            device, size = path.stat().st_dev, _size(path)
            if tight.get(device, 0) > 0:
                chosen.append(path)
                tight[device] -= size
        if not chosen:
            return Unfit(f"{allowed.keep_free:.0%} or more is free")
        named = ", ".join(path.name for path in chosen[:_SHOWN])
        more = f" and {len(chosen) - _SHOWN} more" if len(chosen) > _SHOWN else ""
        total = format_size(sum(map(_size, chosen)))
        return Planned(says=f"delete {named}{more} ({total})", detail={str(path): "" for path in chosen})

    def act(self, scene: Scene, planned: Planned) -> Acted:
        """Delete them, and say what is free now."""
        freed = 0
        for text in planned.detail:
            path = Path(text)
            try:
                size = _size(path)
                path.unlink()
                freed += size
            except FileNotFoundError:
                continue
        if not freed:
            raise RepairFailed("there was nothing to delete any more")
        return Acted(says=f"deleted {len(planned.detail)} files, {format_size(freed)}")

    def take_back(self, scene: Scene, undo: Mapping[str, str]) -> Acted:
        """What is deleted cannot be put back."""
        return Acted(says="", then="nothing")

    def timeout_s(self, workload: Workload) -> float:
        """Thousands of files."""
        return 60.0


def _size(path: Path) -> int:
    """Bytes on the disk."""
    return path.stat().st_blocks * 512


def _lacking(files: list[Path], keep_free: float) -> dict[int, int]:
    """Bytes that lack until keep_free, by the device that files lie on."""
    lacking: dict[int, int] = {}
    for path in files:
        device = path.stat().st_dev
        if device not in lacking:
            system = os.statvfs(path.parent)
            lacking[device] = int(keep_free * system.f_blocks - system.f_bavail) * system.f_frsize
    return lacking
