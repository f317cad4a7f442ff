"""What protects tasks, with real workers: what is held, why it says so, and that it goes on."""

import os
import sys
from pathlib import Path

import msgspec
import psutil
import pytest

from actors.executor.actor import Executor
from actors.executor.settings import ExecutorSettings
from actors.healer.flow import Flow
from actors.healer.flowing import Flowing
from actors.healer.settings import FlowSettings
from actors.settings import BreakerRule, Bytes, Param, Resources, RetryRule, Seconds, TaskKind
from bus.errors import ActorUnavailable, Refused
from bus.messages import (
    AddTasks,
    EmergencyDeclared,
    EmergencyEnded,
    ExplainTask,
    FlowEntered,
    FlowLeft,
    GetTaskStats,
    TaskEnded,
    TasksFinished,
    TaskSpec,
)
from tests.executor.jobs import lines
from tests.harness import House
from tests.small_disk import fill, small_disk

ONCE = RetryRule(attempts=1)
SETTINGS = ExecutorSettings(
    durability="normal",
    workers=2,
    stop_within=Seconds(0.2),
    look_every=Seconds(0.2),
    offers=Resources(cpu=2, memory=Bytes(1 << 30)),
)
CALL = TaskKind(
    command=["sh", "-c", "test -e ${file}"],
    params={"file": Param()},
    retry=ONCE,
    breaker=BreakerRule(failures=2, open=Seconds(1)),
)


@pytest.fixture
def begin(tmp_path, until):
    house = House(tmp_path)
    pids: list[int] = []

    def start(settings=SETTINGS, **kinds):
        house.view = msgspec.structs.replace(house.view, root=Path(__file__).parent, tasks=kinds)
        house.start(Executor, settings)
        until(lambda: len(behaviour(house)._pool.pids) == settings.workers)
        pids.extend(behaviour(house)._pool.pids)
        return house

    try:
        yield start
    finally:
        house.stop()
        until(lambda: not any(psutil.pid_exists(pid) for pid in pids))


def behaviour(house):
    return house.shells["executor"]._behaviour


def add(house, kind, *, params=None, **fields):
    return house.ask(AddTasks(tasks=[TaskSpec(kind=kind, params=params or {}, **fields)])).tasks[0]


def ended(house, task):
    return house.wait_for(TaskEnded, lambda fact: fact.task == task, 40.0)


def layer(house, task, name):
    [found] = [one for one in house.ask(ExplainTask(task=task)).layers if one.name == name]
    return found.state, found.says


def test_a_kind_that_only_fails_is_left_alone_says_so_and_goes_on_by_itself(begin, until, tmp_path):
    kind = msgspec.structs.replace(CALL, breaker=BreakerRule(failures=2, open=Seconds(600)))
    house, file = begin(call=kind), tmp_path / "there"
    failed = [ended(house, add(house, "call", params={"file": str(file)})) for _ in range(2)]
    assert [one.outcome for one in failed] == ["dead", "dead"]
    assert layer(house, failed[1].task, "breaker") == ("acted", "2 failed in a row: none is started for 10m")
    held = add(house, "call", params={"file": str(file)})
    until(lambda: layer(house, held, "breaker")[0] == "holds")
    assert "2 failed in a row, " in layer(house, held, "breaker")[1]
    file.write_text("")
    house.view = msgspec.structs.replace(house.view, tasks={"call": CALL})
    house.reload({})
    assert ended(house, held).outcome == "done"
    assert layer(house, held, "breaker") == ("passes", "0 of 2 failures in a row")


def test_only_so_much_runs_at_once_as_the_node_offers(begin, tmp_path):
    nap = TaskKind(module="jobs", need=Resources(cpu=1.5))
    house, ledger = begin(nap=nap), tmp_path / "ledger"
    tasks = [add(house, "nap", params={"ledger": str(ledger), "seconds": 0.1}) for _ in range(4)]
    for task in tasks:
        assert ended(house, task).outcome == "done"
    assert [words[0] for words in lines(ledger, "start", "end")] == ["start", "end"] * 4
    assert layer(house, tasks[0], "resources") == ("passes", "cpu 1.5")


def test_what_could_never_be_started_is_refused(begin):
    house = begin(card=TaskKind(module="jobs", need=Resources(gpu=1)))
    with pytest.raises(Refused, match="card: can never be started: gpu 1 of 0; allowed: what "):
        add(house, "card")


def test_in_an_emergency_only_urgent_tasks_are_started_until_it_is_over(begin, until):
    house = begin(add=TaskKind(module="jobs"))
    house.publish(EmergencyDeclared(subject="alpha", incident="inc-7", places=["disk", "cpu"]))
    until(lambda: behaviour(house)._emergency == "inc-7")
    house.ask(GetTaskStats())  # what was asked of the queue before is done by now
    low, high = add(house, "add", params={"a": 1}), add(house, "add", params={"a": 1}, priority="high")
    assert ended(house, high).outcome == "done"
    assert layer(house, low, "degradation") == ("holds", "emergency inc-7: critical and high ones only")
    house.publish(EmergencyEnded(subject="alpha", incident="inc-7", lasted_s=1.0))
    assert ended(house, low).outcome == "done"


def test_what_is_over_is_not_waited_for_after_a_restart(begin):
    house = begin(add=TaskKind(module="jobs"))
    house.publish(EmergencyDeclared(subject="alpha", incident="inc-7", places=["disk", "cpu"]))
    house.until(lambda: behaviour(house)._emergency == "inc-7")
    house.ask(GetTaskStats())
    house.die("executor")
    house.start(Executor, SETTINGS)
    assert ended(house, add(house, "add", params={"a": 1}, priority="low")).outcome == "done"


def test_the_limit_that_ended_an_attempt_is_named(begin):
    slow = TaskKind(command=["sleep", "600"], timeout=Seconds(0.3), grace=Seconds(0.1), retry=RetryRule(attempts=2))
    slow = msgspec.structs.replace(slow, retry=RetryRule(attempts=2, first=Seconds(0.05)))
    house = begin(slow=slow)
    task = add(house, "slow")
    assert ended(house, task).attempts == 2
    assert layer(house, task, "time-out") == ("acted", "attempt 1: took longer than 300ms")
    assert layer(house, task, "back-off")[0] == "acted"


# -- flow


class Book:
    def __init__(self):
        self.flow = Flow(FlowSettings())


class FlowOnly(Flowing):
    """The part of the Healer that tells of flow, alone."""

    name = "healer"
    listens = (TasksFinished,)
    answers = ()

    def on_start(self):
        self._own = Book()
        self._watch_flow()

    def on_stop(self):
        pass

    @property
    def book(self):
        return self._own


def test_tasks_that_end_well_bring_the_node_into_flow_and_failures_out_of_it(begin):
    kinds = {"good": TaskKind(command=["true"]), "bad": TaskKind(command=["false"], retry=ONCE)}
    house = begin(**kinds)
    house.start(FlowOnly)
    for _ in range(8):
        add(house, "good")
    entered = house.wait_for(FlowEntered)
    assert (entered.subject, entered.done >= 6, entered.failed) == ("alpha", True, 0)
    for _ in range(4):
        add(house, "bad")
    assert 1 <= house.wait_for(FlowLeft).failed <= 4
    house.until(lambda: sum(one.done for one in house.events(TasksFinished)) == 8)
    house.until(lambda: sum(one.failed for one in house.events(TasksFinished)) == 4)


# -- the disk


@pytest.fixture
def small(tmp_path):
    with small_disk(tmp_path / "small", 4) as place:
        yield place


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="only root can mount a small disk")
def test_on_a_full_disk_nothing_new_is_taken_on_and_what_was_is_done_when_there_is_room(small, until):
    house = House(small)
    kinds = {"nap": TaskKind(module="jobs", retry=RetryRule(attempts=5, first=Seconds(0.1)))}
    house.view = msgspec.structs.replace(house.view, root=Path(__file__).parent, tasks=kinds)
    pids: list[int] = []
    try:
        house.start(Executor, SETTINGS)
        pids = until(lambda: behaviour(house)._pool.pids)
        params = {"ledger": str(small.parent / "ledger"), "seconds": 0.5}
        tasks = [add(house, "nap", params=params) for _ in range(4)]
        until(lambda: len(lines(small.parent / "ledger", "start")) == 2)
        filler = fill(small)
        more = [TaskSpec(kind="nap", params={**params, "ledger": "x" * 4000}) for _ in range(200)]
        with pytest.raises(ActorUnavailable, match="full"):
            house.ask(AddTasks(tasks=more))
        until(lambda: len(lines(small.parent / "ledger", "end")) >= 2)
        filler.unlink()
        for task in tasks:
            assert ended(house, task).outcome == "done"
        assert house.ask(GetTaskStats()).counts == {"done": 4}
    finally:
        house.stop()
        until(lambda: not any(psutil.pid_exists(pid) for pid in pids))
