"""What a workload is started with instead of what its config says, within what the config allows.

A key is a dotted one of the workload: env.NAME, limits.rlimits.NAME, limits.memory_max; or env_last_good, for all its
variables as they were while it was well. The store is given.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Protocol

import msgspec
from msgspec import Struct, structs

from actors.kept import GoodVariables, place_of, read_index
from actors.settings import Workload, WorkloadSettings, format_size, revision
from actors.settings.repair import UTF8_VARIABLES
from actors.settings.units import Bytes
from actors.settings.workloads import short_hash

ENV: Final = "env."
RLIMIT: Final = "limits.rlimits."
MEMORY: Final = "limits.memory_max"
LAST_GOOD: Final = "env_last_good"
OF_MEMORY: Final = frozenset({"as", "data", "rss"})


class Stored(Struct, frozen=True):
    """Overrides of one workload as they are kept. bearing: what in its config they hold for. why: who asked."""

    bearing: str
    values: dict[str, str]
    why: dict[str, str]


class Memory(Protocol):
    """Where they are kept: see store.Store."""

    def overrides(self) -> dict[str, Stored]:
        """All, by workload."""

    def put_override(self, name: str, stored: Stored | None) -> None:
        """Keep these, or none."""


class Overrides:
    """Owns them. kept(name): the variables of a workload as they were while it was well."""

    def __init__(self, memory: Memory, kept: Callable[[str], GoodVariables | None]) -> None:
        self._memory = memory
        self._kept = kept
        self._all = memory.overrides()

    def renew(self, workloads: Mapping[str, Workload]) -> list[str]:
        """Drop those of workloads whose config changed in what they hold for; gives their names."""
        ended = [
            name
            for name, stored in self._all.items()
            if name not in workloads or stored.bearing != bearing(workloads[name].spec)
        ]
        for name in ended:
            del self._all[name]
            self._memory.put_override(name, None)
        return ended

    def change(self, workload: Workload, values: Mapping[str, str], drop: list[str], why: str) -> None:
        """Set these, and drop those. Raises ValueError in one line when the config does not allow one."""
        taken = dict(values)
        for key, value in values.items():
            if refusal := refused(workload.spec, key, value):
                raise ValueError(f"{workload.name}: {refusal}")
            if key == LAST_GOOD:
                taken[key] = self._variables(workload)
        former = self._all.get(workload.name, Stored("", {}, {}))
        keep = {key: value for key, value in former.values.items() if key not in drop}
        reasons = {key: text for key, text in former.why.items() if key in keep}
        stored = Stored(bearing(workload.spec), {**keep, **taken}, {**reasons, **dict.fromkeys(taken, why)})
        if stored.values:
            self._all[workload.name] = stored
        else:
            self._all.pop(workload.name, None)
        self._memory.put_override(workload.name, stored if stored.values else None)

    def shown(self, name: str) -> dict[str, str]:
        """Key -> value, for people and for an undo; of env_last_good only that it holds."""
        values = self._all[name].values if name in self._all else {}
        return {key: "true" if key == LAST_GOOD else value for key, value in values.items()}

    def applied(self, workload: Workload) -> tuple[Workload, dict[str, str] | None]:
        """The workload as it is started, and the texts of its env files by path, when those are not read."""
        values = self._all[workload.name].values if workload.name in self._all else {}
        if not values:
            return workload, None
        env, files = dict(workload.env), None
        if LAST_GOOD in values:
            good = msgspec.json.decode(values[LAST_GOOD], type=GoodVariables)
            own = {name: text for name, text in env.items() if workload.spec.env.get(name) != text}
            env, files = {**good.env, **own}, good.files
        env.update({key.removeprefix(ENV): text for key, text in values.items() if key.startswith(ENV)})
        limits = workload.spec.limits
        rlimits = {key.removeprefix(RLIMIT): text for key, text in values.items() if key.startswith(RLIMIT)}
        limits = structs.replace(limits, rlimits={**limits.rlimits, **rlimits})
        if MEMORY in values:
            limits = structs.replace(limits, memory_max=Bytes(int(values[MEMORY])))
        return structs.replace(workload, env=env, spec=structs.replace(workload.spec, limits=limits)), files

    def _variables(self, workload: Workload) -> str:
        kept = self._kept(workload.name)
        if kept is None:
            raise ValueError(f"{workload.name}: no variables are kept that it was well with")
        return msgspec.json.encode(kept).decode()


def kept_variables(state_dir: Path, name: str) -> GoodVariables | None:
    """The variables that a workload was last well with. Raises: OSError, ValueError."""
    return read_index(place_of(state_dir, name)).variables


def bearing(spec: WorkloadSettings) -> str:
    """A hash of what overrides hold for; they end when it changes."""
    return short_hash([revision(spec), spec.tunables, spec.repair, spec.env_last_good, spec.degrade])


def refused(spec: WorkloadSettings, key: str, value: str) -> str:
    """Why the config does not allow a value, or empty."""
    if key == LAST_GOOD:
        return "" if spec.env_last_good else "env_last_good is not set"
    if key.startswith(ENV):
        name = key.removeprefix(ENV)
        of_a_step = any(step.env.get(name) == value for step in spec.degrade)
        return "" if of_a_step else _refused_variable(spec, name, value)
    if key == f"{RLIMIT}nofile":
        return _beyond(value, spec.repair.open_files_max, "repair.open_files_max")
    if key == MEMORY or (key.startswith(RLIMIT) and key.removeprefix(RLIMIT) in OF_MEMORY):
        return _beyond(value, spec.repair.memory_max, "repair.memory_max")
    return f"nothing allows {key} to be changed; allowed: env.NAME, {RLIMIT}nofile, {MEMORY}, {LAST_GOOD}"


def _beyond(value: str, most: int | None, name: str) -> str:
    if most is None:
        return f"{name} is not set"
    if not value.isascii() or not value.isdecimal() or not 0 < int(value) <= most:
        return f"{value} is more than {name} {format_size(most) if 'memory' in name else most} or no number"
    return ""


def _refused_variable(spec: WorkloadSettings, name: str, value: str) -> str:
    for own, tunable in spec.tunables.items():
        if tunable.env != name:
            continue
        number = _number(value)
        if number is None or (tunable.type == "int" and not number.is_integer()):
            return f"{value!r} is no {tunable.type}, as tunables.{own} is"
        if not tunable.min <= number <= tunable.max:
            return f"{value} is not within tunables.{own}: {tunable.min:g} to {tunable.max:g}"
        return ""
    if name in UTF8_VARIABLES:
        if not spec.repair.encoding:
            return f"repair.encoding: false does not allow {name} to be changed"
        return "" if value == UTF8_VARIABLES[name] else f"{name} may only become {UTF8_VARIABLES[name]}"
    return f"nothing in its config allows variable {name} to be changed; a tunable with env: {name} would"


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
