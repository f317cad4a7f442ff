"""What only the machine can tell about a configuration: programs, directories, accounts. Reads, never writes."""

import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from actors.settings.dataset_faults import count_faults
from actors.settings.faults import ConfigError, Fault, fault_at, in_order, origin_of
from actors.settings.mentions import programs_of
from actors.settings.metrics import POSTGRES, Metric
from actors.settings.node import Origin, Settings, Workload
from actors.settings.source import NO_FILE

_DEFAULT_PATH: Final = os.defpath


def check_machine(settings: Settings, environ: Mapping[str, str] | None = None) -> list[Fault]:
    """Give what is missing on this machine, in the order of the file.

    environ: of the node, for PATH; None: of this process.
    """
    around = os.environ if environ is None else environ
    faults = [*_directory_faults(settings), *_rule_faults(settings), *_tls_faults(settings)]
    faults.extend(_program_faults(settings, around.get("PATH", _DEFAULT_PATH)))
    faults.extend(_metric_faults(settings, "actors.monitor.metrics", settings.host_metrics))
    for workload in settings.workloads.values():
        faults.extend(_workload_faults(settings, workload, around))
    faults.extend(_dataset_zone_faults(settings))
    faults.extend(count_faults(settings.datasets, datetime.now(UTC), lambda *told: _at(settings, *told)))
    faults.extend(_task_faults(settings, around))
    faults.extend(_alert_faults(settings, around.get("PATH", _DEFAULT_PATH)))
    return list(in_order(faults))


def _program_faults(settings: Settings, search: str) -> Iterator[Fault]:
    """Give programs of actors that are not there."""
    for key, program in programs_of(settings.actors):
        if program and not _is_program(program[0], settings.root, search):
            yield _no_program(settings, key, program[0], settings.root, search)


def _task_faults(settings: Settings, environ: Mapping[str, str]) -> Iterator[Fault]:
    """Give what kinds of tasks lack: their directory, and the program of a command."""
    for name, kind in settings.tasks.items():
        cwd = settings.root / kind.cwd
        if not cwd.is_dir():
            yield _at(settings, f"tasks.{name}.cwd", f"{cwd} does not exist", "a directory")
        elif kind.command is not None:
            search = kind.env.get("PATH", environ.get("PATH", _DEFAULT_PATH))
            if not _is_program(kind.command[0], cwd, search):
                yield _no_program(settings, f"tasks.{name}.command", kind.command[0], cwd, search)


def _no_program(settings: Settings, key: str, program: str, cwd: Path, search: str) -> Fault:
    place = f"in {cwd}" if "/" in program else f"on PATH ({search})"
    return _at(settings, key, f'no program "{program}" {place}', "a program that can be run")


def _workload_faults(settings: Settings, workload: Workload, environ: Mapping[str, str]) -> Iterator[Fault]:
    key = f"workloads.{workload.config_name}"
    if not workload.cwd.is_dir():
        problem = "is no directory" if workload.cwd.exists() else "does not exist"
        yield _at(settings, _overridden(settings, workload, "cwd"), f"{workload.cwd} {problem}", "a directory")
    else:
        search = _search_path(workload, environ)
        for path, command in _commands(settings, workload):
            if command and not _is_program(command[0], workload.cwd, search):
                yield _no_program(settings, path, command[0], workload.cwd, search)
    yield from _zone_faults(settings, workload)
    if workload.spec.user is not None:
        yield from _user_faults(settings, f"{key}.user", workload.spec.user)
    if workload.spec.group is not None:
        yield from _group_faults(settings, f"{key}.group", workload.spec.group)
    yield from _file_faults(settings, key, workload)
    yield from _metric_faults(settings, f"{key}.metrics", workload.spec.metrics)


def _search_path(workload: Workload, environ: Mapping[str, str]) -> str:
    """Give its PATH; a variable that is not set yet may be in an env file, so its name stays."""
    text = workload.env.get("PATH", environ.get("PATH", _DEFAULT_PATH))
    if "${" not in text:
        return text
    from actors.settings.dotenv import expand  # noqa: PLC0415 - few configs build a PATH

    try:
        return expand(text, environ)
    except ValueError:
        return text


def _commands(settings: Settings, workload: Workload) -> Iterable[tuple[str, list[str]]]:
    """Give every command of a workload with its dotted key."""
    key = f"workloads.{workload.config_name}"
    spec = workload.spec
    yield _overridden(settings, workload, "command"), spec.command
    for name, hook in spec.hooks.items():
        yield f"{key}.hooks.{name}.command", hook.command
        if hook.undo is not None:
            yield f"{key}.hooks.{name}.undo", hook.undo
    for name, metric in spec.metrics.items():
        if metric.command is not None:
            yield f"{key}.metrics.{name}.command", metric.command
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
    yield from _unknown_zones(settings, {f"{key}.{path}": name for path, name in named.items()})


def _dataset_zone_faults(settings: Settings) -> Iterator[Fault]:
    named: dict[str, str | None] = {}
    for name, one in settings.datasets.items():
        key = f"datasets.{name}"
        for hole, dimension in one.over.items():
            if dimension.dates is not None:
                named[f"{key}.over.{hole}.dates.timezone"] = dimension.dates.timezone
        named[f"{key}.timezone"] = one.timezone
        for number, window in enumerate(one.windows):
            named[f"{key}.windows[{number}].timezone"] = window.timezone
    yield from _unknown_zones(settings, named)


def _unknown_zones(settings: Settings, named: Mapping[str, str | None]) -> Iterator[Fault]:
    """named: dotted key -> name of a zone."""
    for path, name in named.items():
        if name is None:
            continue
        from actors.zones import zone  # noqa: PLC0415 - few configs name a zone

        try:
            zone(name)
        except ValueError as error:
            yield _at(settings, path, str(error), "a name such as Europe/Berlin; tzdata has them")


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
        place = f"{key}.env_files[{index}]"
        if path.is_file():
            yield from _text_faults(settings, place, path)
        elif path.exists() or not name.startswith("-"):
            yield _at(settings, place, f"no file {path}", "a file, or -FILE for one that may be missing")
    for name, place in workload.spec.secrets.items():
        yield from _secret_faults(settings, f"{key}.secrets.{name}", Path(place))


def _secret_faults(settings: Settings, key: str, path: Path) -> Iterator[Fault]:
    if not path.is_file():
        yield _at(settings, key, f"no file {path}", "a file that holds the secret")
    elif path.stat().st_mode & 0o004:
        yield _at(settings, key, f"everybody can read {path}", f"chmod o-r {path}")


def _alert_faults(settings: Settings, search: str) -> Iterator[Fault]:
    """Give what channels lack: files of secrets, programs, a package, zones."""
    for name, channel in settings.alerts.channels.items():
        key = f"alerts.channels.{name}"
        for field, path in channel.files().items():
            yield from _secret_faults(settings, f"{key}.{field}", Path(path))
        if channel.command is not None and not _is_program(channel.command[0], settings.root, search):
            yield _no_program(settings, f"{key}.command", channel.command[0], settings.root, search)
        if channel.apprise is not None and not _is_installed("apprise"):
            problem = "needs the package apprise, which is not installed"
            yield _at(settings, f"{key}.apprise", problem, "pip install 'gyrostat[alerts]'")
    named = {"alerts.summary.timezone": settings.alerts.summary.timezone if settings.alerts.summary else None}
    for place, route in enumerate(settings.alerts.routes):
        for number, window in enumerate(route.quiet):
            named[f"alerts.routes[{place}].quiet[{number}].timezone"] = window.timezone
    yield from _unknown_zones(settings, named)


def _text_faults(settings: Settings, key: str, path: Path) -> Iterator[Fault]:
    """Give what would keep a workload from being started with this env file; an unset ${NAME} shows at the start."""
    from actors.settings.dotenv import parse_dotenv  # noqa: PLC0415 - few configs name an env file
    from actors.settings.textfile import read_text  # noqa: PLC0415 - as above

    try:
        text = read_text(str(path))
    except OSError as error:
        yield _at(settings, key, f"{path} cannot be read: {error.strerror}", "a file that the node may read")
        return
    except ValueError as error:
        yield _at(settings, key, f"{path} {error}", "lines of NAME=value")
        return
    try:
        parse_dotenv(text)
    except ValueError as error:
        yield _at(settings, key, f"{path}: {error}", "NAME=value, export NAME=value, or a comment")


def _metric_faults(settings: Settings, key: str, metrics: Mapping[str, Metric]) -> Iterator[Fault]:
    """Give classes that cannot be had, and databases whose package is not installed."""
    for name, metric in metrics.items():
        if metric.source is not None:
            from actors.imports import load_class  # noqa: PLC0415 - few configs name a class

            try:
                kind = load_class(metric.source)
            except ValueError as error:
                yield _at(settings, f"{key}.{name}.source", " ".join(str(error).split()), "")
                continue
            if not callable(getattr(kind, "read", None)):
                problem = f"{metric.source} has no method read"
                yield _at(settings, f"{key}.{name}.source", problem, "a class with read()")
        if metric.database is not None and metric.database.startswith(POSTGRES) and not _is_installed("psycopg"):
            problem = "PostgreSQL needs the package psycopg, which is not installed"
            yield _at(settings, f"{key}.{name}.database", problem, "pip install 'gyrostat[postgres]'")


def _is_installed(package: str) -> bool:
    import importlib.util  # noqa: PLC0415 - few configs need a package of their own

    return importlib.util.find_spec(package) is not None


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


def _tls_faults(settings: Settings) -> Iterator[Fault]:
    """Give what is missing of the certificate that the Gateway is to show."""
    gateway = settings.actors.get("gateway")
    tls = getattr(gateway.settings, "tls", None) if gateway is not None and gateway.enabled else None
    for key in ("certificate", "key") if tls is not None else ():
        path = settings.root / getattr(tls, key)
        if not path.is_file():
            yield _at(settings, f"actors.gateway.tls.{key}", f"no file {path}", "a PEM file")
        elif not os.access(path, os.R_OK):
            yield _at(settings, f"actors.gateway.tls.{key}", f"{path} cannot be read", "a file this account can read")


def _rule_faults(settings: Settings) -> Iterable[Fault]:
    """Give what is wrong with the rules of the operator, which stand in a file of their own."""
    healer = settings.actors.get("healer")
    path = getattr(healer.settings, "rules", None) if healer is not None else None
    if path is None:
        return ()
    from actors.settings.rules import read_rules  # noqa: PLC0415 - most configs have no rules of their own

    if not Path(path).is_file():
        return [_at(settings, "actors.healer.rules", f"no file {path}", "a file of rules")]
    try:
        read_rules(Path(path), os.path.relpath(path, settings.root))
    except ConfigError as error:
        return error.faults
    return ()


def _at(settings: Settings, key: str, problem: str, allowed: str) -> Fault:
    file = settings.path.name if settings.path is not None else NO_FILE
    return fault_at(origin_of(settings.origins, key, Origin(file)), key, problem, allowed)
