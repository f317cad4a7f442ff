"""What an operator says about the node, and the settings as a whole once they are read.

Types only; pure but for the host name and the current directory as defaults.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypeVar

import msgspec
from msgspec import Struct

from actors.settings.units import Seconds
from actors.settings.workloads import Mode, RunMode, WorkloadSettings, short_hash

NAME_ALLOWED: Final = "1 to 64 of a-z, 0-9, _ and -"
_NAME: Final = re.compile(r"[a-z0-9_-]{1,64}")
_LOOPBACK: Final = re.compile(r"tcp://127\.0\.0\.1:([0-9]{1,5})")
_PORT_MAX: Final = 65_535

StructT = TypeVar("StructT", bound=Struct)


def is_name(text: str) -> bool:
    """Tell whether the text can name a node, a workload or an actor: a token of the bus."""
    return _NAME.fullmatch(text) is not None


def default_node_name() -> str:
    """Give the short host name as a token: lower-case, other letters as -."""
    short = os.uname().nodename.partition(".")[0].lower()
    return re.sub(r"[^a-z0-9_-]+", "-", short).strip("-")[:64] or "node"


class NodeSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One node: one `bin/node` on one machine."""

    name: str = msgspec.field(default_factory=default_node_name)
    """Token of a-z, 0-9, _ and -, at most 64; it is part of every topic. Default: the short host name."""

    state_dir: str = "./var"
    """Directory of databases and logs, relative to the config file."""

    run_dir: str | None = None
    """Directory of sockets and locks, relative to the config file; None: state_dir/run. A short path, as a socket
    has room for 107 characters."""

    facts: str | None = None
    """Second address where facts are published: tcp://127.0.0.1:PORT. None: the socket in run_dir only."""

    commands: str | None = None
    """Second address where commands are taken: tcp://127.0.0.1:PORT. None: the socket in run_dir only."""

    shutdown_grace: Seconds = Seconds(30)
    """Seconds in which all workloads and actors have to end when the node is told to stop."""

    def __post_init__(self) -> None:
        """Refuse a name that is no token, an empty directory, and an address others could reach.

        Raises: ValueError.
        """
        if not is_name(self.name):
            raise ValueError(f'name: "{self.name}" is no name; allowed: {NAME_ALLOWED}')
        for key, directory in (("state_dir", self.state_dir), ("run_dir", self.run_dir)):
            if directory == "" or "\0" in (directory or ""):
                raise ValueError(f"{key}: is no directory; allowed: a path")
        for key, address in (("facts", self.facts), ("commands", self.commands)):
            if address is not None:
                _check_loopback(key, address)
        if self.facts is not None and self.facts == self.commands:
            raise ValueError("facts and commands need two different ports")


class ActorSettings(Struct, frozen=True, kw_only=True):
    """One actor of the node."""

    use: str | None = None
    """Import path of an actor of the operator, module:Class. None: a built-in or installed one."""

    enabled: bool = True
    """false: the node runs without it."""

    settings: Struct
    """Its own settings, of the type the actor names."""


class Workload(Struct, frozen=True, kw_only=True):
    """One instance that runs: a workload of the config in one mode."""

    name: str
    """Name of the instance; in dual mode NAME-live and NAME-sandbox."""

    config_name: str
    """Key beneath `workloads:` in the file; in dual mode two instances share it."""

    mode: Mode
    """Mode of this instance."""

    spec: WorkloadSettings
    """With the mode's overrides applied (modes is empty) and dependencies renamed to instances."""

    cwd: Path
    """Directory it runs in, absolute."""

    env: dict[str, str]
    """Added to the node's environment: the workload's, then the mode's, then GYROSTAT_MODE."""


class Origin(Struct, frozen=True, gc=False):
    """Where a value was written."""

    file: str
    """Name of the file; `environment` or `flags` for the other two."""

    line: int = 0
    """From 1; 0 when there are no lines."""

    variable: str = ""
    """Name of the environment variable, for those."""


class Settings(Struct, frozen=True, kw_only=True):
    """Everything the operator said, checked."""

    node: NodeSettings
    """The node itself."""

    mode: RunMode = "live"
    """Mode the node runs in."""

    workloads: dict[str, Workload] = msgspec.field(default_factory=dict)
    """Name of the instance -> instance, in the order of the file."""

    left_out: list[str] = msgspec.field(default_factory=list)
    """Workloads of the file that do not run in this mode."""

    actors: dict[str, ActorSettings] = msgspec.field(default_factory=dict)
    """Name -> actor: built-in ones with their defaults, then those of the file."""

    path: Path | None = None
    """The config file, absolute; None: defaults, environment and flags only."""

    root: Path = msgspec.field(default_factory=Path.cwd)
    """Directory that relative paths start from: the config file's, absolute."""

    declared: dict[str, WorkloadSettings] = msgspec.field(default_factory=dict)
    """Workloads as the file has them, with nothing applied, in its order."""

    origins: Mapping[str, Origin] = msgspec.field(default_factory=dict)
    """Dotted key -> where it was written; a key that is absent has its default."""

    @property
    def revision(self) -> str:
        """Short hash of all that was said; the same text gives the same revision on every run. Takes a millisecond."""
        return short_hash([self.node, self.mode, self.declared, self.actors])

    @property
    def state_dir(self) -> Path:
        """Directory of databases and logs, absolute."""
        return self.root / self.node.state_dir

    @property
    def run_dir(self) -> Path:
        """Directory of sockets and locks, absolute."""
        return self.root / self.node.run_dir if self.node.run_dir else self.state_dir / "run"

    def actor(self, name: str, kind: type[StructT]) -> StructT:
        """Give the settings of one actor.

        Raises: KeyError when there is no such actor; TypeError when its settings are of another type.
        """
        found = self.actors[name].settings
        if not isinstance(found, kind):
            raise TypeError(f"settings of {name} are {type(found).__name__}, not {kind.__name__}")
        return found


def _check_loopback(key: str, address: str) -> None:
    match = _LOOPBACK.fullmatch(address)
    if match is not None and 0 < int(match[1]) <= _PORT_MAX:
        return
    if address.startswith("tcp://") and match is None:
        raise ValueError(
            f'{key}: "{address}" could be reached by others; that needs keys, which are not there yet; '
            "allowed: tcp://127.0.0.1:PORT"
        )
    raise ValueError(f'{key}: "{address}" is no address; allowed: tcp://127.0.0.1:PORT')
