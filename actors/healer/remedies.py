"""What each remedy needs, does, and is undone by. Pure: it makes commands, others send them.

No remedy can run what is not in the node's own config: a hook and a signal are named, never given.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal, get_args

import msgspec

from actors.healer.issues import LIFE, Issue
from actors.healer.repair_kinds import REPAIRS
from actors.settings import Workload
from actors.settings.crosscheck import TOLD
from actors.settings.policies import SIGNALS
from actors.settings.tasks import TaskKind
from actors.settings.wording import duration
from bus.message import Command
from bus.messages.fleet import RollWorkload
from bus.messages.process_manager import (
    EndStrays,
    ProcessRow,
    RestartProcess,
    RunHook,
    SignalProcess,
    StartProcess,
    StopProcess,
)

Verb = Literal[
    "restart", "signal", "hook", "end_strays", "roll", "hold", "fallback", "task", "await_restart", "wait_dependency",
    "repair",
]  # fmt: skip
VERBS: tuple[Verb, ...] = get_args(Verb)[:-1]
"""Remedies that are commands to other actors, or waiting; a repair is named by itself."""
_NAMED: tuple[Verb, ...] = ("hook", "signal", "task")
"""Those that say which."""
STEPS_ASIDE: tuple[Verb, ...] = ("hold", "fallback")
"""Those after which the workload is down, and is meant to be."""
LONGER: tuple[Verb, ...] = ("fallback", "task")
"""Those that take several commands; see errands.py."""

SEES_STRAYS: Final = frozenset(("end_strays", "end_port_owner"))
"""Remedies that need to know of left-over processes, which takes a look through the whole process table."""

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
        if self.verb == "repair":
            return self.argument
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
    """The remedy has to wait for something. quiet: people need not be told.

    for_s: seconds until it is looked at again; None: at the next resync.
    """

    why: str
    quiet: bool = False
    for_s: float | None = None


class Hopeless(msgspec.Struct, frozen=True):
    """Nothing of the plan can help; a person is wanted."""

    why: str


Obstacle = Unfit | NotNow | Hopeless


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """What a repair would do now.

    says: in one line, for people, before it is done. undo: what taking it back needs, written down before it is done,
    so that it can be taken back though the Healer itself ended in between; empty when there is nothing to take back.
    detail: what it needs beside that. restarts: whether it ends a process of the workload that may still be well.
    down_first: whether the workload is stopped before, as it must not run meanwhile.
    """

    says: str
    undo: dict[str, str] = {}
    detail: dict[str, str] = {}
    restarts: bool = False
    down_first: bool = False


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked at just before an attempt.

    row: the process. gone: what says that the symptom is gone, or empty. unready: dependencies that are not yet what
    is demanded of them.
    planned: for each repair of the plan, what it would do, or what stands in its way. kin: all instances of its
    workload, itself too. standby: what its config says is to stand in for it; None when that does not run on this
    node. tasks: kinds that the node's config declares.
    """

    row: ProcessRow
    gone: str = ""
    unready: tuple[str, ...] = ()
    kin: tuple[ProcessRow, ...] = ()
    standby: ProcessRow | None = None
    tasks: Mapping[str, TaskKind] = {}
    planned: Mapping[str, Planned | Obstacle] = {}


def parse(text: str) -> Remedy | None:
    """The remedy of that name; None when there is no such."""
    if text in REPAIRS:
        return Remedy("repair", text)
    verb, _, argument = text.partition(":")
    for known in VERBS:
        if known == verb and bool(argument) == (known in _NAMED):
            name = argument.upper().removeprefix("SIG") if known == "signal" else argument
            return Remedy(known, name)
    return None


def goes_further(name: str, tried: Sequence[str]) -> bool:
    """Whether the next attempt goes on where the last one of that remedy left off. tried: oldest first."""
    in_a_row = next((place for place, each in enumerate(reversed(tried)) if each != name), len(tried))
    return name in REPAIRS and 0 < in_a_row < REPAIRS[name].times


def repairs_in(plan: Iterable[str]) -> list[str]:
    """The repairs among the remedies of a plan."""
    return [name for name in plan if name in REPAIRS]


def obstacle(remedy: Remedy, issue: Issue, workload: Workload, seen: Seen) -> Obstacle | None:
    """What stands in the way of an attempt, looked up just now; None when nothing does."""
    if remedy.verb == "repair":
        return _repair(remedy, issue, seen)
    if remedy.verb == "await_restart":
        return _await_restart(seen)
    return _unfit(remedy, workload, seen) or (None if remedy.verb == "wait_dependency" else _state(remedy, issue, seen))


def _repair(remedy: Remedy, issue: Issue, seen: Seen) -> Obstacle | None:
    """A repair has looked for itself; one that would end a process waits for what a restart waits for."""
    planned = seen.planned.get(remedy.argument, NotNow("it was not looked at", quiet=True))
    if isinstance(planned, Planned):
        return _state(remedy, issue, seen) if planned.restarts and issue.kind not in LIFE else None
    return planned


def _unfit(remedy: Remedy, workload: Workload, seen: Seen) -> Unfit | None:
    """Whether there is nothing that the remedy could be applied to."""
    row, argument = seen.row, remedy.argument
    reasons = {
        "wait_dependency": "" if seen.unready else "its dependencies are as they should be",
        "hook": "" if argument in workload.spec.hooks else f"it declares no hook {argument}",
        "signal": "" if argument in SIGNALS and row.state in UP else f"no {argument} for a process that is {row.state}",
        "end_strays": "" if row.strays else "no left-over process of it was found",
        "roll": "" if len(rolled(seen)) > 1 else "it has no instances to restart in turn",
        "fallback": _no_standby(workload, seen.standby) if remedy.verb == "fallback" else "",
        "task": _no_task(argument, seen.tasks) if remedy.verb == "task" else "",
    }
    why = reasons.get(remedy.verb, "")
    return Unfit(why) if why else None


def rolled(seen: Seen) -> list[str]:
    """The instances that a rolling restart would restart."""
    return [row.name for row in seen.kin if row.wanted and not row.held]


def _no_standby(workload: Workload, standby: ProcessRow | None) -> str:
    """Why nothing can stand in for a workload, or empty."""
    fallback = workload.spec.fallback
    if fallback is None:
        return "it declares no fallback"
    if standby is None:
        return f"{fallback.workload} does not run on this node in its mode"
    if standby.held:
        return f"{standby.name} is held by an operator"
    return f"{standby.name} is in a crash loop itself" if standby.state == "crash_loop" else ""


def _no_task(kind: str, tasks: Mapping[str, TaskKind]) -> str:
    """Why a task cannot be run as a remedy, or empty."""
    if kind not in tasks:
        return f"the node's config declares no task {kind}"
    lacks = tasks[kind].needs(TOLD)
    return f"task {kind} needs {', '.join(lacks)}" if lacks else ""


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
        retried = (issue.kind == "start_failed" and state == "backing_off") or remedy.verb in STEPS_ASIDE
        return None if state in DOWN or retried else NotNow(f"it is {state}")
    if seen.gone:
        return NotNow(f"it looks well again: {seen.gone}", quiet=True)
    startable = (state == "exited" and remedy.verb in ("restart", "repair")) or remedy.verb in STEPS_ASIDE
    failing_start = state == "starting" and issue.cause.probe == "startup"
    if state not in UP and not startable and not failing_start:
        return NotNow(f"it is {state}")
    if issue.kind == "availability" and state == "running" and seen.row.since_s < _ASKED_WITHIN_S:
        return NotNow(f"it is running for {duration(seen.row.since_s)} only; whether it answers is not known yet")
    answers = issue.kind == "availability" and state == "ready"
    return NotNow("it answers now, and its availability rises with time") if answers else None


def command(remedy: Remedy, row: ProcessRow, why: str) -> Command | None:
    """What is asked of the ProcessManager; None for a remedy that only waits, or takes more than one command."""
    name, argument = row.name, remedy.argument
    restart = StartProcess(name=name, why=why) if row.state in DOWN else RestartProcess(name=name, why=why)
    commands: dict[Verb, Command] = {
        "restart": restart,
        "signal": SignalProcess(name=name, signal=argument, why=why),
        "hook": RunHook(name=name, hook=argument, why=why),
        "end_strays": EndStrays(name=name, why=why),
        "roll": RollWorkload(name=row.workload or name, mode=row.mode, why=why),
        "hold": StopProcess(name=name, why=why, hold=True),
    }
    return commands.get(remedy.verb)


def follow_up(remedy: Remedy, issue: Issue, row: ProcessRow, why: str) -> Command | None:
    """What has to be asked after the action, on a fresh row: what it made startable is started.

    A process that came up before a repair of what it died of came up without it.
    """
    if remedy.verb not in ("hook", "end_strays", "task", "repair") or not row.wanted or row.held:
        return None
    if row.state in ("crash_loop", "exited", "backing_off"):
        return StartProcess(name=row.name, why=why)
    if remedy.verb == "repair" and issue.kind in LIFE and row.state in ("starting", *UP):
        return RestartProcess(name=row.name, why=why)
    return None


def undo(remedy: Remedy, workload: Workload, why: str) -> Command | None:
    """What takes the action back; None when there is nothing to take back."""
    if remedy.verb in STEPS_ASIDE:
        return StartProcess(name=workload.name, why=why)
    if remedy.verb != "hook":
        return None
    hook = workload.spec.hooks.get(remedy.argument)
    if hook is None or hook.undo is None:
        return None
    return RunHook(name=workload.name, hook=remedy.argument, why=why, undo=True)


def command_timeout_s(remedy: Remedy, workload: Workload, base_s: float, instances: int = 1) -> float:
    """Seconds to wait for the answer: what the config allows the action itself, and base_s more.

    instances: of the workload, for a remedy that restarts them in turn.
    """
    if remedy.verb == "roll":
        roll = workload.spec.roll
        return base_s + instances * (workload.spec.stop.grace + roll.ready_within + roll.settle)
    if remedy.verb == "hook" and remedy.argument in workload.spec.hooks:
        return base_s + workload.spec.hooks[remedy.argument].timeout
    installs = [float(module.timeout) for module in workload.spec.repair.modules.values()]
    if remedy.name == "install_module":
        return base_s + max(installs, default=0.0)
    return base_s + workload.spec.stop.grace


def unready_dependencies(workload: Workload, rows: Mapping[str, ProcessRow]) -> tuple[str, ...]:
    """Dependencies that are not what the workload demands of them."""
    wanted = {"ready": ("ready",), "started": UP}
    return tuple(
        name
        for name, demand in workload.spec.depends_on.items()
        if name in rows and rows[name].state not in wanted[demand]
    )


def kin_of(workload: Workload, workloads: Mapping[str, Workload]) -> list[str]:
    """The instances of a workload in its mode, itself too."""
    return [name for name, each in workloads.items() if each.group == workload.group]


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
