"""Tasks on engines: a cluster of Dask with processes of its own, and any other Executor."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from actors.executor.actor import Executor
from actors.executor.settings import ExecutorSettings
from actors.settings import RetryRule, Seconds, TaskKind
from bus.messages import AddTasks, CancelTasks, ExplainTask, ListTasks, TaskEnded, TaskSpec
from tests.executor.jobs import lines
from tests.harness import House

HERE = Path(__file__).parent
QUICK = RetryRule(attempts=3, first=Seconds(0.05), longest=Seconds(0.2))
CLUSTER = """
import sys
from distributed import LocalCluster

if __name__ == "__main__":
    cluster = LocalCluster(n_workers=1, threads_per_worker=2, dashboard_address=None, host="127.0.0.1")
    print(cluster.scheduler_address, flush=True)
    sys.stdin.read()
    cluster.close()
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """The address of a LocalCluster in a process of its own."""
    pytest.importorskip("distributed")
    folder = tmp_path_factory.mktemp("cluster")
    (folder / "cluster.py").write_text(CLUSTER)
    environ = {**os.environ, "PYTHONPATH": str(HERE.parents[1])}
    process = subprocess.Popen(
        [sys.executable, "cluster.py"],
        cwd=folder,
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    family = []
    try:
        address = process.stdout.readline().decode().strip()
        assert address.startswith("tcp://"), "the cluster does not come up"
        family = psutil.Process(process.pid).children(recursive=True)
        yield address.replace("tcp://", "dask://")
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(30)
        _, left = psutil.wait_procs(family, timeout=20)
        for one in left:
            one.kill()


@pytest.fixture
def house(tmp_path, until):
    made = House(tmp_path)
    made.view = msgspec.structs.replace(made.view, root=HERE)
    pids: list[int] = []
    try:
        yield made
        behaviour: Any = made.shells["executor"]._behaviour if made.shells else None
        pids = behaviour._pool.pids if behaviour is not None else []
    finally:
        made.stop()
        until(lambda: not any(psutil.pid_exists(pid) for pid in pids))


@pytest.fixture
def run(house):
    """Begins with one kind that runs on an engine; gives what adds such a task."""

    def begin(kind, engine, **fields):
        fields = {"retry": QUICK, **fields}
        house.view = msgspec.structs.replace(house.view, tasks={kind: TaskKind(module="jobs", engine=engine, **fields)})
        settings = ExecutorSettings(durability="normal", stop_within=Seconds(0.2), look_every=Seconds(0.2), workers=1)
        house.start(Executor, settings)

        def add(**params):
            return house.ask(AddTasks(tasks=[TaskSpec(kind=kind, params=params)])).tasks[0]

        return add

    return begin


@pytest.fixture
def ended(house):
    return lambda task: house.wait_for(TaskEnded, lambda fact: fact.task == task, 60.0)


def test_a_function_runs_on_the_cluster_and_goes_on_from_its_checkpoint(house, run, ended, cluster, tmp_path):
    ledger = tmp_path / "ledger"
    add = run("count", cluster)
    task = add(ledger=str(ledger), to=6, fail_at=3)
    fact = ended(task)
    assert (fact.outcome, fact.attempts) == ("done", 2)
    assert house.ask(ExplainTask(task=task)).result == "6"
    steps = lines(ledger, "step")
    assert [int(words[1]) for words in steps] == list(range(6)), "what was kept is not done again"
    assert not {int(words[2]) for words in steps} & set(house.shells["executor"]._behaviour._pool.pids)


def test_what_a_function_on_the_cluster_writes_is_committed_with_its_end(run, ended, cluster, tmp_path):
    add = run("tally", cluster)
    with closing(sqlite3.connect(tmp_path / "tasks.db", timeout=20)) as connection:
        connection.execute("CREATE TABLE totals (n INTEGER PRIMARY KEY)")
        task = add(statement="INSERT INTO totals VALUES (?)")
        assert ended(task).outcome == "done"
        assert connection.execute("SELECT n FROM totals").fetchall() == [(task,)]


def test_a_task_whose_machine_of_the_cluster_dies_is_done_by_another(*, run, ended, until, cluster, tmp_path):
    ledger = tmp_path / "ledger"
    task = run("count", cluster)(ledger=str(ledger), to=20, seconds=0.1)
    first = int(until(lambda: lines(ledger, "step"))[0][2])
    psutil.Process(first).kill()
    assert ended(task).outcome == "done"
    assert {int(words[2]) for words in lines(ledger, "step")} > {first}


def test_a_task_on_the_cluster_is_cancelled(*, house, run, ended, until, cluster, tmp_path):
    ledger = tmp_path / "ledger"
    task = run("count", cluster)(ledger=str(ledger), to=40, seconds=0.1)
    until(lambda: lines(ledger, "step"))
    house.ask(CancelTasks(tasks=[task], why="not needed"))
    fact = ended(task)
    assert (fact.outcome, fact.error) == ("cancelled", "not needed")


def test_a_task_on_the_cluster_that_takes_too_long_is_given_up(run, ended, cluster, tmp_path):
    add = run("count", cluster, timeout=Seconds(0.5), retry=RetryRule(attempts=1))
    fact = ended(add(ledger=str(tmp_path / "ledger"), to=30, seconds=0.1))
    assert (fact.outcome, "took longer than 500ms" in fact.error) == ("dead", True)


def test_parameters_of_the_wrong_type_fail_for_good_on_the_cluster_too(run, ended, cluster, tmp_path):
    fact = ended(run("count", cluster)(ledger=str(tmp_path / "ledger"), to="six"))
    assert (fact.outcome, fact.attempts) == ("dead", 1)
    assert "Expected `int`, got `str`" in fact.error


def test_a_cluster_that_is_not_there_fails_the_attempt(run, ended):
    task = run("count", "dask://127.0.0.1:1", retry=RetryRule(attempts=1))(ledger="-", to=1)
    fact = ended(task)
    assert (fact.outcome, fact.attempts) == ("dead", 1)
    assert fact.error.startswith("dask://127.0.0.1:1: ")


def test_any_executor_can_be_named_by_its_import_path(house, run, ended, tmp_path):
    task = run("count", "concurrent.futures:ThreadPoolExecutor")(ledger=str(tmp_path / "ledger"), to=3)
    assert ended(task).outcome == "done"
    assert house.ask(ListTasks(ended=True)).tasks[0].attempt == 1


@pytest.mark.parametrize(
    ("engine", "why"),
    [
        ("no_such_module:Pool", "cannot import 'no_such_module'"),
        ("concurrent.futures:Nothing", "has no class 'Nothing'"),
        ("collections:OrderedDict", "is no concurrent.futures.Executor"),
    ],
)
def test_what_is_no_executor_is_said(run, ended, engine, why):
    fact = ended(run("count", engine, retry=RetryRule(attempts=1))(ledger="-", to=1))
    assert (fact.outcome, why in fact.error) == ("dead", True)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"command": ["p"], "engine": "dask://host:8786"}, "runs functions only"),
        ({"module": "m", "engine": "dask://host"}, "allowed: dask://HOST:PORT, MODULE:NAME"),
        ({"module": "m", "engine": "ray://host:1"}, "allowed: dask://HOST:PORT, MODULE:NAME"),
        ({"module": "m", "engine": "dask://host:1", "silence": Seconds(1)}, "silence"),
    ],
)
def test_an_engine_that_cannot_be_is_refused(fields, problem):
    with pytest.raises(ValueError, match=problem):
        TaskKind(**fields)
