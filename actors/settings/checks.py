"""What only the machine can tell about a configuration: programs, directories, accounts. Reads, never writes."""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from actors.settings.faults import Fault, fault_at, in_order, origin_of
from actors.settings.node import Origin, Settings, Workload
from actors.settings.source import NO_FILE

_DEFAULT_PATH: Final = os.defpath


def check_machine(settings: Settings, environ: Mapping[str, str] | None = None) -> list[Fault]:
    """Give what is missing on this machine, in the order of the file.

    environ: of the node, for PATH; None: of this process.
    """
    around = os.environ if environ is None else environ
    faults = list(_directory_faults(settings))
    for workload in settings.workloads.values():
        faults.extend(_workload_faults(settings, workload, around))
    return list(in_order(faults))


def _workload_faults(settings: Settings, workload: Workload, environ: Mapping[str, str]) -> Iterator[Fault]:
    key = f"workloads.{workload.config_name}"
    if not workload.cwd.is_dir():
        problem = "is no directory" if workload.cwd.exists() else "does not exist"
        yield _at(settings, _overridden(settings, workload, "cwd"), f"{workload.cwd} {problem}", "a directory")
    else:
        search = workload.env.get("PATH", environ.get("PATH", _DEFAULT_PATH))
        for path, command in _commands(settings, workload):
            if command and not _is_program(command[0], workload.cwd, search):
                place = f"in {workload.cwd}" if "/" in command[0] else f"on PATH ({search})"
                yield _at(settings, path, f'no program "{command[0]}" {place}', "a program that can be run")
    yield from _zone_faults(settings, workload)
    if workload.spec.user is not None:
        yield from _user_faults(settings, f"{key}.user", workload.spec.user)
    if workload.spec.group is not None:
        yield from _group_faults(settings, f"{key}.group", workload.spec.group)
    yield from _file_faults(settings, key, workload)


def _commands(settings: Settings, workload: Workload) -> Iterable[tuple[str, list[str]]]:
    """Give every command of a workload with its dotted key."""
    key = f"workloads.{workload.config_name}"
    spec = workload.spec
    yield _overridden(settings, workload, "command"), spec.command
    for name, hook in spec.hooks.items():
        yield f"{key}.hooks.{name}.command", hook.command
        if hook.undo is not None:
            yield f"{key}.hooks.{name}.undo", hook.undo
    for name in spec.probes.__struct_fields__:
        probe = getattr(spec.probes, name)
        if probe is not None and probe.exec_ is not None:
            yield f"{key}.probes.{name}.exec", probe.exec_


def _overridden(settings: Settings, workload: Workload, field: str) -> str:
    """Give the key that a field of an instance comes from: its mode's, when that says something about it."""
    key = f"workloads.{workload.config_name}"
    override = settings.declared[workload.config_name].modes.get(workload.mode) if settings.declared else None
    said = override is not None and getattr(override, field) is not None
    return f"{key}.modes.{workload.mode}.{field}" if said else f"{key}.{field}"


def _is_program(name: str, cwd: Path, search: str) -> bool:
    """Tell whether the name can be run: a path from the workload's directory, a bare name on its PATH."""
    if "/" in name:
        path = cwd / name
        return path.is_file() and os.access(path, os.X_OK)
    import shutil  # noqa: PLC0415 - brings in every compressor there is

    return shutil.which(name, path=search) is not None


def _user_faults(settings: Settings, key: str, user: str) -> Iterator[Fault]:
    import pwd  # noqa: PLC0415 - does not exist on every system, and few configs name a user

    try:
        account = pwd.getpwnam(user)
    except KeyError:
        yield _at(settings, key, f'no account "{user}" on this machine', "an account of this machine")
        return
    if os.geteuid() not in {0, account.pw_uid}:
        yield _at(settings, key, f'only root can run a workload as "{user}"', "no user, or a node run by root")


def _zone_faults(settings: Settings, workload: Workload) -> Iterator[Fault]:
    spec, key = workload.spec, f"workloads.{workload.config_name}"
    named = {"schedule.timezone": spec.schedule.timezone if spec.schedule is not None else None}
    for what in ("run", "maintenance"):
        for number, window in enumerate(getattr(spec.windows, what)):
            named[f"windows.{what}[{number}].timezone"] = window.timezone
    for path, name in named.items():
        if name is None:
            continue
        from actors.zones import zone  # noqa: PLC0415 - few configs name a zone

        try:
            zone(name)
        except ValueError as error:
            yield _at(settings, f"{key}.{path}", str(error), "a name such as Europe/Berlin; tzdata has them")


def _group_faults(settings: Settings, key: str, group: str) -> Iterator[Fault]:
    import grp  # noqa: PLC0415 - does not exist on every system, and few configs name a group

    try:
        gid = grp.getgrnam(group).gr_gid
    except KeyError:
        yield _at(settings, key, f'no group "{group}" on this machine', "a group of this machine")
        return
    if os.geteuid() != 0 and gid != os.getegid():
        yield _at(settings, key, f'only root can run a workload as group "{group}"', "no group, or a node run by root")


def _file_faults(settings: Settings, key: str, workload: Workload) -> Iterator[Fault]:
    """Give what is wrong with its env files and secrets."""
    for index, name in enumerate(workload.spec.env_files):
        path = Path(name.removeprefix("-"))
        if not path.is_file() and not (name.startswith("-") and not path.exists()):
            yield _at(
                settings, f"{key}.env_files[{index}]", f"no file {path}", "a file, or -FILE for one that may be missing"
            )
    for name, place in workload.spec.secrets.items():
        path = Path(place)
        if not path.is_file():
            yield _at(settings, f"{key}.secrets.{name}", f"no file {path}", "a file that holds the secret")
        elif path.stat().st_mode & 0o004:
            yield _at(settings, f"{key}.secrets.{name}", f"everybody can read {path}", f"chmod o-r {path}")


def _directory_faults(settings: Settings) -> Iterator[Fault]:
    places = {"node.state_dir": settings.state_dir}
    if settings.node.run_dir is not None:
        places["node.run_dir"] = settings.run_dir
    for key, path in places.items():
        parent = next((each for each in (path, *path.parents) if each.exists()), Path("/"))
        if not parent.is_dir():
            yield _at(settings, key, f"{parent} is no directory", "a directory that can be written")
        elif not os.access(parent, os.W_OK | os.X_OK):
            yield _at(settings, key, f"{parent} cannot be written", "a directory that can be written")


def _at(settings: Settings, key: str, problem: str, allowed: str) -> Fault:
    file = settings.path.name if settings.path is not None else NO_FILE
    return fault_at(origin_of(settings.origins, key, Origin(file)), key, problem, allowed)
