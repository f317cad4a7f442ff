"""Where a running node answers: the file endpoints.json, its directory, and how a client finds both."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from bus.addresses import IPC_PATH_BYTES_MAX, check_address, check_private
from bus.errors import BusError, NotConnected

FILE_NAME: Final = "endpoints.json"
FACTS_NAME: Final = "facts.sock"
COMMANDS_NAME: Final = "commands.sock"
REPLAY_NAME: Final = "replay.sock"

_NOBODY: Final = f"no node runs at {{}}: there is no {FILE_NAME}"


class Endpoints(msgspec.Struct, frozen=True, kw_only=True):
    """Where a node answers: addresses, the one to prefer first. pid: 0 when it is not on this machine or not known.

    key: the node's public key (Z85), for addresses that are tcp.
    """

    node: str
    pid: int = 0
    epoch: int = 0
    facts: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    replay: tuple[str, ...] = ()
    key: str = ""

    def also(
        self, *, facts: str | None = None, commands: str | None = None, replay: str | None = None, key: str
    ) -> Endpoints:
        """The same with second addresses, for other machines, where given."""
        more = {"facts": facts, "commands": commands, "replay": replay}
        added = {door: (*getattr(self, door), address) for door, address in more.items() if address}
        return msgspec.structs.replace(self, **added, key=key)


def endpoints_of(run_dir: Path, *, node: str, epoch: int) -> Endpoints:
    """The endpoints of this process: its sockets in run_dir."""
    return Endpoints(
        node=node,
        pid=os.getpid(),
        epoch=epoch,
        facts=(f"ipc://{run_dir / FACTS_NAME}",),
        commands=(f"ipc://{run_dir / COMMANDS_NAME}",),
        replay=(f"ipc://{run_dir / REPLAY_NAME}",),
    )


def write_endpoints(run_dir: Path, endpoints: Endpoints) -> Path:
    """Write endpoints.json in one step, mode 0600; what was there is replaced.

    Raises: OSError.
    """
    path = run_dir / FILE_NAME
    fresh = run_dir / f".{FILE_NAME}.{os.getpid()}"
    fresh.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(msgspec.json.encode(endpoints) + b"\n")
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    return path


def remove_endpoints(run_dir: Path, *, epoch: int | None = None) -> None:
    """Take endpoints.json away, so that clients know at once that nobody answers.

    epoch: only when the file is of this start of the node; None whatever it says.
    """
    path = run_dir / FILE_NAME
    if epoch is not None:
        try:
            if _read(path).epoch != epoch:
                return
        except (OSError, BusError):
            return
    path.unlink(missing_ok=True)


def find_endpoints(path: str | Path) -> Path:
    """The endpoints.json that a path leads to: the file itself, or that of a run or state directory.

    Raises: NotConnected when there is none; BusError when it is in a shared place and not ours.
    """
    place = Path(path).absolute()
    if place.is_file():
        return place
    for run_dir in (place, place / "run"):
        if (run_dir / FILE_NAME).is_file():
            return run_dir / FILE_NAME
    for run_dir in (*_short_dirs(place), *_short_dirs(place / "run")):
        if (run_dir / FILE_NAME).is_file():
            check_private(run_dir)
            return run_dir / FILE_NAME
    raise NotConnected(_NOBODY.format(path))


def read_endpoints(path: str | Path) -> Endpoints:
    """Where the node of a state directory, run directory or endpoints.json answers.

    Raises: NotConnected when there is no such file; BusError when it does not hold endpoints.
    """
    found = find_endpoints(path)
    try:
        endpoints = _read(found)
    except FileNotFoundError as error:
        raise NotConnected(_NOBODY.format(path)) from error
    except OSError as error:
        msg = f"{found}: {error.strerror}"
        raise BusError(msg) from error
    for address in (*endpoints.facts, *endpoints.commands, *endpoints.replay):
        check_address(address, keyed=bool(endpoints.key))
    return endpoints


def check_alive(endpoints: Endpoints) -> None:
    """See that the process that wrote the endpoints still is; one of another user counts as alive.

    Raises: NotConnected.
    """
    if endpoints.pid <= 0:
        return
    try:
        os.kill(endpoints.pid, 0)
    except ProcessLookupError as error:
        msg = f"node {endpoints.node} does not run: its process {endpoints.pid} is gone"
        raise NotConnected(msg) from error
    except PermissionError:
        return


def run_dir_for(wanted: str | Path, uid: int | None = None) -> Path:
    """The directory for a node's sockets, made with mode 0700 when missing.

    wanted, or when a socket's path there would be too long for the kernel a short one that follows from it:
    `$XDG_RUNTIME_DIR/gyrostat-<hash>`, else `/tmp/gyrostat-<uid>-<hash>`. uid: ours when None.

    Raises: BusError when it cannot be made, is not ours or is open to others.
    """
    place = Path(wanted).absolute()
    run_dir = place if _fits(place) else next(filter(_fits, _short_dirs(place, uid)), None)
    if run_dir is None:
        msg = f"no directory for the sockets of {wanted} has a path short enough"
        raise BusError(msg)
    try:
        run_dir.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            run_dir.mkdir(mode=0o700)
    except OSError as error:
        msg = f"cannot make {run_dir}: {error.strerror}"
        raise BusError(msg) from error
    check_private(run_dir)
    return run_dir


def _read(path: Path) -> Endpoints:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Endpoints)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        msg = f"{path}: {error}"
        raise BusError(msg) from error


def _fits(run_dir: Path) -> bool:
    return len(os.fsencode(run_dir / COMMANDS_NAME)) <= IPC_PATH_BYTES_MAX


def _short_dirs(wanted: Path, uid: int | None = None) -> Iterator[Path]:
    """Where the sockets may be when the path of the wanted run directory is too long."""
    import hashlib  # noqa: PLC0415 - costs 2 ms, and is seldom needed

    number = os.getuid() if uid is None else uid
    digest = hashlib.sha256(os.fsencode(wanted.resolve())).hexdigest()[:12]
    named = os.environ.get("XDG_RUNTIME_DIR", "")
    for base in dict.fromkeys((named, f"/run/user/{number}")):
        if base.startswith("/") and os.access(base, os.W_OK):
            yield Path(base) / f"gyrostat-{digest}"
    yield Path("/tmp") / f"gyrostat-{number}-{digest}"  # noqa: S108 - made 0700 and checked to be ours
