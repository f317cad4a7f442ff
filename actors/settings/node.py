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

from actors.settings.alerts import AlertSettings
from actors.settings.datasets import DatasetSettings
from actors.settings.metrics import Metric
from actors.settings.push import PushSettings
from actors.settings.tasks import TaskKind
from actors.settings.units import Seconds
from actors.settings.workloads import Mode, RunMode, WorkloadSettings, short_hash, spec_hash

NAME_ALLOWED: Final = "1 to 64 of a-z, 0-9, _ and -"
_NAME: Final = re.compile(r"[a-z0-9_-]{1,64}")
ADDRESS_ALLOWED: Final = "tcp://HOST:PORT"
KEY_ALLOWED: Final = "the 40 characters that gyrostat keys show prints there, in double quotes"

StructT = TypeVar("StructT", bound=Struct)


def is_name(text: str) -> bool:
    """Tell whether the text can name a node, a workload or an actor: a token of the bus."""
    return _NAME.fullmatch(text) is not None


def default_node_name() -> str:
    """Give the short host name as a token: lower-case, other letters as -."""
    short = os.uname().nodename.partition(".")[0].lower()
    return re.sub(r"[^a-z0-9_-]+", "-", short).strip("-")[:64] or "node"


class ListenSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where other machines reach this node, besides the sockets in run_dir. Needs keys: `gyrostat keys new`."""

    facts: str | None = None
    """Address where facts are published: tcp://HOST:PORT, 0.0.0.0 for every interface. None: not to other machines."""

    commands: str | None = None
    """Address where commands are taken, from keys of operators and nodes."""

    replay: str | None = None
    """Address where facts that somebody missed are asked for again."""

    def __post_init__(self) -> None:
        """Refuse what is no address of tcp, and the same one twice.

        Raises: ValueError.
        """
        _check_addresses(self, ipc=False)

    @property
    def addresses(self) -> list[str]:
        """Those that are given."""
        return [address for address in (self.facts, self.commands, self.replay) if address is not None]


class PeerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another node, as this one reaches it."""

    facts: str | None = None
    """Address where it publishes facts: tcp://HOST:PORT. None: its facts are not wanted."""

    commands: str | None = None
    """Address where it takes commands. None: it is asked nothing."""

    replay: str | None = None
    """Address where missed facts are asked for again. None: where its heartbeats say."""

    key: str | None = None
    """Its public key, as `gyrostat keys show` prints it there. None only when every address is ipc."""

    def __post_init__(self) -> None:
        """Refuse what is no address, a peer without any, and one over tcp whose key is missing or none.

        Raises: ValueError.
        """
        _check_addresses(self, ipc=True)
        if not (self.facts or self.commands):
            raise ValueError("has no address; allowed: facts, commands, or both")
        over_tcp = any(
            address and not address.startswith("ipc:") for address in (self.facts, self.commands, self.replay)
        )
        if self.key is None and over_tcp:
            raise ValueError(f"key: is missing, and tcp needs one; allowed: {KEY_ALLOWED}")
        if self.key is not None:
            _check_key(self.key)


class NodeSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One node: one `bin/node` on one machine."""

    name: str = msgspec.field(default_factory=default_node_name)
    """Token of a-z, 0-9, _ and -, at most 64; it is part of every topic. Default: the short host name."""

    state_dir: str = "./var"
    """Directory of databases and logs, relative to the config file."""

    run_dir: str | None = None
    """Directory of sockets and locks, relative to the config file; None: state_dir/run. A short path, as a socket
    has room for 107 characters."""

    listen: ListenSettings = msgspec.field(default_factory=ListenSettings)
    """Addresses for other machines. None of them is needed on one machine."""

    peers: dict[str, PeerSettings] = {}
    """Name of each other node -> how it is reached. A node supervises only its own workloads; peers tell each other
    what happens."""

    shutdown_grace: Seconds = Seconds(30)
    """Seconds in which all workloads and actors have to end when the node is told to stop."""

    def __post_init__(self) -> None:
        """Refuse a name that is no token, an empty directory, and a peer that has this node's name.

        Raises: ValueError.
        """
        if not is_name(self.name):
            raise ValueError(f'name: "{self.name}" is no name; allowed: {NAME_ALLOWED}')
        for key, directory in (("state_dir", self.state_dir), ("run_dir", self.run_dir)):
            if directory == "" or "\0" in (directory or ""):
                raise ValueError(f"{key}: is no directory; allowed: a path")
        for name in self.peers:
            if not is_name(name):
                raise ValueError(f'peers: "{name}" is no name; allowed: {NAME_ALLOWED}')
            if name == self.name:
                raise ValueError(f'peers: "{name}" is this node itself; allowed: the names of other nodes')


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

    instance: int | None = None
    """Its number, from 1, among the instances of the workload; None for a workload that has none."""

    port: int | None = None
    """Its own port, in its environment as PORT and GYROSTAT_PORT."""

    @property
    def group(self) -> tuple[str, Mode]:
        """What the instances of one workload in one mode have in common, and no other has."""
        return self.config_name, self.mode


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

    tasks: dict[str, TaskKind] = msgspec.field(default_factory=dict)
    """Name -> kind of task, in the order of the file."""

    datasets: dict[str, DatasetSettings] = msgspec.field(default_factory=dict)
    """Name -> data set, in the order of the file."""

    alerts: AlertSettings = AlertSettings()
    """Who is told what."""

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
        later = filter(None, (self.tasks, self.datasets, self.alerts if self.alerts != AlertSettings() else None))
        return short_hash([self.node, self.mode, self.declared, self.actors, *later])

    @property
    def push(self) -> PushSettings:
        """Where workloads can hand in values of metrics: as the Monitor says, when it runs."""
        found = self._of_monitor("push")
        return found if isinstance(found, PushSettings) else PushSettings()

    @property
    def host_metrics(self) -> dict[str, Metric]:
        """Declared metrics of the host: as the Monitor says, when it runs."""
        found = self._of_monitor("metrics")
        return found if isinstance(found, dict) else {}

    def _of_monitor(self, key: str) -> object:
        monitor = self.actors.get("monitor")
        return getattr(monitor.settings, key, None) if monitor is not None and monitor.enabled else None

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


def _check_addresses(settings: ListenSettings | PeerSettings, *, ipc: bool) -> None:
    """Raises: ValueError that begins with the key at fault."""
    allowed = f"{ADDRESS_ALLOWED} or ipc:///PATH" if ipc else ADDRESS_ALLOWED
    given: dict[str, str] = {}
    for key in ("facts", "commands", "replay"):
        address: str | None = getattr(settings, key)
        if address is not None:
            _check_address(key, address, allowed)
            if address in given:
                raise ValueError(
                    f'{key}: "{address}" is the address of {given[address]} already; allowed: one for each'
                )
            if address.startswith("ipc:") and not ipc:
                raise ValueError(f'{key}: "{address}" is of this machine only, as run_dir is; allowed: {allowed}')
            given[address] = key


def _check_address(key: str, address: str, allowed: str) -> None:
    """Raises: ValueError."""
    from bus.addresses import check_address  # noqa: PLC0415 - most configs have none of this
    from bus.errors import BusError  # noqa: PLC0415

    if address.endswith(":*"):
        raise ValueError(f'{key}: "{address}" says no port; allowed: {allowed}')
    try:
        check_address(address, keyed=True)
    except BusError as error:
        problem = str(error).partition(": ipc:///")[0].removeprefix(f"{address!r}: ")
        raise ValueError(f"{key}: {_quoted(problem, address)}; allowed: {allowed}") from None


def _quoted(problem: str, address: str) -> str:
    """The problem as faults are worded: the address in double quotes."""
    text = problem.replace(repr(address), f'"{address}"').removesuffix(" of a bus")
    return text if address in text else f'"{address}": {text}'


def _check_key(key: str) -> None:
    """Raises: ValueError."""
    from bus.errors import BusError  # noqa: PLC0415 - most configs have none of this
    from bus.z85 import check_key  # noqa: PLC0415

    try:
        check_key(key)
    except BusError as error:
        problem = str(error).partition("; allowed: ")[0]
        raise ValueError(f"key: {problem}; allowed: {KEY_ALLOWED}") from None


def fingerprint(workload: Workload) -> str:
    """Give what tells two forms of a workload apart."""
    return f"{spec_hash(workload.spec)} {workload.mode} {workload.cwd} {sorted(workload.env.items())}"
