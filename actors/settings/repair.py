"""What the operator allowed beforehand: which repairs may be done to a workload, and within which bounds.

Types only; pure. Paths are relative to the workload's directory. Nothing is done beyond what stands here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from actors.settings.markers import Command
from actors.settings.units import Bytes, Seconds, Share

FailureClass = Literal[
    "import",
    "connection",
    "timeout",
    "dns",
    "key",
    "config",
    "port",
    "lock",
    "file_missing",
    "permission",
    "disk",
    "memory",
    "fd",
    "db_corrupt",
    "db_locked",
    "db_schema",
    "syntax",
    "type_bug",
    "tls",
    "http",
    "auth",
    "killed",
    "assert",
    "unknown",
]
"""What a failure is about, by the root of its chain of causes, its errno and its exit status."""

UTF8_VARIABLES: Final[Mapping[str, str]] = MappingProxyType(
    {"PYTHONUTF8": "1", "PYTHONIOENCODING": "utf-8", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
)
"""What a workload is started with when it is to use UTF-8."""

_DISTRIBUTION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(\[[A-Za-z0-9._,-]+\])?==[A-Za-z0-9][A-Za-z0-9.!+_-]*")
_OCTAL: Final = re.compile(r"0?[0-7]{3}")


def check_paths(key: str, paths: Iterable[str]) -> None:
    """Refuse paths that reach outside a directory by `..`.

    Raises: ValueError.
    """
    for path in paths:
        if not path or "\0" in path or ".." in path.split("/"):
            raise ValueError(f'{key}: "{path}" is no path in or beneath a directory; allowed: a path without ..')


class Module(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a module that cannot be imported is installed. Exactly one of package and install."""

    package: str | None = None
    """Distribution with its version, NAME==VERSION, installed by pip into the environment of the workload's own
    Python; never into the system's."""

    install: Command | None = None
    """Program and arguments instead, run in the workload's directory."""

    timeout: Seconds = Seconds(120)
    """Seconds it may take; then it is killed and counts as failed."""

    def __post_init__(self) -> None:
        """Refuse none or both, and a distribution without a version.

        Raises: ValueError.
        """
        if (self.package is None) == (self.install is None):
            raise ValueError("exactly one of package and install is needed")
        if self.package is not None and not _DISTRIBUTION.fullmatch(self.package):
            raise ValueError(f'package: "{self.package}" names no version; allowed: NAME==VERSION')
        if self.install is not None and not (self.install and self.install[0]):
            raise ValueError("install: is empty; allowed: a program and its arguments")
        if self.timeout <= 0:
            raise ValueError("timeout: has to be more than 0s")


class Cleanup(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may be deleted when there is no space left."""

    paths: list[str] = msgspec.field(default_factory=list)
    """Patterns of files that can be done without, the oldest first. `**` reaches into directories; symbolic links are
    never followed."""

    keep_free: Share = Share(0.1)
    """Share of the file system that is free when enough was deleted."""

    def __post_init__(self) -> None:
        """Refuse patterns that reach outside the workload's directory by `..`.

        Raises: ValueError.
        """
        check_paths("paths", self.paths)


class FileHolder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which process may be ended when it holds a file that the workload needs."""

    command: str
    """Text that its command line has to contain."""

    def __post_init__(self) -> None:
        """Refuse a text that every process contains.

        Raises: ValueError.
        """
        if not self.command.strip():
            raise ValueError("command: is empty; allowed: a part of the holder's command line")


class Inputs(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Input files of which a broken one may be put aside."""

    paths: list[str] = msgspec.field(default_factory=list)
    """Patterns of input files. One is put aside when the failure names it, or it is the only one that cannot be read
    as what its suffix says."""

    quarantine: str = "quarantine"
    """Directory they are moved to; made when it is missing."""

    def __post_init__(self) -> None:
        """Refuse patterns that reach outside the workload's directory by `..`.

        Raises: ValueError.
        """
        check_paths("paths", [*self.paths, self.quarantine])


class Repair(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The repairs that are allowed, each with what it may touch."""

    modules: dict[str, Module] = msgspec.field(default_factory=dict)
    """Name of a module as it is imported -> how it is installed when it is missing."""

    cleanup: Cleanup = Cleanup()
    """What may be deleted when there is no space left."""

    restore: dict[str, str] = msgspec.field(default_factory=dict)
    """File -> copy that takes its place when the file is broken; the broken one is kept beside it."""

    stale_locks: list[str] = msgspec.field(default_factory=list)
    """Lock and pid files that are removed when nobody holds them any more."""

    port_owner: Literal["never", "same_command"] = "never"
    """same_command: a process that holds the workload's port and has its very command line is ended."""

    file_holders: dict[str, FileHolder] = msgspec.field(default_factory=dict)
    """File -> which process is ended when it holds the file."""

    directories: list[str] = msgspec.field(default_factory=list)
    """Directories that are made when they are missing."""

    permissions: dict[str, str] = msgspec.field(default_factory=dict)
    """File or directory -> permissions it gets back, octal: "0640". Only what belongs to the node's account."""

    inputs: Inputs = Inputs()
    """Input files of which a broken one may be put aside."""

    encoding: bool = True
    """Start it with Python's UTF-8 mode and a UTF-8 locale when it fails over an encoding."""

    open_files_max: Annotated[int, Meta(ge=16)] | None = None
    """Number of open files up to which its limit may be raised. None: it is not raised."""

    memory_max: Bytes | None = None
    """Bytes up to which its memory limit may be raised. None: it is not raised."""

    sources: list[str] = msgspec.field(default_factory=list)
    """Patterns of Python files for which a patch may be proposed."""

    apply_patches: bool = False
    """true: a proposed patch is applied, and taken back when it does not help. false: it is only written down."""

    def __post_init__(self) -> None:
        """Refuse paths that reach outside the workload's directory by `..`, and permissions that are no octal number.

        Raises: ValueError.
        """
        check_paths("restore", [*self.restore, *self.restore.values()])
        check_paths("stale_locks", self.stale_locks)
        check_paths("file_holders", self.file_holders)
        check_paths("directories", self.directories)
        check_paths("permissions", self.permissions)
        check_paths("sources", self.sources)
        for path, mode in self.permissions.items():
            if not _OCTAL.fullmatch(mode):
                raise ValueError(f'permissions.{path}: "{mode}" is no octal number; allowed: "0640"')


class Tunable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A number of the workload that may be changed within bounds. Exactly one of env and file."""

    type: Literal["int", "float"] = "float"
    """int: whole numbers only."""

    min: float
    """The least it may become."""

    max: float
    """The most it may become."""

    env: str | None = None
    """Environment variable that holds it."""

    file: str | None = None
    """JSON, TOML, YAML or INI file that holds it, under `key`."""

    key: str | None = None
    """Where in the file: names with dots between. None: the tunable's own name."""

    factor: Annotated[float, Meta(gt=1.0)] = 2.0
    """By how much it is raised or lowered at a time."""

    raise_on: list[FailureClass] | None = None
    """Failures against which it is raised. None: by its name; one called timeout is raised against time-outs."""

    lower_on: list[FailureClass] | None = None
    """Failures against which it is lowered. None: by its name; workers, concurrency, batch and the like are lowered
    against lacking memory, too many open files and rate limits."""

    def __post_init__(self) -> None:
        """Refuse none or both places, a key without a file, and bounds that exclude one another.

        Raises: ValueError.
        """
        if (self.env is None) == (self.file is None):
            raise ValueError("exactly one of env and file is needed")
        if self.key is not None and self.file is None:
            raise ValueError("key: is of a file only")
        if self.max < self.min:
            raise ValueError("max: has to be at least min")
        if self.file is not None:
            check_paths("file", [self.file])


def check_config_files(paths: list[str]) -> None:
    """Refuse paths that reach outside the workload's directory by `..`.

    Raises: ValueError.
    """
    check_paths("config_files", paths)
