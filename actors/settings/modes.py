"""From what was declared to the instances that run in a mode. Pure."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, get_args

from msgspec import Struct, structs

from actors.settings.crosscheck import At
from actors.settings.faults import Fault
from actors.settings.node import NAME_ALLOWED, Workload, is_name
from actors.settings.workloads import Mode, ModeOverride, RunMode, WorkloadSettings

MODES: Final[tuple[Mode, ...]] = get_args(Mode)
_PLAIN: Final = ModeOverride()


class Resolved(Struct, frozen=True):
    """What runs in a mode, what does not, and what cannot."""

    workloads: dict[str, Workload]
    left_out: list[str]
    faults: list[Fault]


def resolve(declared: Mapping[str, WorkloadSettings], mode: RunMode, root: Path, at: At) -> Resolved:
    """Make the instances of a mode.

    root: directory that relative paths start from, absolute.
    """
    runs = {name: _modes_of(spec, mode) for name, spec in declared.items()}
    names = {
        (name, each): f"{name}-{each}" if len(modes) > 1 else name for name, modes in runs.items() for each in modes
    }
    resolved = Resolved({}, [name for name, modes in runs.items() if not modes], [])
    for (config_name, each), name in names.items():
        spec = declared[config_name]
        resolved.faults.extend(_name_faults(config_name, name, resolved.workloads, at))
        resolved.faults.extend(_absence_faults(config_name, each, declared, names, at))
        applied = _applied(spec, each, root)
        depends_on = {names.get((other, each), other): what for other, what in spec.depends_on.items()}
        resolved.workloads.setdefault(
            name,
            Workload(
                name=name,
                config_name=config_name,
                mode=each,
                spec=structs.replace(applied, depends_on=depends_on),
                cwd=Path(applied.cwd),
                env=applied.env,
            ),
        )
    return resolved


def _modes_of(spec: WorkloadSettings, mode: RunMode) -> list[Mode]:
    wanted = MODES if mode == "dual" else (mode,)
    return [each for each in wanted if spec.runs_in is None or each in spec.runs_in]


def _applied(spec: WorkloadSettings, mode: Mode, root: Path) -> WorkloadSettings:
    """Give the settings with the overrides of a mode in them, and the directory absolute."""
    override = spec.modes.get(mode, _PLAIN)
    return structs.replace(
        spec,
        command=override.command or spec.command,
        cwd=_directory(override.cwd or spec.cwd, root),
        env={**spec.env, **override.env, "GYROSTAT_MODE": mode},
        modes={},
    )


def _directory(cwd: str, root: Path) -> str:
    return str(root) if cwd == "." else str(root / cwd)


def _name_faults(config_name: str, name: str, taken: Mapping[str, Workload], at: At) -> Iterator[Fault]:
    key = f"workloads.{config_name}"
    if name in taken:
        other = taken[name].config_name
        yield at(key, f'its instance "{name}" has the name of one of "{other}"', "another name")
    elif not is_name(name):
        yield at(key, f'"{name}" is no name', NAME_ALLOWED)


def _absence_faults(
    config_name: str,
    mode: Mode,
    declared: Mapping[str, WorkloadSettings],
    names: Mapping[tuple[str, Mode], str],
    at: At,
) -> Iterator[Fault]:
    for other in declared[config_name].depends_on:
        if other in declared and (other, mode) not in names:
            key = f"workloads.{config_name}.depends_on.{other}"
            yield at(
                key, f'"{other}" does not run in mode {mode}, and "{config_name}" does', "runs_in that go together"
            )
