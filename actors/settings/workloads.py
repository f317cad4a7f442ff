"""What an operator says about one workload. Types only; pure."""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Struct

from actors.settings.healing import DegradeStep, Fallback, Phase, check_degrade
from actors.settings.instances import (
    Instances,
    RollPolicy,
    check_override,
    check_ports,
    check_roll,
    check_sockets,
    check_tags,
)
from actors.settings.limits import Limits, umask_of
from actors.settings.markers import Command, Environment, NamesAs
from actors.settings.metrics import RESERVED, Metric, Metrics, check_names
from actors.settings.notify import Notify
from actors.settings.policies import Hook, LogPolicy, RestartPolicy, StopPolicy
from actors.settings.probes import Probe, Probes
from actors.settings.repair import Repair, Tunable, check_config_files
from actors.settings.schedules import Schedule, Window, Windows
from actors.settings.thresholds import METRICS, Threshold
from actors.settings.units import enc_hook

__all__ = [
    "METRICS",
    "Hook",
    "Limits",
    "LogPolicy",
    "Metric",
    "Mode",
    "ModeOverride",
    "Notify",
    "Probe",
    "Probes",
    "Repair",
    "RestartPolicy",
    "RunMode",
    "Schedule",
    "StopPolicy",
    "Threshold",
    "Tunable",
    "Window",
    "Windows",
    "WorkloadSettings",
    "revision",
    "spec_hash",
]

Mode = Literal["sandbox", "live"]
"""The mode one process runs in."""

RunMode = Literal["sandbox", "live", "dual"]
"""The mode a node runs in; dual: both, side by side."""


class ModeOverride(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is different about a workload in one mode."""

    env: Environment = msgspec.field(default_factory=dict)
    """Added to the workload's env, and wins over it."""

    cwd: str | None = None
    """Directory instead of the workload's."""

    command: Command | None = None
    """Program and arguments instead of the workload's."""

    ports: str | None = None
    """Range of ports instead of the workload's."""

    sockets: dict[str, str] | None = None
    """Shared sockets instead of the workload's."""

    def __post_init__(self) -> None:
        """Refuse an empty command, an empty directory, and what is no port or address.

        Raises: ValueError.
        """
        check_ports(self.ports, None)
        check_sockets(self.sockets or {})
        if self.command is not None and not (self.command and self.command[0]):
            raise ValueError("command: is empty; allowed: a program and its arguments")
        if self.cwd is not None and (not self.cwd or "\0" in self.cwd):
            raise ValueError("cwd: is no directory; allowed: a path")


class WorkloadSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One long-running program that is kept alive."""

    command: Command
    """Program and arguments, or one text that is split as a shell would; no shell is run."""

    cwd: str = "."
    """Directory it runs in, relative to the config file."""

    env: Environment = msgspec.field(default_factory=dict)
    """Environment variables added to those of the node."""

    user: str | None = None
    """Account it runs as; only when the node runs as root. None: the node's own."""

    runs_in: list[Mode] | None = None
    """Modes it runs in. None: every mode."""

    critical: bool = False
    """A critical workload is restarted at once, and its failure makes the whole node critical."""

    autostart: bool = True
    """Start it with the node; false: only by command."""

    restart: RestartPolicy = RestartPolicy()
    """When it is started again."""

    stop: StopPolicy = StopPolicy()
    """How it is asked to end."""

    depends_on: Annotated[dict[str, Literal["started", "ready"]], NamesAs("ready")] = msgspec.field(
        default_factory=dict
    )
    """Workload -> what it has to be before this one is started. A list or a single name means ready."""

    probes: Probes = Probes()
    """How it is asked whether it is well."""

    metrics: Metrics = msgspec.field(default_factory=dict)
    """Name -> where a metric of its own comes from, beside those of METRICS."""

    thresholds: dict[str, Threshold] = msgspec.field(default_factory=dict)
    """Metric (see METRICS), or one of its own -> limit that makes an issue."""

    drift: list[str] = msgspec.field(default_factory=list)
    """Metrics whose level and spread are watched: a lasting change of either is an issue. For what should stay as it
    is, such as the quality of a model or the rows of an import; a daily rhythm is a drift to it."""

    hooks: dict[str, Hook] = msgspec.field(default_factory=dict)
    """Name -> program that a remedy may run as hook:NAME."""

    heal: dict[str, list[str]] = msgspec.field(default_factory=dict)
    """Kind of issue -> remedies in order, instead of the built-in plan: restart, hook:NAME, signal:NAME, end_strays,
    roll, fallback, hold, task:NAME, or the name of a repair."""

    phase: Phase | None = None
    """How far healing goes by itself for this workload: observe, advise, act or autonomous. None: as the Healer's."""

    config_files: list[str] = msgspec.field(default_factory=list)
    """Files that it reads its configuration from, relative to its directory. While it is well a copy is kept of each;
    it is put back when a change breaks the workload."""

    env_last_good: bool = False
    """Keep its variables (env and env_files) as they were while it was well, and start it with those when a change of
    them breaks it. They are kept in the state directory, readable by its owner only."""

    repair: Repair = Repair()
    """What remedies may do to it beyond restarting it."""

    tunables: dict[str, Tunable] = msgspec.field(default_factory=dict)
    """Name -> number of the workload that may be changed within bounds."""

    degrade: list[DegradeStep] = msgspec.field(default_factory=list)
    """Steps down, in order, on which it goes on with less when what it needs is gone; it returns by itself."""

    fallback: Fallback | None = None
    """Which workload stands in for it while it cannot be healed. None: none."""

    modes: dict[Mode, ModeOverride] = msgspec.field(default_factory=dict)
    """Mode -> what is different in it."""

    log: LogPolicy = LogPolicy()
    """Its log file."""

    tags: list[str] = msgspec.field(default_factory=list)
    """Words that commands can name it by, as in `gyrostat restart @api`."""

    instances: Instances | None = None
    """Number of processes, NAME-1 to NAME-N, each with GYROSTAT_INSTANCE in its environment. None: one, called NAME."""

    ports: str | None = None
    """Range of ports, FIRST-LAST: each instance gets its own, in order, as PORT and GYROSTAT_PORT. None: no ports."""

    sockets: dict[str, str] = msgspec.field(default_factory=dict)
    """Name -> HOST:PORT or unix:/PATH where the node listens; every instance gets the listening sockets, in this order
    from descriptor 3 on, as systemd passes them (LISTEN_FDS). They stay open while processes come and go."""

    roll: RollPolicy = RollPolicy()
    """How its instances are restarted one after the other."""

    group: str | None = None
    """Group it runs as; only when the node runs as root. None: that of its account."""

    umask: str | None = None
    """Permissions its new files do not get, octal: "027". None: the node's own."""

    env_files: list[str] = msgspec.field(default_factory=list)
    """Files of NAME=value lines (dotenv), relative to the config file, read at each start; env wins over them, a later
    file over an earlier one. With - before it a file may be missing."""

    secrets: dict[str, str] = msgspec.field(default_factory=dict)
    """Variable -> file, relative to the config file, whose text it gets at each start; readable by its owner and
    group only. The text is in nothing that the node stores or tells."""

    expand_command: bool = False
    """Replace ${NAME} in the command, too; in env it always is. false: a shell in the command has its own."""

    private_tmp: bool = False
    """Give it a directory of its own as TMPDIR, emptied at each start; as root on Linux also in the place of /tmp."""

    limits: Limits = Limits()
    """What it may use of the machine."""

    notify: Notify = Notify()
    """What it tells of itself: sd_notify, or s6's descriptor."""

    schedule: Schedule | None = None
    """When it runs, if it does its work and ends. None: it runs all the time.

    With a schedule restart.policy always means on-failure: a run that ended well is over until its next time.
    """

    windows: Windows = Windows()
    """When it may run, and when a changed config may restart it."""

    def __post_init__(self) -> None:
        """Refuse a workload with nothing to run, or with no mode to run in.

        Raises: ValueError.
        """
        if not self.command or not self.command[0]:
            raise ValueError("command: is empty; allowed: a program and its arguments")
        if self.umask is not None:
            umask_of(self.umask)
        check_ports(self.ports, self.instances)
        for mode, override in self.modes.items():
            check_override(mode, override.ports, self.instances)
        check_sockets(self.sockets)
        check_tags(self.tags)
        check_config_files(self.config_files)
        check_degrade(self.degrade, self.tunables)
        check_names(self.metrics, RESERVED)
        check_roll(self.roll, self.instances)
        if self.runs_in == []:
            raise ValueError("runs_in: is empty; leave it out for every mode, or use autostart: false")
        if self.schedule is not None and self.restart.policy == "always":
            once = msgspec.structs.replace(self.restart, policy="on-failure")
            msgspec.structs.force_setattr(self, "restart", once)


def judges(spec: WorkloadSettings, probe: str) -> bool:
    """Tell whether a probe of this name is declared, or what a workload tells of itself stands in for it."""
    told = {"startup": spec.notify.ready != "none", "liveness": spec.notify.watchdog is not None}
    return getattr(spec.probes, probe, None) is not None or told.get(probe, False)


def revision(spec: WorkloadSettings) -> str:
    """Give a short hash of what the process itself depends on: command, cwd, env, user, overrides of modes, limits.

    A changed threshold gives the same revision, so that it does not restart the process. What is not said is left out,
    so that a new key restarts nobody who does not use it.
    """
    said = [[key, value] for key in _OF_THE_PROCESS if (value := getattr(spec, key)) not in _UNSAID]
    return short_hash([spec.command, spec.cwd, spec.env, spec.user, spec.modes, *said])


_OF_THE_PROCESS: Final = (
    "group", "umask", "env_files", "secrets", "expand_command", "private_tmp", "limits", "notify", "sockets",
)  # fmt: skip
_UNSAID: Final[tuple[object, ...]] = (None, [], {}, False, Limits(), Notify())


def spec_hash(spec: WorkloadSettings) -> str:
    """Give a short hash of everything that is said about the workload."""
    return short_hash(spec)


def short_hash(value: object) -> str:
    """Hash the canonical JSON; the order of keys does not matter."""
    import hashlib  # noqa: PLC0415 - loads OpenSSL, and most commands need no hash

    encoded = msgspec.json.encode(value, enc_hook=enc_hook, order="deterministic")
    return hashlib.sha256(encoded).hexdigest()[:12]
