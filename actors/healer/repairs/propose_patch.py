"""Writes a patch for a program's source, and applies it when that is allowed."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from pathlib import Path

from actors.healer.patches import NoPatch, Patch, failure_in, patched
from actors.healer.remedies import UP, Obstacle, Planned, Unfit
from actors.healer.repair import Acted, RepairFailed, Scene
from actors.healer.repairs.paths import keep_copy, matching, replace_with
from actors.settings import Workload

_SOURCE_BYTES_MAX = 1 << 20


class ProposePatch:
    """Applies when a file of `repair.sources` failed over a name that is not imported or a key that is not there.

    The patch is in `patches/` of the state directory; it is applied only with `repair.apply_patches`.
    """

    name = "propose_patch"

    def look(self, scene: Scene) -> Planned | Obstacle:
        """What it would change. The patch is written down already, which touches nothing of the workload."""
        if not scene.workload.spec.repair.sources:
            return Unfit("its config names no sources")
        try:
            path, patch = _proposal(scene)
        except NoPatch as error:
            return Unfit(str(error))
        except ImportError:
            return Unfit("LibCST is not installed, which makes patches")
        written = write_patch(scene, path, patch)
        if not scene.workload.spec.repair.apply_patches:
            return Unfit(f"{patch.says} in {path.name}: proposed in {written}; repair.apply_patches would apply it")
        kept = scene.keep / f"unpatched-{scene.issue.issue}-{path.name}"
        return Planned(says=f"{patch.says} in {path.name}: {written}", undo={str(path): str(kept)}, restarts=True)

    def act(self, scene: Scene, planned: Planned) -> Acted:
        """Put the changed source in its place; the former one is kept."""
        try:
            path, patch = _proposal(scene)
        except (NoPatch, ImportError) as error:
            raise RepairFailed(str(error)) from error
        kept = keep_copy(path, scene.keep, Path(planned.undo[str(path)]).name)
        fresh = kept.with_suffix(".new")
        try:
            fresh.write_text(patch.source, encoding="utf-8")
            _replace(path, fresh)
        finally:
            fresh.unlink(missing_ok=True)
        return Acted(says=f"applied {planned.says}", then="restart")

    def take_back(self, scene: Scene, undo: Mapping[str, str]) -> Acted:
        """The former source."""
        for text, kept in undo.items():
            if Path(kept).exists():
                _replace(Path(text), Path(kept))
        names = ", ".join(Path(text).name for text in undo)
        return Acted(says=f"put back {names}", then="restart" if scene.row.state in UP else "nothing")

    def timeout_s(self, workload: Workload) -> float:
        """Parsing of one file."""
        return 15.0


def _proposal(scene: Scene) -> tuple[Path, Patch]:
    """The file to change, and how. Raises: NoPatch, ImportError, OSError."""
    failure = failure_in(scene.issue.trace or scene.text)
    if failure is None:
        raise NoPatch("the failure is about no name and no key of a Python program")
    allowed = {path.resolve(): path for path in matching(scene.directory, scene.workload.spec.repair.sources)}
    frames = failure.frames[:1] if failure.name else failure.frames
    for file, line in frames:
        path = allowed.get((scene.directory / file).resolve())
        if path is not None and path.stat().st_size <= _SOURCE_BYTES_MAX:
            near = frozenset(each.stem for each in path.parent.glob("*.py")) - {path.stem}
            return path, patched(path.read_text(encoding="utf-8"), failure, line, near)
    raise NoPatch(f"{frames[0][0]} is not one of its sources" if frames else "the failure names no file")


def write_patch(scene: Scene, path: Path, patch: Patch) -> Path:
    """Write it as `patch` takes it; gives where. Raises OSError."""
    folder = scene.keep.parent.parent / "patches"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    name = os.path.relpath(path, scene.directory)
    before = path.read_text(encoding="utf-8").splitlines(keepends=True)
    after = patch.source.splitlines(keepends=True)
    text = "".join(difflib.unified_diff(before, after, f"a/{name}", f"b/{name}"))
    target = folder / f"{scene.workload.name}-{scene.issue.issue}.patch"
    target.write_text(text, encoding="utf-8")
    return target


def _replace(path: Path, source: Path) -> None:
    """With a new time, by which Python tells that what it compiled is old."""
    replace_with(path, source)
    os.utime(path)
