"""Looks at where the node lives: its config, its state directory, its sockets and its ports."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import tempfile
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from actors.cli.checkup import verdicts
from actors.cli.checkup.finding import Finding, bad, ok, warn
from actors.cli.checkup.machine import MADE, synchronized
from actors.cli.exits import Failed, NotRunning, count
from actors.cli.place import Place

if TYPE_CHECKING:
    from actors.settings import Settings

FAULTS_MAX: Final = 5
GATEWAY: Final = "actors.gateway"
SHORT: Final = 60
"""Letters of a directory beneath which a socket's path has room."""


def config(place: Place) -> tuple[Finding, Settings | None]:
    """The config, and what it says when it has no fault."""
    from actors.loading import load_settings
    from actors.settings import ConfigError

    try:
        settings = load_settings(place.config, os.environ)
    except ConfigError as error:
        shown = "; ".join(str(fault) for fault in error.faults[:FAULTS_MAX])
        cure = place.told("config init") if not _is_there(place) else f"mend it; {place.told('config check')} names all"
        return bad("config", f"{count(len(error.faults), 'fault')}: {shown}", cure), None
    except Failed as error:
        return bad("config", error.message, "cd to a directory that is there"), None
    return ok("config", f"{settings.path}: no faults, {count(len(settings.workloads), 'workload')}"), settings


def look(place: Place, settings: Settings) -> Iterator[Finding]:
    """Everything about the places that the config names."""
    yield from _state_dir(settings)
    running = yield from _node(place)
    yield _sockets(settings)
    yield from _secrets(settings)
    if not running:
        yield from _ports(settings)


def _is_there(place: Place) -> bool:
    from actors.settings import ConfigError

    try:
        return bool(place.config)
    except ConfigError:
        return False


def _state_dir(settings: Settings) -> Iterator[Finding]:
    folder = settings.state_dir
    there = next(each for each in (folder, *folder.parents) if each.exists())
    if not there.is_dir():
        cure = "move it away, or set node.state_dir to a directory"
        yield bad("state directory", f"{there} is no directory", cure)
        return
    try:
        apart_s = _write(there)
    except OSError as error:
        cure = f"chown {os.geteuid()} {there}, or set node.state_dir to a directory you may write"
        yield bad("state directory", f"cannot write in {there}: {error.strerror}", cure)
        return
    yield _private(folder) if folder.exists() else ok("state directory", f"{folder} can be made")
    found = os.statvfs(there)
    logs = sum(one.spec.log.max_size * (one.spec.log.keep + 1) for one in settings.workloads.values())
    inodes = found.f_favail if found.f_files else -1
    yield verdicts.disk(str(there), found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize, inodes, logs)
    yield verdicts.file_system(str(there), _kind_of(there))
    yield verdicts.clock(synchronized(), apart_s, time.gmtime().tm_year, MADE)


def _write(folder: Path) -> float:
    """Write a file and take it away; seconds by which it is newer than the clock. Raises: OSError."""
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".gyrostat-doctor-") as file:
        file.write(b"x")
        file.flush()
        return os.fstat(file.fileno()).st_mtime - time.time()  # noqa: TID251 - what is looked at is the wall clock


def _private(folder: Path) -> Finding:
    found = folder.stat()
    if found.st_mode & stat.S_IWOTH:
        return bad("state directory", f"everybody can write in {folder}", f"chmod o-w {folder}")
    if found.st_uid != os.geteuid() and os.geteuid():
        return bad("state directory", f"{folder} is of another account", f"run the node as the owner of {folder}")
    return ok("state directory", f"{folder} can be written")


def _kind_of(folder: Path) -> str:
    """The kind of file system; empty where /proc does not tell."""
    try:
        lines = Path("/proc/self/mounts").read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    mounts = {Path(place.replace("\\040", " ")): kind for _, place, kind, *_ in (line.split() for line in lines)}
    real = folder.resolve()
    return next((mounts[each] for each in (real, *real.parents) if each in mounts), "")


def _node(place: Place) -> Generator[Finding, None, bool]:
    """Whether a node runs, and answers; gives that it runs."""
    from actors.cli.background import answers

    try:
        found = place.endpoints()
    except NotRunning:
        yield ok("node", "none runs")
        return False
    except Failed as error:
        yield warn("node", error.message, "ask as the account of the node")
        return True
    if answers(place):
        yield ok("node", f"{found.node} runs (pid {found.pid}) and answers")
    else:
        cure = f"look at {place.told('logs')}; {place.told('restart')} begins it anew, its workloads go on"
        yield bad("node", f"{found.node} runs (pid {found.pid}) and does not answer", cure)
    return True


def _sockets(settings: Settings) -> Finding:
    """Whether a socket can be bound beside those of the node."""
    from bus.endpoints import run_dir_for
    from bus.errors import BusError

    there = next(each for each in (settings.run_dir, *settings.run_dir.parents) if each.exists())
    try:
        run_dir = run_dir_for(settings.run_dir) if settings.run_dir.exists() else there
        beside = run_dir if len(str(run_dir)) < SHORT else None
        with tempfile.TemporaryDirectory(dir=beside) as folder, socket.socket(socket.AF_UNIX) as door:
            door.bind(f"{folder}/s")
    except (BusError, OSError) as error:
        cure = "set node.run_dir to a directory of your own with a short path on a local file system"
        return bad("sockets", f"cannot be made in {settings.run_dir}: {error}", cure)
    return ok("sockets", f"can be made in {run_dir}")


def _secrets(settings: Settings) -> Iterator[Finding]:
    """Files that only their owner may read."""
    folder = settings.state_dir
    paths = [*folder.glob("keys/*.json"), *folder.glob("*.token")]
    found = [verdicts.secret(str(path), path.stat().st_mode) for path in paths]
    wrong = [one for one in found if one is not None]
    yield from wrong
    if not wrong:
        yield ok("permissions", f"{count(len(paths), 'file')} with secrets, none open to others")


def _ports(settings: Settings) -> Iterator[Finding]:
    """Whether what the node and its workloads are to listen on is free. Asked only when no node runs."""
    wanted = dict(_addresses(settings))
    taken = {address: whose for address, whose in wanted.items() if not _is_free(*address)}
    for (host, port), whose in taken.items():
        told = f"{host}:{port} of {whose} is taken by {_holder(port)}"
        if whose == GATEWAY:
            yield warn("ports", f"{told}; the node goes on without HTTP", f"end it, or set {GATEWAY}.port")
        else:
            yield bad("ports", told, f"end it, or give {whose} another port")
    if not taken:
        yield ok(
            "ports", f"{count(len(wanted), 'port')} of the config, all free" if wanted else "the config names none"
        )


def _addresses(settings: Settings) -> Iterator[tuple[tuple[str, int], str]]:
    from actors.gateway.settings import GatewaySettings
    from actors.settings.instances import port_range, socket_address

    for address in settings.node.listen.addresses:
        host, _, port = address.removeprefix("tcp://").rpartition(":")
        yield (host.strip("[]"), int(port)), "node.listen"
    for name, workload in settings.workloads.items():
        if workload.port is not None:
            yield ("127.0.0.1", workload.port), name
        elif workload.spec.ports is not None:
            ports = port_range(workload.spec.ports)
            yield from ((("127.0.0.1", port), name) for port in range(ports.first, ports.first + 1))
        for text in workload.spec.sockets.values():
            found = socket_address(text)
            if not found.path:
                yield (found.host, found.port), name
    gateway = settings.actors.get("gateway")
    said = gateway.settings if gateway is not None and gateway.enabled else None
    if isinstance(said, GatewaySettings) and said.port:
        yield (said.host, said.port), GATEWAY


def _is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with contextlib.closing(socket.socket(family)) as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind((host, port))
        except OSError:
            return False
    return True


def _holder(port: int) -> str:
    """Who listens there, as far as this account can see."""
    import psutil

    with contextlib.suppress(psutil.Error, OSError):
        for one in psutil.net_connections("inet"):
            if one.laddr and one.laddr.port == port and one.status == psutil.CONN_LISTEN and one.pid:
                with contextlib.suppress(psutil.Error):
                    return f"{psutil.Process(one.pid).name()} (pid {one.pid})"
    return "somebody whom this account does not see"
