"""A ProcessManager that does as its script says, and what else the tests of the Healer share."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from actors.base import Actor, NoSettings
from actors.healer.settings import HealerSettings
from actors.settings import Hook, Probe, Probes, RestartPolicy, Seconds, Workload, WorkloadSettings
from actors.settings.repair import Repair
from actors.settings.units import dec_hook
from bus.errors import CommandError
from bus.message import Command, Done, Fact, Reply
from bus.messages.process_manager import (
    CrashLoopEntered,
    EndStrays,
    HookResult,
    ListProcesses,
    LogErrorLine,
    LogPart,
    ProcessExited,
    ProcessRow,
    ProcessTable,
    ReadLog,
    RestartProcess,
    RunHook,
    SignalProcess,
    StartProcess,
)

Effect = Callable[[Any], Reply | CommandError | None]


def workload(name: str = "api", **spec: Any) -> Workload:
    """Of a program that is no Python, and to which no repair is allowed when none is given."""
    spec.setdefault("repair", Repair(encoding=False))
    settings = WorkloadSettings(command=["sleep", "1000"], **spec)
    return Workload(name=name, config_name=name, mode="live", spec=settings, cwd=Path("/tmp"), env={})


def probes(**named: Any) -> Probes:
    quick = {"tcp": "127.0.0.1:1", "every": Seconds(0.05), "timeout": Seconds(0.05), "failures": 2}
    return Probes(**{name: Probe(**(quick | extra)) for name, extra in named.items()})


def hook(**extra: Any) -> Hook:
    return Hook(command=["true"], **extra)


def row(name: str = "api", state: str = "ready", **fields: Any) -> ProcessRow:
    up = state in ("running", "ready", "unhealthy", "starting", "stopping")
    values: dict[str, Any] = {
        "name": name,
        "state": state,
        "wanted": True,
        "mode": "live",
        "critical": False,
        "pid": 4000 if up else None,
        "incarnation": 1,
        "restarts": 0,
        "uptime_s": 0.0 if up else None,
        "since_s": 0.0,
        "revision": "r",
        "adopted": False,
        "exit_code": None,
        "signal": None,
        "held": False,
        "declared": True,
        "why": "",
        "log_path": "/dev/null",
    }
    return ProcessRow(**(values | fields))


def crashed(name: str = "api", *, tail: list[str] | None = None, **fields: Any) -> ProcessExited:
    values: dict[str, Any] = {
        "subject": name,
        "pid": 4000,
        "incarnation": 1,
        "exit_code": 1,
        "signal": None,
        "uptime_s": 12.0,
        "asked": False,
        "expected": False,
        "log_tail": tail or [],
    }
    return ProcessExited(**(values | fields))


def looped(name: str = "api", *, tail: list[str] | None = None) -> CrashLoopEntered:
    return CrashLoopEntered(subject=name, starts=5, window_s=60.0, exit_code=1, signal=None, log_tail=tail or [])


def quick(**changes: Any) -> HealerSettings:
    """Settings whose waits are short, so that real time will do."""
    values = {
        "stable_for": 0.05,
        "verify_within": 0.4,
        "check_every": 0.02,
        "resync": 0.1,
        "command_timeout": 1.0,
        "cool_down": 0.05,
        "cool_down_max": 0.2,
        "breaker_open": 0.5,
        "second_hold": 0.2,
        "retry": 0.3,
        "retry_max": 1.0,
    }
    chosen: dict[str, Any] = values | changes
    return msgspec.convert(chosen, HealerSettings, dec_hook=dec_hook)


class Script:
    """Rows by name, what was asked, and what a command does. Thread-safe enough: whole values are replaced."""

    def __init__(self, *rows: ProcessRow) -> None:
        self.rows = {each.name: each for each in rows}
        self.asked: list[Command] = []
        self.log: list[str] = []
        self.effects: dict[type[Command], Effect] = {}
        self.publish: Callable[[Fact], None] = lambda _: None
        self._pids = 5000
        self._lock = threading.Lock()

    def set(self, name: str = "api", **fields: Any) -> None:
        with self._lock:
            self.rows = {**self.rows, name: msgspec.structs.replace(self.rows[name], **fields)}

    def up(self, name: str = "api", state: str = "ready") -> None:
        """A new process is up."""
        self._pids += 1
        self.set(name, state=state, pid=self._pids, uptime_s=0.0, restarts=self.rows[name].restarts + 1)

    def down(self, state: str = "crash_loop", name: str = "api", **fields: Any) -> None:
        self.set(name, state=state, pid=None, uptime_s=None, **fields)

    def actions(self) -> list[str]:
        """What was asked for beyond looking, in words."""
        return [words(each) for each in list(self.asked) if not isinstance(each, ListProcesses | ReadLog)]


def words(command: Command) -> str:
    for kind, text in ((RestartProcess, "restart"), (StartProcess, "start"), (EndStrays, "end_strays")):
        if isinstance(command, kind):
            return text
    if isinstance(command, RunHook):
        return f"{'undo' if command.undo else 'hook'}:{command.hook}"
    return f"signal:{command.signal}" if isinstance(command, SignalProcess) else command.verb


class FakeManager(Actor[NoSettings]):
    """By default a start or restart brings the process up, and a hook succeeds."""

    name = "process_manager"
    answers = (ListProcesses, ReadLog, RestartProcess, StartProcess, SignalProcess, RunHook, EndStrays)
    script: ClassVar[Script]

    def on_start(self) -> None:
        self.script.publish = self.publish

    def do_list_processes(self, command: ListProcesses) -> Reply | None:
        return self._do(command, lambda _: ProcessTable(processes=list(self.script.rows.values())))

    def do_read_log(self, command: ReadLog) -> Reply | None:
        lines = [LogErrorLine(offset=at, text=line) for at, line in enumerate(self.script.log)]
        return self._do(command, lambda _: LogPart(lines=lines, incarnation=1))

    def do_restart_process(self, command: RestartProcess) -> Reply | None:
        return self._do(command, lambda _: self.script.up(command.name))

    def do_start_process(self, command: StartProcess) -> Reply | None:
        return self._do(command, lambda _: self.script.up(command.name))

    def do_signal_process(self, command: SignalProcess) -> Reply | None:
        return self._do(command, lambda _: None)

    def do_run_hook(self, command: RunHook) -> Reply | None:
        return self._do(command, lambda _: HookResult(exit_code=0, took_s=0.1))

    def do_end_strays(self, command: EndStrays) -> Reply | None:
        return self._do(command, lambda _: self.script.set(command.name, strays=[]))

    def _do(self, command: Command, otherwise: Effect) -> Reply | None:
        self.script.asked.append(command)
        outcome = self.script.effects.get(type(command), otherwise)(command)
        if isinstance(outcome, CommandError):
            raise outcome
        if outcome is NEVER:
            self.defer_reply()
            return None
        return outcome or Done(detail="done")


def manager(script: Script) -> type[FakeManager]:
    """The ProcessManager of a script."""
    return type("ScriptedManager", (FakeManager,), {"script": script})


NEVER = Done(detail="never answered")
"""An effect that gives this leaves the command without an answer."""

LOOPING = RestartPolicy(backoff_max=Seconds(0.2))
