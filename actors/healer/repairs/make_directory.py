"""Makes the declared directories that are missing."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from pathlib import Path

from actors.healer.remedies import Obstacle, Planned, Unfit
from actors.healer.repair import Acted, Scene
from actors.healer.repairs.paths import inside
from actors.settings import Workload


class MakeDirectory:
    """Applies when a directory of `repair.directories` is missing."""

    name = "make_directory"

    def look(self, scene: Scene) -> Planned | Obstacle:
        """What it would make."""
        named = scene.workload.spec.repair.directories
        if not named:
            return Unfit("its config names no directories")
        missing = [path for path in (inside(scene.directory, name) for name in named) if not path.exists()]
        if not missing:
            return Unfit(f"{', '.join(named)}: all there")
        said = f"make {', '.join(str(path) for path in missing)}"
        return Planned(says=said, undo={str(path): "" for path in missing})

    def act(self, scene: Scene, planned: Planned) -> Acted:
        """Make them; they belong to the workload's account."""
        for text in planned.undo:
            path = Path(text)
            path.mkdir(parents=True, exist_ok=True)
            user = scene.workload.spec.user
            if user is not None and os.geteuid() == 0:
                account = pwd.getpwnam(user)
                os.chown(path, account.pw_uid, account.pw_gid)
        return Acted(says=planned.says.replace("make", "made", 1))

    def take_back(self, scene: Scene, undo: Mapping[str, str]) -> Acted:
        """Remove those that nothing was put into."""
        removed = []
        for text in undo:
            try:
                Path(text).rmdir()
                removed.append(Path(text).name)
            except OSError:  # something is in it, or it is gone
                continue
        return Acted(says=f"removed {', '.join(removed) or 'nothing'}", then="nothing")

    def timeout_s(self, workload: Workload) -> float:
        """Directories only."""
        return 5.0
