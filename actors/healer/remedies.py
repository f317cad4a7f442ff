"""What each remedy needs, does, and is undone by. Pure: it makes commands, others send them.

No remedy can run what is not in the node's own config: a hook and a signal are named, never given.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from actors.healer.issues import LIFE, Issue
from actors.settings import Workload
from actors.settings.policies import SIGNALS
from actors.settings.wording import duration
from bus.message import Command
from bus.messages.process_manager import (
    EndStrays,
    ProcessRow,
    RestartProcess,
    RunHook,
    SignalProcess,
    StartProcess,
)

Verb = Literal["restart", "signal", "hook", "end_strays", "await_restart", "wait_dependency"]
VERBS: tuple[Verb, ...] = ("restart", "signal", "hook", "end_strays", "await_restart", "wait_dependency")

UP = ("running", "ready", "unhealthy")
"""States with a process that got through its start."""
DOWN = ("crash_loop", "exited", "stopped")
"""States that nothing ends but a command."""
_ASKED_WITHIN_S = 10.0
"""A process that came up, or was adopted, less long ago may not have been asked yet; eager questions come sooner."""


class Remedy(msgspec.Struct, frozen=True):
    """One kind of attempt. name: as in a plan. argument: the hook's or signal's."""

    verb: Verb
    argument: str = ""

    @property
    def name(self) -> str:
        """As written in a plan."""
        return f"{self.verb}:{self.argument}" if self.argument else self.verb

    @property
    def disruptive(self) -> bool:
        """Whether it does something to processes, so that its rate is limited."""
        return self.verb not in ("await_restart", "wait_dependency")

    @property
    def may_end_it(self) -> bool:
        """Whether an end of the process while it is verified is part of it and no failure."""
        return self.verb in ("await_restart", "signal")


class Unfit(msgspec.Struct, frozen=True):
    """The remedy does not apply; the next of the plan is looked at."""

    why: str


class NotNow(msgspec.Struct, frozen=True):
    """The remedy has to wait for something. quiet: people need not be told."""

    why: str
    quiet: bool = False


class Hopeless(msgspec.Struct, frozen=True):
    """Nothing of the plan can help; a person is wanted."""

    why: str


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """Who listens on a port. command: its command line, shortened."""

    port: int
    pid: int
    command: str


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked at just before an attempt.

    row: the process. gone: what says that the symptom is gone, or empty. unready: dependencies that are not yet what
    is demanded of them. holder: of the port in question, when one was found. ours: names of workloads by pid.
    """

    row: ProcessRow
    gone: str = ""
    unready: tuple[str, ...] = ()
    holder: Holder | None = None
    ours: dict[int, str] = {}


Obstacle = Unfit | NotNow | Hopeless


def parse(text: str) -> Remedy | None:
    """The remedy of that name; None when there is no such."""
    verb, _, argument = text.partition(":")
    for known in VERBS:
        if known == verb and bool(argument) == (known in ("hook", "signal")):
            name = argument.upper().removeprefix("SIG") if known == "signal" else argument
            return Remedy(known, name)
    return None


def obstacle(remedy: Remedy, issue: Issue, workload: Workload, seen: Seen) -> Obstacle | None:
    """What stands in the way of an attempt, looked up just now; None when nothing does."""
    if issue.kind == "port_in_use" and (taken := _taken(seen)) is not None:
        return taken
    if remedy.verb == "await_restart":
        return _await_restart(seen)
    return _unfit(remedy, workload, seen) or (None if remedy.verb == "wait_dependency" else _state(remedy, issue, seen))


def _unfit(remedy: Remedy, workload: Workload, seen: Seen) -> Unfit | None:
    """Whether there is nothing that the remedy could be applied to."""
    row, argument = seen.row, remedy.argument
    reasons = {
        "wait_dependency": "" if seen.unready else "its dependencies are as they should be",
        "hook": "" if argument in workload.spec.hooks else f"it declares no hook {argument}",
        "signal": "" if argument in SIGNALS and row.state in UP else f"no {argument} for a process that is {row.state}",
        "end_strays": "" if row.strays else "no left-over process of it was found",
    }
    why = reasons.get(remedy.verb, "")
    return Unfit(why) if why else None


def _taken(seen: Seen) -> Obstacle | None:
    """A port held by a process that is not ours to end."""
    holder = seen.holder
    if holder is None or holder.pid in seen.row.strays or holder.pid == seen.row.pid:
        return None
    whose = f" of workload {seen.ours[holder.pid]}" if holder.pid in seen.ours else ""
    return Hopeless(
        f"port {holder.port} is held by pid {holder.pid}{whose} ({holder.command}), which is not ours to end"
    )


def _await_restart(seen: Seen) -> Obstacle | None:
    if seen.row.state in ("exited", "stopped", "held"):
        return Hopeless(f"it will not be restarted: {seen.row.why or seen.row.state}")
    if seen.row.state == "crash_loop":
        return Unfit("it is held after a crash loop")
    if seen.row.state == "waiting" and seen.unready:
        return NotNow(f"it waits for {' and '.join(seen.unready)}")
    return None


def _state(remedy: Remedy, issue: Issue, seen: Seen) -> NotNow | None:
    """Whether the state of the process allows something to be done about this issue."""
    state = seen.row.state
    if issue.kind in LIFE:
        if state in UP:
            return NotNow("it is up again", quiet=True)
        retried = issue.kind == "start_failed" and state == "backing_off"
        return None if state in DOWN or retried else NotNow(f"it is {state}")
    if seen.gone:
        return NotNow(f"it looks well again: {seen.gone}", quiet=True)
    startable = state == "exited" and remedy.verb == "restart"
    failing_start = state == "starting" and issue.cause.probe == "startup"
    if state not in UP and not startable and not failing_start:
        return NotNow(f"it is {state}")
    if issue.kind == "availability" and state == "running" and seen.row.since_s < _ASKED_WITHIN_S:
        return NotNow(f"it is running for {duration(seen.row.since_s)} only; whether it answers is not known yet")
    answers = issue.kind == "availability" and state == "ready"
    return NotNow("it answers now, and its availability rises with time") if answers else None


def command(remedy: Remedy, row: ProcessRow, why: str) -> Command | None:
    """What is asked of the ProcessManager; None for a remedy that only waits."""
    name = row.name
    if remedy.verb == "restart":
        return StartProcess(name=name, why=why) if row.state in DOWN else RestartProcess(name=name, why=why)
    if remedy.verb == "signal":
        return SignalProcess(name=name, signal=remedy.argument, why=why)
    if remedy.verb == "hook":
        return RunHook(name=name, hook=remedy.argument, why=why)
    if remedy.verb == "end_strays":
        return EndStrays(name=name, why=why)
    return None


def follow_up(remedy: Remedy, row: ProcessRow, why: str) -> Command | None:
    """What has to be asked after the action, on a fresh row: what it made startable is started."""
    startable = row.state in ("crash_loop", "exited", "backing_off") and row.wanted and not row.held
    if remedy.verb in ("hook", "end_strays") and startable:
        return StartProcess(name=row.name, why=why)
    return None


def undo(remedy: Remedy, workload: Workload, why: str) -> Command | None:
    """What takes the action back; None when there is nothing to take back."""
    if remedy.verb != "hook":
        return None
    hook = workload.spec.hooks.get(remedy.argument)
    if hook is None or hook.undo is None:
        return None
    return RunHook(name=workload.name, hook=remedy.argument, why=why, undo=True)


def command_timeout_s(remedy: Remedy, workload: Workload, base_s: float) -> float:
    """Seconds to wait for the answer: what the config allows the action itself, and base_s more."""
    if remedy.verb == "hook" and remedy.argument in workload.spec.hooks:
        return base_s + workload.spec.hooks[remedy.argument].timeout
    return base_s + workload.spec.stop.grace


def unready_dependencies(workload: Workload, rows: Mapping[str, ProcessRow]) -> tuple[str, ...]:
    """Dependencies that are not what the workload demands of them."""
    wanted = {"ready": ("ready",), "started": UP}
    return tuple(
        name
        for name, demand in workload.spec.depends_on.items()
        if name in rows and rows[name].state not in wanted[demand]
    )


def needed_by(name: str, workloads: Mapping[str, Workload]) -> list[str]:
    """All that a workload depends on, through others too, nearest first."""
    found: list[str] = []
    ahead = [name]
    while ahead:
        one = ahead.pop(0)
        needs = workloads[one].spec.depends_on if one in workloads else ()
        new = [need for need in needs if need not in found and need != name]
        found += new
        ahead += new
    return found
