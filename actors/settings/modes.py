"""From what was declared to the instances that run in a mode. Pure."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, get_args

from msgspec import Struct, structs

from actors.settings.faults import At, Fault
from actors.settings.instances import Part, filled_probes, parts_of
from actors.settings.metrics import filled_metrics
from actors.settings.node import NAME_ALLOWED, Workload, is_name
from actors.settings.places import place_faults
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
    applied = {(name, each): _applied(declared[name], each, root) for name, each in names}
    parts = {key: list(parts_of(names[key], spec.instances, spec.ports)) for key, spec in applied.items()}
    for (config_name, each), spec in applied.items():
        resolved.faults.extend(_absence_faults(config_name, each, declared, names, at))
        needs = {
            part.name: what
            for other, what in spec.depends_on.items()
            for part in parts.get((other, each), [Part(other)])
        }
        for part in parts[config_name, each]:
            resolved.faults.extend(_name_faults(config_name, part.name, resolved.workloads, at))
            workload = _instance(spec, part, config_name, each)
            renamed = structs.replace(workload, spec=structs.replace(workload.spec, depends_on=needs))
            resolved.workloads.setdefault(part.name, renamed)
    resolved.faults.extend(place_faults(applied, at))
    return resolved


def _instance(spec: WorkloadSettings, part: Part, config_name: str, mode: Mode) -> Workload:
    """Give one instance: what is said of the others is left out of its settings, what it alone knows filled in."""
    own = (
        spec
        if part.number is None and part.port is None
        else structs.replace(
            spec,
            command=[part.filled(word) for word in spec.command],
            cwd=part.filled(spec.cwd),
            env={**part.env, **{name: part.filled(text) for name, text in spec.env.items()}},
            probes=filled_probes(spec.probes, part),
            metrics=filled_metrics(spec.metrics, part.filled),
            instances=None,
            ports=None,
        )
    )
    return Workload(
        name=part.name,
        config_name=config_name,
        mode=mode,
        spec=own,
        cwd=Path(own.cwd),
        env=own.env,
        instance=part.number,
        port=part.port,
    )


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
        env_files=[_file(name, root) for name in spec.env_files],
        secrets={name: str(root / path) for name, path in spec.secrets.items()},
        ports=spec.ports if override.ports is None else override.ports,
        sockets=spec.sockets if override.sockets is None else override.sockets,
        modes={},
    )


def _directory(cwd: str, root: Path) -> str:
    return str(root) if cwd == "." else str(root / cwd)


def _file(name: str, root: Path) -> str:
    """Give the path of an env file absolute, with the sign that it may be missing."""
    return f"-{root / name[1:]}" if name.startswith("-") else str(root / name)


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
