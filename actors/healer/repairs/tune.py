"""Changes numbers of a workload within their bounds: raises time-outs, lowers concurrency and rates."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from actors.healer.remedies import UP, Obstacle, Planned, Unfit
from actors.healer.repair import Acted, RepairFailed, Scene
from actors.healer.repairs.numbers import number_in, with_number
from actors.healer.repairs.overriding import AS_CONFIGURED
from actors.healer.repairs.paths import inside, replace_with
from actors.settings import Workload
from actors.settings.repair import FailureClass, Tunable
from bus.messages.mending import OverrideProcess

_PATIENCE: Final = re.compile(r"time_?out|deadline|patience|max_wait", re.IGNORECASE)
_PAUSES: Final = re.compile(r"interval|delay|pause|sleep|back_?off|wait|period|every", re.IGNORECASE)
_LOADS: Final = re.compile(
    r"worker|concurren|parallel|thread|batch|pool|rate|rps|qps|jobs|prefetch|queue|cache|buffer|connections|burst|chunk"
    r"|in_?flight|max_open|per_second|per_minute",
    re.IGNORECASE,
)
_LIMITED: Final = re.compile(
    r"\b429\b|too many requests|rate.?limit|throttl|quota exceeded|slow down|retry.after", re.IGNORECASE
)
_SCARCE: Final[tuple[FailureClass, ...]] = ("memory", "fd")
_FILE: Final = "file:"


class Change(msgspec.Struct, frozen=True):
    """One number. former: as it is written now; empty for a variable that the config does not set."""

    tunable: str
    former: str
    number: str


class Tune:
    """Applies to `tunables` that this class of failure is said to be lessened by, or whose name says so.

    way: whether it raises or lowers. At the first attempt by the tunable's factor, at further ones to its bound.
    """

    def __init__(self, name: str, way: Literal["raise", "lower"]) -> None:
        self.name = name
        self.way = way

    def look(self, scene: Scene) -> Planned | Obstacle:
        """Which numbers it would change, and to what."""
        tunables = scene.workload.spec.tunables
        if not tunables:
            return Unfit("its config names no tunables")
        meant = {name: each for name, each in tunables.items() if self._is_for(name, each, scene)}
        if not meant:
            return Unfit(f"no tunable is there to {self.way} against {scene.failure}")
        changes, reasons = [], []
        for name, tunable in meant.items():
            try:
                changes += self._change(name, tunable, scene)
            except (OSError, ValueError, RepairFailed) as error:
                reasons.append(f"{name}: {error}")
        if not changes:
            return Unfit("; ".join(reasons) or f"{', '.join(meant)}: at the bound already")
        says = ", ".join(f"{each.tunable} from {each.former or 'its default'} to {each.number}" for each in changes)
        undo = {key_of(each.tunable, tunables[each.tunable]): each.former for each in changes}
        for key in undo:
            if key in scene.row.overrides or not key.startswith(_FILE):
                undo[key] = scene.row.overrides.get(key, AS_CONFIGURED)
        detail = {key_of(each.tunable, tunables[each.tunable]): each.number for each in changes}
        return Planned(says=f"{self.way} {says}", undo=undo, detail=detail, restarts=True)

    def act(self, scene: Scene, planned: Planned) -> Acted:
        """Change files now, variables from the next start on."""
        values = {key: number for key, number in planned.detail.items() if not key.startswith(_FILE)}
        for key, number in planned.detail.items():
            if key.startswith(_FILE):
                put_number(scene, key.removeprefix(_FILE), number)
        command = OverrideProcess(name=scene.workload.name, values=values, why=planned.says) if values else None
        return Acted(says=planned.says, command=command, then="restart")

    def take_back(self, scene: Scene, undo: Mapping[str, str]) -> Acted:
        """The former numbers."""
        for key, number in undo.items():
            if key.startswith(_FILE):
                put_number(scene, key.removeprefix(_FILE), number)
        variables = {key: number for key, number in undo.items() if not key.startswith(_FILE)}
        values = {key: number for key, number in variables.items() if number != AS_CONFIGURED}
        says = f"put back {', '.join(undo)}"
        drop = [key for key in variables if key not in values]
        command = OverrideProcess(name=scene.workload.name, values=values, drop=drop, why=says) if variables else None
        return Acted(says=says, command=command, then="restart" if scene.row.state in UP else "nothing")

    def timeout_s(self, workload: Workload) -> float:
        """Files only."""
        return 5.0

    def _is_for(self, name: str, tunable: Tunable, scene: Scene) -> bool:
        said = tunable.raise_on if self.way == "raise" else tunable.lower_on
        if said is not None:
            return scene.failure in said
        limited = bool(_LIMITED.search(scene.text))
        if self.way == "raise":
            patient = bool(_PATIENCE.search(name))
            return (scene.failure == "timeout" and patient) or (limited and not patient and bool(_PAUSES.search(name)))
        return (scene.failure in _SCARCE or limited) and bool(_LOADS.search(name)) and not _PATIENCE.search(name)

    def _change(self, name: str, tunable: Tunable, scene: Scene) -> list[Change]:
        """None when it is at its bound. Raises: ValueError, OSError, RepairFailed."""
        former = current(name, tunable, scene)
        again = scene.issue.tried.count(self.name) > 0
        number = further(tunable, self.way, float(former) if former else None, to_bound=again)
        return [] if number is None else [Change(name, former, number)]


def key_of(name: str, tunable: Tunable) -> str:
    """Where a tunable lies, as a plan has it."""
    return f"{_FILE}{name}" if tunable.env is None else f"env.{tunable.env}"


def current(name: str, tunable: Tunable, scene: Scene) -> str:
    """The number now, as it is written; empty when its variable is not set. Raises: ValueError, OSError."""
    if tunable.env is not None:
        text = scene.row.overrides.get(f"env.{tunable.env}", scene.workload.env.get(tunable.env, ""))
        if text:
            float(text)
        return text
    path = inside(scene.directory, tunable.file or "")
    return number_in(path.name, path.read_text(encoding="utf-8"), tunable.key or name)


def further(tunable: Tunable, way: Literal["raise", "lower"], now: float | None, *, to_bound: bool) -> str | None:
    """The next number in that direction within the bounds; None when there is none. now: None when not known."""
    up = way == "raise"
    bound = tunable.max if up else tunable.min
    if now is None:
        return written(tunable, bound)
    if (now >= bound) if up else (now <= bound):
        return None
    aim = bound if to_bound or now <= 0 else now * tunable.factor if up else now / tunable.factor
    if tunable.type == "int":
        aim = max(math.ceil(aim), now + 1) if up else min(math.floor(aim), now - 1)
    return written(tunable, min(max(aim, tunable.min), tunable.max))


def written(tunable: Tunable, number: float) -> str:
    """A number as a file or variable has it."""
    return str(int(number)) if tunable.type == "int" else f"{number:.6g}"


def put_number(scene: Scene, name: str, number: str) -> None:
    """Put a number into the file of a tunable. Raises: RepairFailed, OSError."""
    tunable = scene.workload.spec.tunables.get(name)
    if tunable is None or tunable.file is None:
        raise RepairFailed(f"its config names no tunable {name} in a file any more")
    path, key = inside(scene.directory, tunable.file), tunable.key or name
    try:
        text = with_number(path.name, path.read_text(encoding="utf-8"), key, number)
    except ValueError as error:
        raise RepairFailed(str(error)) from error
    scene.keep.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = scene.keep / f"{path.name}.new"
    try:
        fresh.write_text(text, encoding="utf-8")
        replace_with(path, fresh)
    finally:
        fresh.unlink(missing_ok=True)
