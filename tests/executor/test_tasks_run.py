"""The Executor with real worker processes, functions and commands."""

import os
import signal
import sqlite3
import time
from pathlib import Path

import msgspec
import psutil
import pytest

from actors.executor.actor import Executor
from actors.executor.settings import ExecutorSettings
from actors.settings import Param, Rate, RetryRule, Seconds, TaskKind
from bus.errors import Refused
from bus.messages import (
    AddTasks,
    CancelTasks,
    ExplainTask,
    GetTaskStats,
    ListTasks,
    NodeStopping,
    PauseTasks,
    QueueSetAside,
    RetryTasks,
    TaskEnded,
    TaskLate,
    TaskSpec,
    WorkerEnded,
)
from tests.executor.jobs import lines
from tests.harness import House

QUICK = RetryRule(attempts=3, first=Seconds(0.05), longest=Seconds(0.1))
ONCE = RetryRule(attempts=1)
FUNCTIONS = ("add", "nap", "fail", "die", "steps", "deaf", "write", "unkept")
SHORT = Seconds(0.5)
SETTINGS = ExecutorSettings(durability="normal", stop_within=SHORT, look_every=Seconds(0.2))


def kinds(**more):
    made = {name: TaskKind(module="jobs", retry=QUICK, grace=Seconds(0.2)) for name in FUNCTIONS}
    shell = TaskKind(
        command=["sh", "-c", "${script}"],
        params={"script": Param(pattern="(?s).*")},
        retry=ONCE,
        grace=Seconds(0.3),
    )
    return {**made, "shell": shell, **more}


def left_behind(state_dir):
    """Processes of workers of this node that live."""
    found = []
    for process in psutil.process_iter():
        try:
            name = process.environ().get("GYROSTAT_TASK_WORKER", "")
        except (psutil.Error, OSError):
            continue
        if (state_dir / "tasks" / "workers" / name).exists() and name:
            found.append(process)
    return found


@pytest.fixture
def house(tmp_path, until):
    made = House(tmp_path)
    made.view = msgspec.structs.replace(made.view, root=Path(__file__).parent)
    try:
        yield made
    finally:
        made.stop()
        until(lambda: not left_behind(tmp_path))


@pytest.fixture
def begin(house):
    def start(settings=SETTINGS, **more):
        house.view = msgspec.structs.replace(house.view, tasks=kinds(**more))
        house.start(Executor, settings)

    return start


@pytest.fixture
def add(house):
    def add(kind, *, params=None, **fields):
        return house.ask(AddTasks(tasks=[TaskSpec(kind=kind, params=params or {}, **fields)])).tasks[0]

    return add


@pytest.fixture
def ended(house):
    return lambda task: house.wait_for(TaskEnded, lambda fact: fact.task == task, 40.0)


def shell(script):
    return {"script": script}


# -- what they run


def test_a_function_gets_its_typed_parameters_and_its_result_is_kept(house, begin, add, ended):
    begin()
    task = add("add", params={"a": 2})
    assert ended(task).outcome == "done"
    detail = house.ask(ExplainTask(task=task))
    assert (detail.result, detail.row.attempt, detail.happenings) == ('{"sum":3}', 1, [])


@pytest.mark.parametrize(
    ("kind", "params", "said"),
    [
        ("add", {"a": "two"}, "Expected `int`, got `str` - at `$.a`"),
        ("add", {"a": 1, "c": 2}, "unknown field `c`"),
        ("add", {}, "missing required field `a`"),
        ("unkept", {}, "its result cannot be kept"),
    ],
)
def test_what_trying_again_cannot_help_fails_for_good_at_once(*, begin, add, ended, kind, params, said):
    begin()
    fact = ended(add(kind, params=params))
    assert (fact.outcome, fact.attempts) == ("dead", 1)
    assert said in fact.error


def test_a_command_is_told_who_it_is_and_says_how_far_it_is(house, begin, add, ended, until):
    begin()
    script = """
        echo "$GYROSTAT_TASK_ID $GYROSTAT_TASK_ATTEMPT [$GYROSTAT_TASK_CHECKPOINT]"
        echo 'checkpoint {"page": 4}' >&$GYROSTAT_TASK_FD
        if [ -z "$GYROSTAT_TASK_CHECKPOINT" ]; then exit 9; fi
        echo "result $GYROSTAT_TASK_CHECKPOINT" >&$GYROSTAT_TASK_FD
    """
    task = add("shell", params=shell(script))
    fact = ended(task)
    assert (fact.outcome, fact.attempts) == ("dead", 1)
    assert f"exit code 9: {task} 1 []" in fact.error
    house.ask(RetryTasks(tasks=[task]))
    house.wait_for(TaskEnded, lambda fact: fact.task == task and fact.outcome == "done", 40.0)
    assert house.ask(ExplainTask(task=task)).result == '{"page": 4}'


def test_the_progress_of_a_running_command_is_seen(house, begin, add, until, ended):
    begin()
    task = add("shell", params=shell("echo progress 0.25 first quarter >&$GYROSTAT_TASK_FD; sleep 60"))
    row = until(lambda: next((row for row in house.ask(ListTasks()).tasks if row.progress is not None), None))
    assert (row.task, row.state, row.progress, row.note) == (task, "running", 0.25, "first quarter")
    house.ask(CancelTasks(tasks=[task]))
    assert ended(task).outcome == "cancelled"


def test_parameters_stay_one_argument_whatever_they_hold(house, begin, add, ended, tmp_path):
    kind = TaskKind(
        command=["sh", "-c", 'printf %s "$1" > "$0"', str(tmp_path / "out"), "${name}"], params={"name": Param()}
    )
    begin(say=kind)
    nasty = "a; touch /tmp/x $(id) `id` ' \" \\ \n*"
    assert ended(add("say", params={"name": nasty})).outcome == "done"
    assert (tmp_path / "out").read_text() == nasty


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({}, 'parameter "script" is missing'),
        ({"script": 3}, "3 is no text"),
        ({"script": "x", "other": 1}, 'no parameter "other"; there are: script'),
    ],
)
def test_parameters_that_do_not_fit_are_refused_before_the_task_is_taken_on(house, begin, add, params, said):
    begin()
    with pytest.raises(Refused, match=said):
        add("shell", params=params)
    with pytest.raises(Refused, match='no kind of task "shel"'):
        add("shel")
    assert house.ask(ListTasks()).tasks == []


# -- failures


def test_an_error_is_tried_again_as_the_rule_for_its_name_says(house, begin, add, ended):
    rules = {"ArithmeticError": ONCE}
    begin(fail=TaskKind(module="jobs", retry=QUICK, retry_on=rules))
    once, dividing, leaving = (add("fail", params={"how": how}) for how in ("once", "dividing", "exit"))
    assert (ended(once).outcome, ended(once).attempts) == ("done", 2)
    assert (ended(dividing).outcome, ended(dividing).attempts) == ("dead", 1)
    assert "ZeroDivisionError: by nothing (jobs.py:" in ended(dividing).error
    assert (ended(leaving).outcome, ended(leaving).attempts) == ("dead", 3)
    steps = house.ask(ExplainTask(task=once)).happenings
    assert [(one.what, "cut off" in one.detail) for one in steps] == [("failed", True)]


def test_a_task_that_kills_its_workers_is_given_up_and_others_go_on(house, begin, add, ended, tmp_path):
    begin(msgspec.structs.replace(SETTINGS, deaths_max=3))
    poison, good = add("die", params={"ledger": str(tmp_path / "ledger")}), add("add", params={"a": 1})
    assert ended(good).outcome == "done"
    fact = ended(poison)
    assert (fact.outcome, fact.attempts) == ("dead", 3)
    assert "its worker died 3 times" in fact.error
    assert house.wait_for(WorkerEnded).exit_code == -signal.SIGKILL


@pytest.mark.parametrize("kind", ["nap", "deaf"])
def test_a_function_that_takes_too_long_is_ended_even_if_it_will_not_hear(begin, add, ended, tmp_path, kind):
    begin(**{kind: TaskKind(module="jobs", timeout=SHORT, retry=ONCE, grace=Seconds(0.1))})
    params = {"ledger": str(tmp_path / "ledger"), **({"seconds": 600.0} if kind == "nap" else {})}
    fact = ended(add(kind, params=params))
    assert (fact.outcome, fact.attempts) == ("dead", 1)
    assert "took longer than 500ms" in fact.error
    assert not lines(tmp_path / "ledger", "end")


def test_a_command_that_takes_too_long_is_killed_with_its_children(begin, add, ended, tmp_path, until):
    kind = msgspec.structs.replace(kinds()["shell"], timeout=SHORT)
    begin(slow=kind)
    script = f"trap '' TERM; sleep 601 & echo $! > {tmp_path}/child; wait; sleep 602"
    fact = ended(add("slow", params=shell(script)))
    assert "took longer than 500ms" in fact.error
    child = int((tmp_path / "child").read_text())
    until(lambda: not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE)


def test_a_command_that_gives_no_sign_of_life_is_ended(begin, add, ended):
    begin(slow=msgspec.structs.replace(kinds()["shell"], silence=Seconds(1)))
    alive = "for i in 1 2 3 4 5 6 7 8; do echo alive >&$GYROSTAT_TASK_FD; sleep 0.25; done"
    talking, silent = add("slow", params=shell(alive)), add("slow", params=shell("sleep 600"))
    assert ended(talking).outcome == "done"
    assert "gave no sign of life for 1s" in ended(silent).error


def test_a_command_that_cannot_be_started_says_so(begin, add, ended):
    begin(lost=TaskKind(command=["/no/such/program"], retry=ONCE))
    assert "cannot be started" in ended(add("lost")).error


# -- cancel, limits, pause


@pytest.mark.parametrize("kind", ["nap", "deaf"])
def test_a_running_function_is_cancelled(*, house, begin, add, ended, until, tmp_path, kind):
    begin()
    ledger = tmp_path / "ledger"
    task = add(kind, params={"ledger": str(ledger), **({"seconds": 600.0} if kind == "nap" else {})})
    until(lambda: lines(ledger, "start"))
    assert house.ask(CancelTasks(tasks=[task], why="not needed")).detail == "1 told to end"
    fact = ended(task)
    assert (fact.outcome, fact.error) == ("cancelled", "not needed")
    assert house.ask(CancelTasks(tasks=[task])).detail == f"had ended already: {task}"


def test_no_more_of_a_kind_run_at_once_than_may(house, begin, add, ended, tmp_path):
    begin(msgspec.structs.replace(SETTINGS, workers=3), nap=TaskKind(module="jobs", concurrency=1))
    ledger = tmp_path / "ledger"
    tasks = [add("nap", params={"ledger": str(ledger), "seconds": 0.05}) for _ in range(6)]
    for task in tasks:
        assert ended(task).outcome == "done"
    assert [words[0] for words in lines(ledger, "start", "end")] == ["start", "end"] * 6


def test_no_more_of_a_kind_are_started_in_a_time_than_may(begin, add, ended, tmp_path):
    begin(nap=TaskKind(module="jobs", rate=Rate(starts=1, per=Seconds(0.5))))
    began_s = time.monotonic()
    for task in [add("nap", params={"ledger": str(tmp_path / "ledger"), "seconds": 0.0}) for _ in range(4)]:
        assert ended(task).outcome == "done"
    assert time.monotonic() - began_s >= 1.5


def test_nothing_is_started_while_tasks_are_paused(house, begin, add, ended):
    begin()
    house.ask(PauseTasks(why="maintenance"))
    task = add("add", params={"a": 1})
    stats = house.ask(GetTaskStats())
    assert (stats.counts, stats.paused) == ({"queued": 1}, "maintenance")
    house.ask(PauseTasks(why=None))
    assert ended(task).outcome == "done"


def test_a_late_task_is_told(house, begin, add, ended):
    begin()
    house.ask(PauseTasks())
    late = add("add", params={"a": 1}, deadline=time.time() + 0.1)
    raised = add("add", params={"a": 1}, deadline=time.time() + 0.1, late="escalate")
    assert ended(late).outcome == "expired"
    assert house.wait_for(TaskLate, lambda fact: fact.task == raised).then == "escalate"


# -- effectively once


def test_what_a_function_writes_is_committed_with_its_end(begin, add, ended, tmp_path):
    begin()
    ended(add("add", params={"a": 1}))
    with sqlite3.connect(tmp_path / "tasks.db", timeout=20) as connection:
        connection.execute("CREATE TABLE totals (n INTEGER PRIMARY KEY)")
    connection.close()
    statement = "INSERT INTO totals VALUES (?)"
    assert ended(add("write", params={"statement": statement, "value": 7})).outcome == "done"
    fact = ended(add("write", params={"statement": statement, "value": 7}))
    assert (fact.outcome, "UNIQUE" in fact.error) == ("dead", True)
    with sqlite3.connect(tmp_path / "tasks.db", timeout=20) as connection:
        assert connection.execute("SELECT n FROM totals").fetchall() == [(7,)]
    connection.close()


# -- what is killed


def test_the_task_of_a_killed_worker_goes_on_from_its_checkpoint(*, house, begin, add, ended, until, tmp_path):
    begin()
    ledger = tmp_path / "ledger"
    task = add("steps", params={"ledger": str(ledger), "count": 12, "seconds": 0.1})
    for at in (3, 6):
        until(lambda at=at: next((one for one in lines(ledger, "step") if int(one[1]) >= at), None))
        os.kill(int(lines(ledger, "step")[-1][2]), signal.SIGKILL)
    assert ended(task).outcome == "done"
    done = [int(words[1]) for words in lines(ledger, "step")]
    assert sorted(set(done)) == list(range(12))
    assert len(done) <= 12 + 2
    assert [one.what for one in house.ask(ExplainTask(task=task)).happenings] == ["rescued", "rescued"]


def test_the_command_of_a_killed_worker_is_killed_before_it_runs_again(*, begin, add, until, tmp_path, house, ended):
    begin()
    script = (
        f"setsid sleep 603 & echo $! $PPID >> {tmp_path}/lives; if [ $(wc -l < {tmp_path}/lives) = 1 ]; then wait; fi"
    )
    task = add("shell", params=shell(script))
    child, worker = map(int, until(lambda: (tmp_path / "lives").exists() and (tmp_path / "lives").read_text().split()))
    os.kill(worker, signal.SIGKILL)
    assert ended(task).outcome == "done"
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE
    second = int((tmp_path / "lives").read_text().split()[2])
    os.kill(second, signal.SIGKILL)


def test_a_node_that_is_killed_loses_nothing_and_its_workers_end(*, house, begin, add, ended, until, tmp_path):
    begin()
    ledger = tmp_path / "ledger"
    task = add("steps", params={"ledger": str(ledger), "count": 15, "seconds": 0.1})
    until(lambda: lines(ledger, "step"))
    first = set(house.ask(GetTaskStats()).counts)
    house.die("executor")
    assert first == {"running"}
    house.start(Executor, SETTINGS)
    assert ended(task).outcome == "done"
    assert sorted({int(words[1]) for words in lines(ledger, "step")}) == list(range(15))


def test_a_stopping_node_gives_the_task_back(*, house, begin, add, until, tmp_path, ended):
    begin()
    ledger = tmp_path / "ledger"
    task = add("nap", params={"ledger": str(ledger), "seconds": 600.0})
    until(lambda: lines(ledger, "start"))
    house.publish(NodeStopping(subject="alpha", why="test", keeps_workloads=False))
    row = until(lambda: next((row for row in house.ask(ListTasks()).tasks if row.state == "queued"), None))
    assert (row.task, row.failures) == (task, 0)


# -- the file


def test_a_broken_file_is_set_aside_whole_and_told(house, begin, add, ended, tmp_path):
    broken = b"SQLite format 3\0" + os.urandom(20_000)
    (tmp_path / "tasks.db").write_bytes(broken)
    begin()
    assert ended(add("add", params={"a": 1})).outcome == "done"
    fact = house.wait_for(QueueSetAside)
    assert Path(fact.kept).read_bytes() == broken
    assert fact.why


def test_without_kinds_of_tasks_nothing_is_started_or_written(house, tmp_path):
    house.start(Executor, SETTINGS)
    with pytest.raises(Refused, match="none in the config"):
        house.ask(AddTasks(tasks=[TaskSpec(kind="x")]))
    assert not (tmp_path / "tasks.db").exists()
    assert not (tmp_path / "tasks").exists()


def test_many_who_add_at_once_share_commits(house, begin, tmp_path):
    begin(msgspec.structs.replace(SETTINGS, workers=0, durability="full"))
    futures = [
        house.bus.send(AddTasks(tasks=[TaskSpec(kind="add", params={"a": 1})]), timeout_s=30) for _ in range(500)
    ]
    numbers = [future.result(30).tasks[0] for future in futures]
    assert len(set(numbers)) == 500
    assert house.ask(GetTaskStats()).counts == {"queued": 500}
    assert house.shells["executor"]._behaviour._committer.commits < 500


def test_a_reload_gives_the_workers_the_new_kinds_and_limits(house, begin, add, ended):
    begin()
    assert ended(add("add", params={"a": 1})).outcome == "done"
    more = TaskKind(command=["sh", "-c", "exit 0"], concurrency=1)
    house.view = msgspec.structs.replace(house.view, tasks={"more": more})
    house.reload({})
    assert ended(add("more")).outcome == "done"
    with pytest.raises(Refused, match='no kind of task "add"'):
        add("add", params={"a": 1})


@pytest.mark.needs("initdb")
def test_a_reload_can_move_on_to_another_queue(house, begin, add, ended, server):
    begin()
    assert ended(add("add", params={"a": 1})).outcome == "done"
    address = server.new_queue()
    house.reload({}, executor=msgspec.structs.replace(SETTINGS, database=address))
    house.until(lambda: house.ask(GetTaskStats()).counts == {})
    assert house.ask(AddTasks(tasks=[TaskSpec(kind="add", params={"a": 1})])).fresh == 1
    house.until(lambda: house.ask(GetTaskStats()).counts == {"done": 1})
