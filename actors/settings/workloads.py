"""What an operator says about one workload. Types only; pure."""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

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
from actors.settings.notify import Notify
from actors.settings.probes import Probe, Probes
from actors.settings.schedules import Schedule, Window, Windows
from actors.settings.thresholds import METRICS, Threshold
from actors.settings.units import Bytes, Seconds, enc_hook

__all__ = [
    "METRICS",
    "Hook",
    "Limits",
    "LogPolicy",
    "Mode",
    "ModeOverride",
    "Notify",
    "Probe",
    "Probes",
    "RestartPolicy",
    "RunMode",
    "Schedule",
    "StopPolicy",
    "Threshold",
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

SIGNALS: Final = ("TERM", "INT", "HUP", "QUIT", "KILL", "USR1", "USR2")
"""Signals that can be named in the config, without SIG."""


def signal_name(text: str) -> str:
    """Give the name without SIG, upper-case.

    Raises: ValueError for a signal that is not in SIGNALS.
    """
    name = text.upper().removeprefix("SIG")
    if name not in SIGNALS:
        raise ValueError(f'unknown signal "{text}"; allowed: {", ".join(SIGNALS)}')
    return name


def stop_step(text: str) -> tuple[str, Seconds]:
    """Read one step of a stop: a signal and the time it has.

    Raises: ValueError.
    """
    words = text.split()
    if len(words) != 2:  # noqa: PLR2004 - the two named below
        raise ValueError(f'steps: "{text}" is no step; allowed: a signal and a duration, such as INT 5s')
    try:
        return signal_name(words[0]), Seconds.parse(words[1])
    except ValueError as error:
        raise ValueError(f"steps: {error}") from None


class RestartPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a workload that has ended is started again, and how soon."""

    policy: Literal["always", "on-failure", "never"] = "always"
    """on-failure: only when the exit code is not among success_codes, or a signal ended it."""

    backoff_first: Seconds = Seconds(0.1)
    """Seconds before the second quick restart; doubles with each further one."""

    backoff_max: Seconds = Seconds(30)
    """Seconds. The longest wait between two restarts."""

    start_limit: Annotated[int, Meta(ge=1)] = 5
    """Starts within start_limit_window; more is a crash loop, and the workload is given up until a person acts."""

    start_limit_window: Seconds = Seconds(60)
    """Seconds over which starts are counted."""

    stable_after: Seconds = Seconds(5)
    """Seconds of uptime after which a run was stable: the count of quick exits starts afresh, the next restart
    is immediate."""

    success_codes: list[Annotated[int, Meta(ge=0, le=255)]] = msgspec.field(default_factory=lambda: [0])
    """Exit codes that mean "done" and not "failed"."""

    def __post_init__(self) -> None:
        """Refuse waits that shrink.

        Raises: ValueError.
        """
        if self.backoff_max < self.backoff_first:
            raise ValueError("backoff_max: has to be at least backoff_first")
        if self.start_limit_window <= 0:
            raise ValueError("start_limit_window: has to be more than 0s")


class StopPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a workload is asked to end."""

    signal: str = "TERM"
    """Signal that asks. Kept without SIG: TERM, INT, HUP, QUIT, KILL, USR1, USR2."""

    grace: Seconds = Seconds(10)
    """Seconds it has to end by itself; then the whole process tree gets KILL."""

    steps: list[str] = msgspec.field(default_factory=list)
    """Signals one after the other instead of `signal` and `grace`, each with the time before the next: [INT 5s,
    TERM 10s]. After the last one the whole process tree gets KILL."""

    def __post_init__(self) -> None:
        """Take SIG off the name; steps give signal and grace, as whoever waits for a stop reads those.

        Raises: ValueError for a signal that is not in SIGNALS.
        """
        try:
            name, grace = signal_name(self.signal), self.grace
        except ValueError as error:
            raise ValueError(f"signal: {error}") from None
        if self.steps:
            sequence = self.sequence
            name, grace = sequence[0][0], Seconds(sum(wait for _, wait in sequence))
        msgspec.structs.force_setattr(self, "signal", name)
        msgspec.structs.force_setattr(self, "grace", grace)

    @property
    def sequence(self) -> list[tuple[str, Seconds]]:
        """Signals, and the seconds to wait after each.

        Raises: ValueError.
        """
        return [stop_step(text) for text in self.steps] or [(self.signal, self.grace)]


class Hook(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A program of the operator that a remedy may run."""

    command: Command
    """Program and arguments, run in the workload's directory and environment."""

    timeout: Seconds = Seconds(30)
    """Seconds it may take; then it is killed and counts as failed."""

    undo: Command | None = None
    """Program and arguments that take back what the hook did, run within the same time when it did not help. None:
    nothing is to be taken back."""

    def __post_init__(self) -> None:
        """Refuse an empty command and no time at all.

        Raises: ValueError.
        """
        if not self.command or not self.command[0]:
            raise ValueError("command: is empty; allowed: a program and its arguments")
        if self.undo is not None and (not self.undo or not self.undo[0]):
            raise ValueError("undo: is empty; allowed: a program and its arguments")
        if self.timeout <= 0:
            raise ValueError("timeout: has to be more than 0s")


class LogPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The log file of one workload."""

    max_size: Bytes = Bytes(10_000_000)
    """Bytes at which the file is rotated; at least 1kB, as rotation costs more than a short file saves."""

    keep: Annotated[int, Meta(ge=0)] = 5
    """Rotated files that are kept beside the current one."""

    rotate_every: Seconds | None = None
    """Seconds after which the file is rotated though it is smaller. None: by its size only."""

    compress: bool = False
    """Rotated files from the second on are compressed with gzip."""

    def __post_init__(self) -> None:
        """Refuse a file that would be rotated at every line.

        Raises: ValueError.
        """
        if self.max_size < 1000:  # noqa: PLR2004 - the limit named above
            raise ValueError("max_size: is too small; allowed: 1kB or more")
        if self.rotate_every is not None and self.rotate_every < 1:
            raise ValueError("rotate_every: is too short; allowed: 1s or more")


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

    thresholds: dict[str, Threshold] = msgspec.field(default_factory=dict)
    """Metric (see METRICS) -> limit that makes an issue."""

    hooks: dict[str, Hook] = msgspec.field(default_factory=dict)
    """Name -> program that a remedy may run as hook:NAME."""

    heal: dict[str, list[str]] = msgspec.field(default_factory=dict)
    """Kind of issue -> remedies in order, instead of the built-in plan: restart, hook:NAME, signal:NAME,
    end_strays."""

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
