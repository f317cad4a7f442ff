"""Puts back the configuration that a workload was last well with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from actors.healer.last_good import LastGood
from actors.healer.remedies import Obstacle, Planned, Unfit
from actors.healer.repair import Acted, Scene
from actors.healer.repairs.paths import free_name, inside, keep_copy, replace_with
from actors.settings import Workload

_MISSING = ""


class PutBackConfig:
    """Applies when a file of `config_files` was changed since a start that was well. The change stays beside it."""

    name = "put_back_config"

    def look(self, scene: Scene) -> Planned | Obstacle:
        """What it would put back."""
        named = scene.workload.spec.config_files
        if not named:
            return Unfit("its config names no config_files")
        kept = LastGood(scene.keep)
        changed = kept.changed(scene.workload, scene.wall_s)
        if not changed:
            known = [name for name in named if name in kept.index.files]
            return Unfit(f"{', '.join(known)}: unchanged" if known else "it was not yet seen well")
        undo = {}
        for name in changed:
            path = inside(scene.directory, name)
            undo[str(path)] = str(free_name(path.with_name(f"{path.name}.changed"))) if path.exists() else _MISSING
        said = f"put back {', '.join(changed)} as it was when the workload was last well"
        detail = {str(inside(scene.directory, name)): good for name, good in changed.items()}
        return Planned(says=said, undo=undo, detail=detail)

    def act(self, scene: Scene, planned: Planned) -> Acted:
        """Keep the changed file beside it, and put the good content in its place."""
        kept = LastGood(scene.keep)
        for text, digest in planned.detail.items():
            path = Path(text)
            if aside := planned.undo.get(text):
                keep_copy(path, Path(aside).parent, Path(aside).name)
            kept.put(digest, path)
        return Acted(says=planned.says, then="restart")

    def take_back(self, scene: Scene, undo: Mapping[str, str]) -> Acted:
        """The change as it was."""
        for text, aside in undo.items():
            path = Path(text)
            if aside == _MISSING:
                path.unlink(missing_ok=True)
            elif Path(aside).exists():
                replace_with(path, Path(aside))
                Path(aside).unlink()
        return Acted(says=f"put {', '.join(Path(text).name for text in undo)} back as it was", then="restart")

    def timeout_s(self, workload: Workload) -> float:
        """Small files."""
        return 10.0
