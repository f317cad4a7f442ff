"""Messages of the ProcessManager: the lives of workloads."""

from __future__ import annotations

from typing import Literal

import msgspec

from bus.message import Command, Done, Fact, Reply, Stream

ProcessState = Literal[
    "stopped",  # not running, and not meant to be
    "waiting",  # for its dependencies, its schedule or its window
    "starting",  # being spawned, or between spawn and the first sign of life
    "adopted",  # found running by a new node; what it says of itself is not known yet
    "running",  # up; no readiness probe passed yet
    "ready",  # up, and its readiness probe passes (or it has none)
    "unhealthy",  # up, and its liveness probe fails
    "stopping",  # asked to end
    "backing_off",  # ended; started again after a delay
    "exited",  # ended by itself, and its policy says to leave it so
    "crash_loop",  # ended too often in its window; held until a remedy or a person starts it
    "held",  # down, because a person stopped it; only a person starts it
]


class ProcessStarted(Fact, frozen=True, kw_only=True):
    """A workload's process was spawned. incarnation counts its lives from 1; restarts those without being asked."""

    kind = "process.started"
    pid: int
    incarnation: int
    reason: str
    revision: str
    mode: str = "live"
    restarts: int = 0


class ProcessAdopted(Fact, frozen=True, kw_only=True):
    """A process that outlived its node was taken over again, untouched. age_s: seconds since it was spawned."""

    kind = "process.adopted"
    pid: int
    incarnation: int
    age_s: float


class ProcessReady(Fact, frozen=True, kw_only=True):
    """The readiness probe passes (or there is none). after_s: seconds since the spawn."""

    kind = "process.ready"
    pid: int
    incarnation: int
    after_s: float


class ProcessExited(Fact, frozen=True, kw_only=True):
    """A process ended. exit_code and signal are both None when the kernel no longer knows (ended while no node ran).

    asked: a stop or restart command was the reason. expected: asked, or an exit code its policy counts as success.
    log_tail: its last lines, oldest first. uptime_s: seconds. cause: why the kernel ended it, when that is known.
    """

    kind = "process.exited"
    pid: int
    incarnation: int
    exit_code: int | None
    signal: str | None
    uptime_s: float
    asked: bool
    expected: bool
    log_tail: list[str] = []
    cause: str = ""


class ProcessStopped(Fact, frozen=True, kw_only=True):
    """A workload is down because it was asked to be. killed: it ignored its stop signal for the whole grace."""

    kind = "process.stopped"
    reason: str
    took_s: float
    killed: bool


class ProcessStartFailed(Fact, frozen=True, kw_only=True):
    """A spawn did not come about: the program, directory or user is missing, or the machine is out of something."""

    kind = "process.start_failed"
    reason: str
    retryable: bool
    attempt: int


class RestartScheduled(Fact, frozen=True, kw_only=True):
    """A workload is started again after delay_s seconds; attempt counts quick exits in a row from 1."""

    kind = "process.restart_scheduled"
    delay_s: float
    attempt: int
    reason: str


class CrashLoopEntered(Fact, frozen=True, kw_only=True):
    """A workload ended too often within its window and is held. window_s: seconds. cause: as in ProcessExited."""

    kind = "process.crash_loop_entered"
    starts: int
    window_s: float
    exit_code: int | None
    signal: str | None
    log_tail: list[str] = []
    cause: str = ""


class ProcessStateChanged(Fact, frozen=True, kw_only=True):
    """The life cycle moved. idle: it waits for its time or window, and nothing is amiss."""

    kind = "process.state_changed"
    stream = Stream.STATE
    state: ProcessState
    before: ProcessState
    pid: int | None
    why: str
    idle: bool = False


class ScheduleSkipped(Fact, frozen=True, kw_only=True):
    """A time of a workload's schedule passed without a run. planned_s: that time, seconds since 1970."""

    kind = "schedule.skipped"
    planned_s: float
    why: str


class LogErrorLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a log.

    offset: where it begins, bytes from the first that was ever in the file, those included that rotation took away;
    below 0 it stands in the file before.
    """

    offset: int
    text: str


class LogLinesRead(Fact, frozen=True, kw_only=True):
    """Lines were added to a workload's log since it was looked at last; told at most once a second.

    errors: how many of the lines are error lines. read_bytes: of these lines. skipped_bytes: added too and not read, as
    there was more than is read in one turn: lines and errors are then a sample. former_lines, former_errors: of lines
    and errors, those of the incarnation before the present one. over_s: seconds since the look before. sample: the
    newest error lines, oldest first, at most 20, each cut to 512 bytes. end: where the lines end, as
    LogErrorLine.offset.
    """

    kind = "log.lines_read"
    stream = Stream.SAMPLES
    lines: int
    errors: int
    read_bytes: int
    skipped_bytes: int = 0
    former_lines: int = 0
    former_errors: int = 0
    over_s: float = 0.0
    sample: list[LogErrorLine] = []
    end: int = 0


class LogPart(Reply, frozen=True, kw_only=True):
    """The last lines of a log, oldest first, each cut to 4096 bytes. incarnation: whose lines they are."""

    lines: list[LogErrorLine]
    incarnation: int


class ReadLog(Command, frozen=True, kw_only=True):
    """The last lines of a workload's present incarnation, or of the one that ended last.

    lines: at most so many, and never more than the last 256 KiB. ended: of the one that ended last.
    """

    target = "process_manager"
    verb = "read_log"
    reply = LogPart
    name: str
    lines: int = 200
    ended: bool = False


class ProbeMeasured(Fact, frozen=True, kw_only=True):
    """One run of a probe: startup, liveness, readiness or work. latency_s: seconds until the answer or the failure."""

    kind = "probe.measured"
    stream = Stream.SAMPLES
    probe: str
    ok: bool
    latency_s: float
    detail: str = ""


class ProbeFailed(Fact, frozen=True, kw_only=True):
    """A probe failed as many times in a row as its `failures` says; told once until it recovers."""

    kind = "probe.failed"
    probe: str
    failures: int
    detail: str


class ProbeRecovered(Fact, frozen=True, kw_only=True):
    """A probe that had failed passes again. after_s: seconds since ProbeFailed."""

    kind = "probe.recovered"
    probe: str
    after_s: float


class ProcessNotified(Fact, frozen=True, kw_only=True):
    """A workload said something new of itself on its notify socket. status: in its own words. told_pid: its MAINPID."""

    kind = "process.notified"
    status: str
    told_pid: int | None = None


class HookEnded(Fact, frozen=True, kw_only=True):
    """A hook command of a workload ended. output: its last lines."""

    kind = "process.hook_ended"
    hook: str
    exit_code: int | None
    took_s: float
    output: list[str] = []


class ProcessRow(msgspec.Struct, frozen=True, kw_only=True):
    """What the ProcessManager knows of one workload. Times are seconds; since_s and uptime_s count back from now.

    idle: it waits for its time or window, and nothing is amiss.
    strays: pids of processes of ours for this workload that are not its present incarnation (left-over children).
    by_hand: pids of processes not ours with the same program, arguments and directory. workload: its key in the config,
    which instances share; instance: its number among them, from 1. port: its own, from the range of its workload.
    quick_exits: how often in a row it ended by itself soon after its start, before the present run.
    overrides: what it is started with instead of what its config says, by key.
    scaled_away: it is not declared, as its workload is to have fewer instances now.
    cause: why the kernel ended its last run, when that is known.
    refused: revision of the config that it did not get ready with; it keeps to the former one.
    """

    name: str
    state: ProcessState
    wanted: bool
    mode: str
    critical: bool
    pid: int | None
    incarnation: int
    restarts: int
    uptime_s: float | None
    since_s: float
    revision: str | None
    adopted: bool
    exit_code: int | None
    signal: str | None
    held: bool
    declared: bool
    why: str
    log_path: str
    strays: list[int] = []
    by_hand: list[int] = []
    status: str = ""
    told_pid: int | None = None
    workload: str = ""
    instance: int | None = None
    port: int | None = None
    tags: list[str] = []
    quick_exits: int = 0
    idle: bool = False
    cause: str = ""
    refused: str = ""
    scaled_away: bool = False
    overrides: dict[str, str] = {}


class ProcessTable(Reply, frozen=True, kw_only=True):
    """Every workload, in config order. draining: the node is drained, and none is started.

    none: names of the config that have no instance now.
    """

    processes: list[ProcessRow]
    draining: bool = False
    none: list[str] = []


class ListProcesses(Command, frozen=True, kw_only=True):
    """The table of workloads. strays: also look for left-over and hand-started processes (reads /proc; slower)."""

    target = "process_manager"
    verb = "list_processes"
    reply = ProcessTable
    strays: bool = False


class StartProcess(Command, frozen=True, kw_only=True):
    """Start a workload, its dependencies first; also ends a hold or a crash loop. Answered once it is asked for.

    at_its_time: one with a schedule waits for its next time; else it runs now.
    """

    target = "process_manager"
    verb = "start_process"
    reply = Done
    name: str
    why: str = "asked"
    at_its_time: bool = False


class StopProcess(Command, frozen=True, kw_only=True):
    """Stop a workload and its process group; answered when it is down. hold: it stays down, also over restarts."""

    target = "process_manager"
    verb = "stop_process"
    reply = Done
    name: str
    why: str = "asked"
    hold: bool = True


class RestartProcess(Command, frozen=True, kw_only=True):
    """Stop and start a workload; answered when the new process is spawned."""

    target = "process_manager"
    verb = "restart_process"
    reply = Done
    name: str
    why: str = "asked"


class SignalProcess(Command, frozen=True, kw_only=True):
    """Send a signal to the main process of a workload. signal: a name without SIG, as in HUP."""

    target = "process_manager"
    verb = "signal_process"
    reply = Done
    name: str
    signal: str
    why: str = "asked"


class HookResult(Reply, frozen=True, kw_only=True):
    """How a hook ended. exit_code is None when it was ended at its time-out."""

    exit_code: int | None
    took_s: float
    output: list[str] = []


class RunHook(Command, frozen=True, kw_only=True):
    """Run a hook command that the workload declares in its config; answered when it has ended.

    undo: run the command that the hook declares to take itself back, instead; refused when it declares none.
    """

    target = "process_manager"
    verb = "run_hook"
    reply = HookResult
    name: str
    hook: str
    why: str = "asked"
    undo: bool = False


class EndStrays(Command, frozen=True, kw_only=True):
    """End processes of a workload that are not its present incarnation: left-over children that carry its token.

    by_hand: pids of hand-started copies to end as well; each is checked again before it is signalled.
    """

    target = "process_manager"
    verb = "end_strays"
    reply = Done
    name: str
    by_hand: list[int] = []
    why: str = "asked"


class StopAll(Command, frozen=True, kw_only=True):
    """Stop every workload, dependants first, because the node ends; answered when all are down. They are not held."""

    target = "process_manager"
    verb = "stop_all"
    reply = Done
    why: str = "node stops"
