"""The Reconciler with the ProcessManager itself, on real processes."""

import itertools
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from actors.process_manager.actor import ProcessManager
from actors.reconciler.actor import Reconciler
from actors.reconciler.settings import ReconcilerSettings
from actors.settings import Seconds, Workload, WorkloadSettings
from bus.messages import (
    ConfigReloaded,
    Converged,
    DriftClosed,
    DriftDetected,
    ListProcesses,
    ProcessExited,
    ProcessReady,
    ProcessStarted,
    Reconcile,
    StopAll,
    StopProcess,
)
from tests.harness import House

NUMBERS = itertools.count(int(time.time() * 1000) % 1_000_000_000 + 100_000)
"""Seconds to sleep, which tell these processes apart from all others."""


class Place:
    """A house with a ProcessManager and a Reconciler; ends every process that was started."""

    def __init__(self, house: House, cwd: Path) -> None:
        self.house = house
        self.cwd = cwd
        self.copies: list[subprocess.Popen[bytes]] = []
        self.numbers: list[str] = []

    def number(self) -> str:
        """Seconds to sleep that no other process sleeps for."""
        self.numbers.append(str(next(NUMBERS)))
        return self.numbers[-1]

    def workload(self, name: str, command: list[str] | None = None, **spec) -> Workload:
        said = WorkloadSettings(command=command or ["sleep", self.number()], **spec)
        return Workload(name=name, config_name=name, mode="live", spec=said, cwd=self.cwd, env={})

    def begin(self, *workloads: Workload, **settings) -> None:
        desired = {workload.name: workload for workload in workloads}
        quick = {key: Seconds(0.2) for key in ("first_after", "hint_delay")}
        self.house.start(Reconciler, ReconcilerSettings(**(quick | settings)), workloads=desired)
        self.house.start(ProcessManager, workloads=desired)
        for workload in workloads:
            if workload.spec.autostart:
                self.ready(workload.name)

    def ready(self, name: str, incarnation: int = 1) -> int:
        fact = self.house.wait_for(ProcessReady, lambda fact: fact.subject == name and fact.incarnation >= incarnation)
        return fact.pid

    def reload(self, *workloads: Workload, **lists: list[str]) -> None:
        """As the node does it: every actor has the new view, then the fact is told."""
        self.house.reload({workload.name: workload for workload in workloads})
        told = {"added": [], "removed": [], "changed": [], **lists}
        self.house.publish(ConfigReloaded(subject="alpha", revision="r2", **told))

    def copy_by_hand(self, workload: Workload) -> subprocess.Popen[bytes]:
        copy = subprocess.Popen(workload.spec.command, cwd=self.cwd)
        self.copies.append(copy)
        return copy

    def closed(self, name: str, kind: str) -> DriftClosed:
        return self.house.wait_for(DriftClosed, lambda fact: (fact.subject, fact.drift) == (name, kind))

    def pid(self, name: str) -> int | None:
        rows = self.house.ask(ListProcesses()).processes
        return next((row.pid for row in rows if row.name == name), None)

    def end(self) -> None:
        for copy in self.copies:
            copy.kill()
            copy.wait()
        try:
            self.house.ask(StopAll())
        finally:
            self.house.stop()
            for number in self.numbers:  # what left its group, and was to be ended by the Reconciler
                for pid in sleepers(number):
                    os.kill(pid, signal.SIGKILL)


def sleepers(number: str) -> list[int]:
    """The living processes that sleep for so many seconds."""
    wanted = f"sleep\0{number}\0".encode()
    pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]
    return [pid for pid in pids if command_line(pid) == wanted and alive(pid)]


def command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


@pytest.fixture
def place(tmp_path):
    opened = Place(House(tmp_path / "state"), tmp_path)
    yield opened
    opened.end()


def test_a_copy_started_by_hand_is_ended_after_its_time_and_the_nodes_own_runs_on(place):
    web = place.workload("web")
    place.begin(web, by_hand_after=Seconds(0.5))
    copy = place.copy_by_hand(web)
    report = place.house.ask(Reconcile())
    assert [(row.subject, row.drift, row.action) for row in report.drifts] == [
        ("web", "by_hand", "end the copy after 500ms")
    ]
    assert copy.wait(20) == -signal.SIGTERM
    place.closed("web", "by_hand")
    place.house.wait_for(Converged)
    pid = place.pid("web")
    assert pid == place.ready("web")
    assert alive(pid)


def test_a_copy_started_by_hand_is_left_when_that_is_set(place):
    web = place.workload("web")
    place.begin(web, by_hand_after=Seconds(0.1), by_hand="report")
    copy = place.copy_by_hand(web)
    for _ in range(3):
        assert [row.drift for row in place.house.ask(Reconcile()).drifts] == ["by_hand"]
    assert copy.poll() is None
    assert len(place.house.events(DriftDetected)) == 1


def test_a_changed_command_restarts_that_workload_alone(place):
    web, db = place.workload("web"), place.workload("db")
    place.begin(web, db)
    before = {name: place.pid(name) for name in ("web", "db")}
    changed = replace(web, spec=place.workload("web").spec)
    place.reload(changed, db, changed=["web"])
    place.closed("web", "wrong_revision")
    pid = place.pid("web")
    assert pid != before["web"]
    assert Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[1].decode() == changed.spec.command[1]
    assert place.pid("db") == before["db"]
    assert [fact.subject for fact in place.house.events(ProcessExited)] == ["web"]


def test_a_changed_threshold_restarts_nothing(place):
    web = place.workload("web")
    place.begin(web)
    before = place.pid("web")
    place.reload(replace(web, spec=replace(web.spec, critical=True)), changed=["web"])
    assert place.house.ask(Reconcile()).drifts == []
    assert place.pid("web") == before
    assert place.house.events(DriftDetected) == []


def test_added_workloads_are_started_and_removed_ones_stopped(place):
    web, old, new = place.workload("web"), place.workload("old"), place.workload("new")
    place.begin(web, old)
    gone = place.pid("old")
    assert gone is not None
    place.reload(web, new, added=["new"], removed=["old"])
    assert alive(place.ready("new"))
    place.closed("old", "undeclared")
    place.closed("new", "vanished")
    assert not alive(gone)
    assert {row.name for row in place.house.ask(ListProcesses()).processes} == {"web", "new"}


def test_changed_workloads_that_depend_on_one_another_are_not_down_at_once(place):
    db = place.workload("db")
    web = place.workload("web", depends_on={"db": "ready"})
    place.begin(db, web)
    new_db = replace(db, spec=place.workload("db").spec)
    new_web = replace(web, spec=place.workload("web", depends_on={"db": "ready"}).spec)
    place.reload(new_db, new_web, changed=["db", "web"])
    place.closed("db", "wrong_revision")
    place.closed("web", "wrong_revision")
    moves = [
        f"{fact.subject} {type(fact).__name__}"
        for fact in place.house.events(ProcessStarted, ProcessReady, ProcessExited)
        if fact.incarnation == 2 or isinstance(fact, ProcessExited)
    ]
    assert moves.index("db ProcessReady") < moves.index("web ProcessExited")


def test_a_workload_stopped_without_being_held_returns_and_a_held_one_does_not(place):
    web, db = place.workload("web"), place.workload("db")
    place.begin(web, db)
    place.house.ask(StopProcess(name="db", hold=True))
    place.house.ask(StopProcess(name="web", hold=False))
    place.ready("web", incarnation=2)
    place.closed("web", "vanished")
    assert place.house.ask(Reconcile()).drifts == []
    assert place.pid("db") is None
    assert {fact.subject for fact in place.house.events(DriftDetected)} == {"web"}


def test_a_child_left_over_from_a_former_life_is_ended_and_the_rest_with_a_stop(place):
    number, own = place.number(), place.number()
    web = place.workload("web", ["sh", "-c", f"setsid sleep {number} & exec sleep {own}"])
    place.begin(web)
    place.house.until(lambda: len(sleepers(number)) == 1)
    (left,) = sleepers(number)
    os.kill(place.ready("web"), signal.SIGKILL)
    place.closed("web", "stray")
    assert not alive(left)
    place.house.until(lambda: len(sleepers(number)) == 1)  # that of the present life
    place.house.ask(StopProcess(name="web"))
    place.house.until(lambda: sleepers(number) == [])
    assert {fact.drift for fact in place.house.events(DriftDetected)} == {"stray"}
