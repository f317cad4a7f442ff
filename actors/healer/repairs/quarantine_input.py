"""Puts a broken input file aside, so that the next one can be worked on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from actors.healer.remedies import Obstacle, Planned, Unfit
from actors.healer.repair import Acted, Scene
from actors.healer.repairs.paths import free_name, inside, matching
from actors.healer.repairs.soundness import trouble_of
from actors.settings import Workload

_NAMED_MAX = 1000
"""Input files that are looked at; with more of them the failure has to name its own."""


class QuarantineInput:
    """Applies to a file of `repair.inputs` that the failure names, or that is not what its suffix says."""

    name = "quarantine_input"

    def look(self, scene: Scene) -> Planned | Obstacle:
        """What it would move where."""
        allowed = scene.workload.spec.repair.inputs
        if not allowed.paths:
            return Unfit("its config names no inputs")
        aside = inside(scene.directory, allowed.quarantine)
        files = [path for path in matching(scene.directory, allowed.paths) if aside not in path.parents]
        broken = {path: "the failure names it" for path in files if _names(scene.text, path.name)}
        if not broken:
            broken = {path: why for path in files[:_NAMED_MAX] if (why := trouble_of(path, path))}
        if not broken:
            return Unfit(f"none of the {len(files)} inputs is named by the failure or broken")
        said = "; ".join(f"put {path.name} aside: {why}" for path, why in broken.items())
        return Planned(says=said, undo={str(path): str(free_name(aside / path.name)) for path in broken})

    def act(self, scene: Scene, planned: Planned) -> Acted:
        """Move them."""
        for path, kept in planned.undo.items():
            Path(kept).parent.mkdir(parents=True, exist_ok=True)
            Path(path).rename(kept)
        return Acted(says=planned.says)

    def take_back(self, scene: Scene, undo: Mapping[str, str]) -> Acted:
        """Move back what is not there again."""
        back = [path for path, kept in undo.items() if Path(kept).exists() and not Path(path).exists()]
        for path in back:
            Path(undo[path]).rename(path)
        return Acted(says=f"put back {', '.join(Path(path).name for path in back)}", then="nothing")

    def timeout_s(self, workload: Workload) -> float:
        """Files only."""
        return 10.0


def _names(text: str, name: str) -> bool:
    return re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", text) is not None
