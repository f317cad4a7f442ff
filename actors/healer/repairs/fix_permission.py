"""Gives files and directories the declared permissions back."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path

from actors.healer.remedies import Obstacle, Planned, Unfit
from actors.healer.repair import Acted, Scene
from actors.healer.repairs.paths import inside
from actors.settings import Workload


class FixPermission:
    """Applies when a path of `repair.permissions` has other permissions than are declared."""

    name = "fix_permission"

    def look(self, scene: Scene) -> Planned | Obstacle:
        """What it would change."""
        named = scene.workload.spec.repair.permissions
        if not named:
            return Unfit("its config names no permissions")
        said, undo, detail = [], {}, {}
        for name, mode in named.items():
            path = inside(scene.directory, name)
            if not path.exists() or path.is_symlink():
                continue
            present = stat.S_IMODE(path.stat().st_mode)
            if present != int(mode, 8):
                undo[str(path)], detail[str(path)] = f"{present:o}", mode
                said.append(f"give {name} the permissions {int(mode, 8):04o} instead of {present:04o}")
        if not said:
            return Unfit(f"{', '.join(named)}: as declared")
        return Planned(says="; ".join(said), undo=undo, detail=detail)

    def act(self, scene: Scene, planned: Planned) -> Acted:
        """Change them."""
        for path, mode in planned.detail.items():
            Path(path).chmod(int(mode, 8))
        return Acted(says=planned.says.replace("give", "gave"))

    def take_back(self, scene: Scene, undo: Mapping[str, str]) -> Acted:
        """The permissions as they were."""
        for path, mode in undo.items():
            Path(path).chmod(int(mode, 8))
        return Acted(says=f"gave {', '.join(Path(path).name for path in undo)} the former permissions", then="nothing")

    def timeout_s(self, workload: Workload) -> float:
        """Files only."""
        return 5.0
