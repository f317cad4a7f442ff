"""Puts the declared copy in the place of a file that is broken or missing."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from actors.healer.remedies import Obstacle, Planned, Unfit
from actors.healer.repair import Acted, RepairFailed, Scene
from actors.healer.repairs.paths import free_name, inside, replace_with
from actors.healer.repairs.soundness import trouble_of
from actors.settings import Workload

_BESIDE = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a database; it belongs to the broken one."""
_MISSING = ""


class RestoreFile:
    """Applies to a file of `repair.restore` that is missing, empty, not what its suffix says, or a broken database.

    The copy is looked at in the same way first. The broken file stays beside it as NAME.broken.
    """

    name = "restore_file"

    def look(self, scene: Scene) -> Planned | Obstacle:
        """What it would put in the place of what."""
        named = scene.workload.spec.repair.restore
        if not named:
            return Unfit("its config names nothing under restore")
        said, undo, detail = [], {}, {}
        for name, copy in named.items():
            path, source = inside(scene.directory, name), inside(scene.directory, copy)
            if not source.exists():
                said.append(f"{copy} is missing itself")
                continue
            trouble = trouble_of(path, source)
            if trouble and (own := trouble_of(source, source)):
                said.append(f"{copy} is broken itself: {own}")
            elif trouble:
                detail[str(path)] = str(source)
                undo[str(path)] = str(free_name(path.with_name(f"{path.name}.broken"))) if path.exists() else _MISSING
                said.append(f"put {copy} in the place of {name}: {trouble}")
        if not detail:
            return Unfit("; ".join(said) or f"nothing is wrong with {', '.join(named)}")
        return Planned(says="; ".join(said), undo=undo, detail=detail, down_first=True)

    def act(self, scene: Scene, planned: Planned) -> Acted:
        """Put them there; a broken file is kept, with what SQLite has beside it."""
        for text, source in planned.detail.items():
            path = Path(text)
            if kept := planned.undo.get(text):
                _move(path, Path(kept))
            try:
                _put(Path(source), path)
            except OSError:
                _put_back(path, kept or _MISSING)
                raise
            if trouble := trouble_of(path, Path(source)):
                _put_back(path, kept or _MISSING)
                raise RepairFailed(f"{path.name} is broken again: {trouble}")
        return Acted(says=planned.says, then="restart")

    def take_back(self, scene: Scene, undo: Mapping[str, str]) -> Acted:
        """The file as it was; what was written to the copy meanwhile is lost with it."""
        for text, kept in undo.items():
            _put_back(Path(text), kept)
        return Acted(says=f"put back {', '.join(Path(text).name for text in undo)}", then="restart")

    def timeout_s(self, workload: Workload) -> float:
        """A copy of some GB."""
        return 60.0


def _put(source: Path, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, path, symlinks=True)
    else:
        replace_with(path, source)


def _move(path: Path, kept: Path) -> None:
    for suffix in ("", *_BESIDE):
        beside = path.with_name(path.name + suffix)
        if beside.exists():
            beside.rename(kept.with_name(kept.name + suffix))


def _put_back(path: Path, kept: str) -> None:
    if kept == _MISSING:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    elif Path(kept).exists():
        path.unlink(missing_ok=True)
        _move(Path(kept), path)
