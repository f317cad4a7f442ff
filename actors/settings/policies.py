"""How a workload is started again, asked to end, helped and logged. Types only; pure."""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from actors.settings.markers import Command
from actors.settings.units import Bytes, Seconds

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
