"""Our queue for qbench (shared/bench/queue): copied to its adapters/ by benchmarks/tasks.py.

GYROSTAT_SYNC=FULL for the durability class that survives a power loss; NORMAL, as the others have it, by default.
"""

import os
from pathlib import Path

import qbench

from actors.executor.functions import Task, task
from actors.executor.model import NewTask
from actors.executor.opening import open_store
from actors.executor.order import Order
from actors.executor.worker import Worker
from actors.settings import RetryRule, TaskKind

STORE = "pg" if __name__.endswith("_pg") else "sqlite"
IMPORT, N, STEPS = "import actors.executor.worker", 10_000, True
SYNC = "FULL" if os.environ.get("GYROSTAT_SYNC") == "FULL" else "NORMAL"
KIND = TaskKind(module="tasks_adapter", retry=RetryRule(attempts=50))


@task("noop")
def noop(_: Task, no: int) -> None:
    qbench.noop(no)


@task("nap")
def nap(_: Task, no: int, secs: float) -> None:
    qbench.nap(no, secs)


@task("steps")
def steps(one: Task, no: int, count: int, secs: float) -> None:
    def step(number, act):
        if number < (one.last or 0):
            return
        act()
        one.checkpoint(number + 1)

    qbench.steps(no, count, secs, step)


NAMES = {"noop": ("no",), "nap": ("no", "secs"), "steps": ("no", "count", "secs")}


def setup(dsn):
    open_store(dsn, synchronous=SYNC).close()


class Producer:
    def __init__(self, dsn):
        self.store = open_store(dsn, synchronous=SYNC)

    def put(self, kind, no, *args):
        params = dict(zip(NAMES[kind], (no, *args), strict=True))
        self.store.add([NewTask(kind=kind, params=params)])

    def put_many(self, kind, nos):
        self.store.add([NewTask(kind=kind, params={"no": no}) for no in nos])

    def close(self):
        self.store.close()


def work(dsn, idx):
    run = Path(os.environ["QB_RUN"])
    name = f"bench.{idx}-{os.getpid()}"
    os.environ["GYROSTAT_TASK_WORKER"] = name
    os.dup2(os.pipe()[0], 0)  # an input that does not end while we live
    Worker(
        Order(
            name=name,
            node="bench",
            address=dsn,
            synchronous=SYNC,
            locks=str(run / "locks"),
            root=str(run),
            output=str(run / "output"),
            lost_max=50,
            kinds=dict.fromkeys(NAMES, KIND),
        )
    ).run()
