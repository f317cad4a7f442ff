"""`gyrostat service`: the node as a service of systemd or launchd."""

from __future__ import annotations

import functools
import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from actors.cli.exits import OK, USAGE, Failed, complain, refusal
from actors.cli.options import command, config_option, examples
from actors.cli.place import Place

if TYPE_CHECKING:
    from actors.cli.service_files import Service

MAC = "darwin"


@click.group(
    invoke_without_command=True,
    epilog=examples(
        "service install                      for this account, from login on",
        "service install --system --as web    for the machine, from boot on, as the account web",
        "service show                         only what would be written",
        "service uninstall",
    ),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@config_option
@click.pass_context
def service(ctx: click.Context) -> None:
    """Run the node as a service of systemd or launchd.

    The service manager starts it at boot or login, starts it again when it dies or no longer answers, and never touches
    its workloads: the next node adopts them.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def _whose(function: Any) -> Any:
    function = click.option("--as", "account", metavar="ACCOUNT", help="Account it runs as; with --system.")(function)
    return _scope("For the machine. Default for root.", "For this account. Default for others.")(function)


def _scope(system: str, user: str) -> Callable[[Any], Any]:
    """--system and --user, given to the command as `system`: None when it is not said. system, user: their help."""

    def add(function: Any) -> Any:
        @functools.wraps(function)
        def scoped(*args: Any, for_system: bool, for_user: bool, **rest: Any) -> Any:
            if for_system and for_user:
                msg = "--system and --user exclude each other"
                raise click.UsageError(msg)
            return function(*args, system=for_system if for_system or for_user else None, **rest)

        with_user = click.option("--user", "for_user", is_flag=True, help=user)(scoped)
        return click.option("--system", "for_system", is_flag=True, help=system)(with_user)

    return add


@_whose
@click.option("--dir", "folder", type=click.Path(path_type=Path), metavar="DIR", help="Write there; start nothing.")
@click.option("--no-start", is_flag=True, help="Write and enable it only.")
def _install(place: Place, *, system: bool | None, account: str | None, folder: Path | None, no_start: bool) -> int:
    """Write the unit, check it, and start it.

    An installed one is written anew. Needs systemd or launchd; without a running one it is only written.
    """
    from actors.cli.paint import put

    found = _service(place, system=system, account=account)
    path = _path(found, folder)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        former = path.read_bytes() if path.exists() else None
        path.write_bytes(_text(found))
    except OSError as error:
        raise Failed(f"cannot write {path}: {error.strerror}; use --user, or run it as root") from None
    _verify(path, former)
    put(f"written: {path}")
    if folder is not None:
        return OK
    return _manage(found, path, no_start=no_start)


@_whose
def _show(place: Place, *, system: bool | None, account: str | None) -> int:
    """Print what `service install` would write."""
    from actors.cli.paint import put

    put(_text(_service(place, system=system, account=account)).decode().rstrip("\n"))
    return OK


@_scope("That of the machine.", "That of this account. Default: whichever of the two is there.")
@click.option("--dir", "folder", type=click.Path(path_type=Path), metavar="DIR", help="Remove it there; stop nothing.")
def _uninstall(place: Place, *, system: bool | None, folder: Path | None) -> int:
    """Stop the service and remove its unit.

    Stops the workloads too; end the node with `gyrostat stop --keep-workloads` before it to keep them.
    """
    from actors.cli.paint import put

    found, path = _installed(place, folder, system=system)
    if folder is None and _managed():
        if sys.platform == MAC:
            _call("launchctl", "bootout", f"{_domain(found)}/{found.label}")
        else:
            _call(*_systemctl(found), "disable", "--now", path.name)
    path.unlink()
    put(f"removed: {path}")
    return OK


def _installed(place: Place, folder: Path | None, *, system: bool | None) -> tuple[Service, Path]:
    """The service that is to go, and its unit. Raises: Failed when there is none, or there are two."""
    from actors.cli.service_files import Service

    place.check_here()
    nothing = Service(node=place.name, argv=[], directory=place.config.parent, path="", grace_s=0, system=True)
    scopes = [True, False] if system is None else [system]
    services = [msgspec.structs.replace(nothing, system=scope) for scope in scopes]
    places = {_path(one, folder): one for one in services}
    there = [path for path in places if path.exists()]
    if len(there) > 1:
        raise Failed(f"there are two, {there[0]} and {there[1]}; say --system or --user", code=USAGE)
    if not there:
        caller = os.environ.get("SUDO_USER")
        hint = f"; one that {caller} installed is removed by {caller}, without sudo" if caller else ""
        raise Failed(f"not installed: there is no {' and no '.join(map(str, places))}{hint}")
    return places[there[0]], there[0]


def _service(place: Place, *, system: bool | None, account: str | None) -> Service:
    """The node of the config as a service. Raises: Failed when the config has a fault."""
    from actors.cli.background import command_line
    from actors.cli.service_files import Service
    from actors.node import load_node
    from actors.settings import ConfigError

    place.check_here()
    as_system = os.geteuid() == 0 if system is None else system
    if account and not as_system:
        msg = "--as goes with --system; without, it runs as the account that installs it"
        raise click.UsageError(msg)
    if account and not _exists(account):
        raise Failed(f"no account {account!r} on this machine; allowed: one that is there")
    try:
        settings, _ = load_node(place.config, os.environ)
    except ConfigError as error:
        raise refusal(error) from None
    argv = command_line(place, {})
    argv.insert(argv.index("up") + 1, "--guard")
    return Service(
        node=settings.node.name,
        argv=argv,
        directory=place.config.absolute().parent,
        path=os.environ.get("PATH", os.defpath),
        grace_s=settings.node.shutdown_grace,
        system=as_system,
        account=account,
        out=settings.state_dir / "node.out",
    )


def _exists(account: str) -> bool:
    try:
        pwd.getpwnam(account)
    except KeyError:
        return False
    return True


def _text(found: Service) -> bytes:
    from actors.cli.service_files import plist_of, unit_of

    return plist_of(found) if sys.platform == MAC else unit_of(found).encode()


def _path(found: Service, folder: Path | None) -> Path:
    if sys.platform == MAC:
        home = Path("/Library/LaunchDaemons") if found.system else Path.home() / "Library/LaunchAgents"
        return (folder or home) / f"{found.label}.plist"
    own = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "systemd/user"
    return (folder or (Path("/etc/systemd/system") if found.system else own)) / f"{found.name}.service"


def _verify(path: Path, former: bytes | None) -> None:
    """Have systemd read it. Raises: Failed with what it says; then the former one is back."""
    if sys.platform == MAC or shutil.which("systemd-analyze") is None:
        return
    argv = ["systemd-analyze", "verify", str(path)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    said = [line for line in done.stderr.splitlines() if path.name in line]
    if done.returncode and said:
        if former is None:
            path.unlink()
        else:
            path.write_bytes(former)
        raise Failed(*(f"systemd-analyze: {line}" for line in said))


def _managed() -> bool:
    return sys.platform == MAC or Path("/run/systemd/system").is_dir()


def _manage(found: Service, path: Path, *, no_start: bool) -> int:
    from actors.cli.paint import put

    if not _managed():
        complain(f"systemd does not run here; where it does: systemctl enable --now {path.name}")
        return OK
    if sys.platform == MAC:
        if not no_start:
            _call("launchctl", "bootstrap", _domain(found), str(path))
            put(f"started: {found.label}")
        return OK
    _call(*_systemctl(found), "daemon-reload")
    _call(*_systemctl(found), "enable", *(() if no_start else ("--now",)), path.name)
    put(f"{'enabled' if no_start else 'enabled and started'}: {path.name}")
    if not found.system:
        put("it ends with your last session, unless: loginctl enable-linger")
    return OK


def _systemctl(found: Service) -> tuple[str, ...]:
    return ("systemctl",) if found.system else ("systemctl", "--user")


def _domain(found: Service) -> str:
    return "system" if found.system else f"gui/{os.getuid()}"


def _call(*argv: str) -> None:
    """Raises: Failed with what the program said."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"{' '.join(argv)}: {(done.stderr or done.stdout).strip() or f'code {done.returncode}'}")


service.add_command(
    command("service install", "service install --system --as web", name="install")(_install),
)
service.add_command(command("service show", "service show --system", name="show")(_show))
service.add_command(command("service uninstall", name="uninstall")(_uninstall))
