import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis
import msgspec
import pytest
from msgspec.structs import replace

from actors.clock import ManualClock
from actors.reconciler.actor import Reconciler
from actors.reconciler.settings import ReconcilerSettings
from actors.settings import Workload, WorkloadSettings, revision
from bus.errors import CommandError
from bus.hub import Request
from bus.message import Command, Done, Reply
from bus.messages import (
    EndStrays,
    GetDrift,
    ListProcesses,
    ProcessRow,
    ProcessTable,
    RestartProcess,
    StartProcess,
    StopProcess,
)
from tests.harness import House

# A busy machine is no reason for a property to fail.
hypothesis.settings.register_profile("busy machine", deadline=None)
hypothesis.settings.load_profile("busy machine")


def make_workload(name: str, command: str = "serve", **spec: Any) -> Workload:
    said = WorkloadSettings(command=[command, name], **spec)
    return Workload(name=name, config_name=name, mode="live", spec=said, cwd=Path("/"), env={})


def make_row(workload: Workload, **differs: Any) -> ProcessRow:
    row = ProcessRow(
        name=workload.name,
        state="ready",
        wanted=True,
        mode="live",
        critical=False,
        pid=100,
        incarnation=1,
        restarts=0,
        uptime_s=60.0,
        since_s=60.0,
        revision=revision(workload.spec),
        adopted=False,
        exit_code=None,
        signal=None,
        held=False,
        declared=True,
        why="",
        log_path="",
    )
    return replace(row, **differs)


class ScriptedManager:
    """Answers as the ProcessManager does, from rows that a test writes; each action changes its row as told here.

    refusals: verb -> the error it is answered with. parked: verbs whose answer the test gives itself.
    """

    VERBS: tuple[type[Command], ...] = (ListProcesses, StartProcess, StopProcess, RestartProcess, EndStrays)

    def __init__(self, house: House, *workloads: Workload) -> None:
        self.rows = {workload.name: make_row(workload) for workload in workloads}
        self.asked: list[Command] = []
        self.looks = 0
        self.refusals: dict[str, CommandError] = {}
        self.parked: dict[str, list[Request]] = {}
        self.helps = True
        self.lock = threading.Lock()
        house.bus.serve("process_manager", {command.verb: command for command in self.VERBS}, self.deliver)

    def deliver(self, request: Request) -> None:
        command = request.envelope.data
        assert msgspec.msgpack.encode(command), "every command can go on the wire"
        with self.lock:
            if isinstance(command, ListProcesses):
                self.looks += 1
                assert command.strays
                if command.verb in self.parked:
                    self.parked[command.verb].append(request)
                    return
                request.answer(self.refusals.get(command.verb) or ProcessTable(processes=list(self.rows.values())))
                return
            self.asked.append(command)
            if command.verb in self.parked:
                self.parked[command.verb].append(request)
                return
        request.answer(self.outcome(command))

    def outcome(self, command: Any) -> Reply | CommandError:
        with self.lock:
            refusal = self.refusals.get(command.verb)
            if refusal is None and self.helps:
                self.act(command)
        return refusal or Done()

    def act(self, command: Command) -> None:
        match command:
            case StartProcess(name=name):
                self.rows[name] = replace(self.rows[name], state="ready", pid=101)
            case StopProcess(name=name):
                self.rows[name] = replace(self.rows[name], state="stopped", pid=None, revision=None)
            case EndStrays(name=name, by_hand=pids):
                left = [pid for pid in self.rows[name].by_hand if pid not in pids]
                self.rows[name] = replace(self.rows[name], strays=[], by_hand=left)

    def set(self, name: str, **differs: Any) -> None:
        with self.lock:
            self.rows[name] = replace(self.rows[name], **differs)

    def asked_for(self, kind: type[Command]) -> list[str]:
        return [command.name for command in self.asked if isinstance(command, kind)]  # type: ignore[attr-defined]


class Stage:
    """A Reconciler on a clock moved by hand, with a scripted ProcessManager."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.manager: ScriptedManager

    def begin(self, *workloads: Workload, rows: tuple[Workload, ...] | None = None, **settings: Any) -> ScriptedManager:
        self.manager = ScriptedManager(self.house, *(workloads if rows is None else rows))
        desired = {workload.name: workload for workload in workloads}
        self.house.start(Reconciler, ReconcilerSettings(**settings), workloads=desired)
        return self.manager

    def settle(self) -> None:
        """Let the actor handle what waits, and what that asks for: each question is one turn of its inbox."""
        for _ in range(8):
            self.house.ask(GetDrift())

    def wait(self, seconds: float, step_s: float = 0.1) -> None:
        """Move the clock on in steps, each handled before the next."""
        for _ in range(round(seconds / step_s)):
            self.house.advance(step_s)
            self.settle()

    def facts(self, *kinds: Any) -> list[str]:
        return [f"{type(fact).__name__} {fact.subject}" for fact in self.house.events(*kinds)]


@pytest.fixture
def stage(tmp_path):
    house = House(tmp_path, clock=ManualClock())
    yield Stage(house)
    house.stop_and_encode()


@pytest.fixture
def workload() -> Callable[..., Workload]:
    return make_workload


@pytest.fixture
def row() -> Callable[..., ProcessRow]:
    return make_row
