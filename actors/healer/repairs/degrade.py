"""Takes a workload one step down its ladder, so that it goes on with less, and up again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from actors.healer.ladder import Ladder, next_step
from actors.healer.remedies import UP, Obstacle, Planned, Unfit
from actors.healer.repair import Acted, RepairFailed, Scene
from actors.healer.repairs.overriding import AS_CONFIGURED
from actors.healer.repairs.paths import free_name, inside, keep_copy, replace_with
from actors.healer.repairs.tune import current, key_of, put_number
from actors.settings import Workload
from actors.settings.healing import DegradeStep
from bus.messages.mending import OverrideProcess

_STATE: Final = "degraded.json"
_ENV: Final = "env."
_TUNABLE: Final = "file:"
_FILE: Final = "copy:"
_STEP: Final = "step"
_MISSING: Final = ""


class Degrade:
    """Applies when a step of `degrade` that is against this class of failure is not taken yet."""

    name = "degrade"

    def look(self, scene: Scene) -> Planned | Obstacle:
        """The next step."""
        steps = scene.workload.spec.degrade
        step = next_step(steps, read_ladder(scene.keep), scene.failure)
        if step is None:
            return Unfit(f"no step is left against {scene.failure}" if steps else "its config declares no steps")
        if missing := [copy for copy in step.files.values() if not inside(scene.directory, copy).is_file()]:
            return Unfit(f"{step.step}: {missing[0]} is missing")
        try:
            undo = {_STEP: step.step, **_undo_of(step, scene)}
        except (OSError, ValueError) as error:
            return Unfit(f"{step.step}: {error}")
        loss = f"{step.quality_loss:.0%} less"
        return Planned(says=f"go on with {loss}: {step.step}", undo=undo, detail={_STEP: step.step}, restarts=True)

    def act(self, scene: Scene, planned: Planned) -> Acted:
        """Files now, variables from the next start on."""
        step = next((each for each in scene.workload.spec.degrade if each.step == planned.detail[_STEP]), None)
        if step is None:
            raise RepairFailed("its config has no such step any more")
        for name, copy in step.files.items():
            path = inside(scene.directory, name)
            if kept := planned.undo[f"{_FILE}{name}"]:
                keep_copy(path, Path(kept).parent, Path(kept).name)
            replace_with(path, inside(scene.directory, copy))
        values = {f"{_ENV}{name}": text for name, text in step.env.items()}
        for name, number in step.tunables.items():
            tunable = scene.workload.spec.tunables[name]
            if tunable.env is None:
                put_number(scene, name, f"{number:g}")
            else:
                values[key_of(name, tunable)] = f"{number:g}"
        ladder = read_ladder(scene.keep)
        _write(scene.keep, ladder.down(step, dict(planned.undo), scene.wall_s))
        command = OverrideProcess(name=scene.workload.name, values=values, why=planned.says) if values else None
        return Acted(says=planned.says, command=command, then="restart")

    def take_back(self, scene: Scene, undo: Mapping[str, str]) -> Acted:
        """What was before the step."""
        for key, text in undo.items():
            if key.startswith(_FILE):
                _put_back(inside(scene.directory, key.removeprefix(_FILE)), text)
            elif key.startswith(_TUNABLE):
                put_number(scene, key.removeprefix(_TUNABLE), text)
        ladder = read_ladder(scene.keep)
        if ladder.rungs and ladder.rungs[-1].step == undo.get(_STEP):
            _write(scene.keep, ladder.up(scene.wall_s))
        variables = {key: text for key, text in undo.items() if key.startswith(_ENV)}
        values = {key: text for key, text in variables.items() if text != AS_CONFIGURED}
        drop = [key for key in variables if key not in values]
        says = f"no longer {undo.get(_STEP, 'degraded')}"
        command = OverrideProcess(name=scene.workload.name, values=values, drop=drop, why=says) if variables else None
        return Acted(says=says, command=command, then="restart" if scene.row.state in UP else "nothing")

    def timeout_s(self, workload: Workload) -> float:
        """Small files only."""
        return 5.0


def read_ladder(keep: Path) -> Ladder:
    """Where a workload stands; at the top when nothing is kept or what is kept cannot be read."""
    try:
        return msgspec.json.decode((keep / _STATE).read_bytes(), type=Ladder)
    except (OSError, msgspec.MsgspecError):
        return Ladder()


def _write(keep: Path, ladder: Ladder) -> None:
    keep.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = keep / f"{_STATE}.new"
    fresh.write_bytes(msgspec.json.encode(ladder))
    fresh.replace(keep / _STATE)


def _undo_of(step: DegradeStep, scene: Scene) -> dict[str, str]:
    """What is there now of all that the step changes. Raises: ValueError, OSError, RepairFailed."""
    overrides = scene.row.overrides
    undo = {f"{_ENV}{name}": overrides.get(f"{_ENV}{name}", AS_CONFIGURED) for name in step.env}
    for name in step.tunables:
        tunable = scene.workload.spec.tunables[name]
        key = key_of(name, tunable)
        undo[key] = current(name, tunable, scene) if tunable.env is None else overrides.get(key, AS_CONFIGURED)
    for name in step.files:
        there = inside(scene.directory, name).exists()
        kept = free_name(scene.keep / f"{Path(name).name}.full")
        undo[f"{_FILE}{name}"] = str(kept) if there else _MISSING
    return undo


def _put_back(path: Path, kept: str) -> None:
    if kept == _MISSING:
        path.unlink(missing_ok=True)
    elif Path(kept).exists():
        replace_with(path, Path(kept))
        Path(kept).unlink()
