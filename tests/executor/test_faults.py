"""What must not lose a task: killed workers, a server that goes, a full disk, a broken file, a dead machine."""

import os
import random
import signal
import threading
from contextlib import ExitStack
from pathlib import Path

import msgspec
import psutil
import pytest

from actors.executor.actor import Executor
from actors.executor.committing import Committer
from actors.executor.database import StoreFailed
from actors.executor.flow import NoSuchTask
from actors.executor.model import NewTask
from actors.executor.opening import open_store, set_aside
from actors.executor.reading import Reading
from actors.executor.settings import ExecutorSettings
from actors.executor.store import TaskStore
from actors.settings import RetryRule, Seconds, TaskKind
from bus.messages import AddTasks, ExplainTask, GetTaskStats, TaskEnded, TaskSpec
from tests.executor.jobs import lines
from tests.harness import House
from tests.postgres import Cable

RETRY = RetryRule(attempts=50, first=Seconds(0.1), longest=Seconds(0.5))
KINDS = {name: TaskKind(module="jobs", retry=RETRY) for name in ("nap", "steps", "tally")}
KILLS = 12


@pytest.fixture
def start(tmp_path, until):
    """Starts the Executor of a node of that name; no worker is left at the end."""
    with ExitStack() as stack:
        pids = []

        def begin(node="alpha", **settings):
            house = House(tmp_path / node, node=node)
            stack.callback(house.stop)
            house.view = msgspec.structs.replace(house.view, root=Path(__file__).parent, tasks=KINDS)
            house.start(Executor, ExecutorSettings(stop_within=Seconds(0.2), look_every=Seconds(0.2), **settings))
            return house, lambda: remembered(house)

        def remembered(house):
            pool = house.shells["executor"]._behaviour._pool
            pids.extend(pool.pids)
            return pool.pids

        yield begin
        stack.close()
        until(lambda: not any(psutil.pid_exists(pid) for pid in pids))


@pytest.fixture
def cable(server):
    made = Cable(server.port)
    yield made
    made.close()


def add(house, kind, number=1, **params):
    return house.ask(AddTasks(tasks=[TaskSpec(kind=kind, params=params) for _ in range(number)])).tasks


def all_done(house, tasks, timeout_s=60.0):
    for task in tasks:
        assert house.wait_for(TaskEnded, lambda fact, task=task: fact.task == task, timeout_s).outcome == "done"


def test_random_kills_of_workers_lose_and_double_nothing(start, until, tmp_path):
    house, live_pids = start(durability="normal", workers=2)
    ledger, chance = tmp_path / "ledger", random.Random(7)
    tasks = add(house, "nap", 150, ledger=str(ledger), seconds=0.03)
    for _ in range(KILLS):
        ends = len(lines(ledger, "end"))
        until(lambda ends=ends: len(lines(ledger, "end")) >= min(ends + chance.randrange(1, 8), 150))
        live = until(live_pids)
        with_task = [int(words[2]) for words in lines(ledger, "start") if int(words[2]) in live]
        os.kill(with_task[-1] if with_task else live[0], signal.SIGKILL)
    all_done(house, tasks)
    stats = house.ask(GetTaskStats())
    assert stats.counts == {"done": 150}
    ended = [int(words[1]) for words in lines(ledger, "end")]
    assert set(ended) == set(tasks)
    assert len(ended) - len(tasks) <= KILLS, "only what was in the hands of a killed worker may have run twice"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.needs("initdb"))])
def totals(request, tmp_path):
    """(database of the settings, a store of it with an empty table, the statement that writes there)."""
    shared = request.param == "postgres"
    database = request.getfixturevalue("server").new_queue() if shared else None
    (tmp_path / "alpha").mkdir()
    store = open_store(database or str(tmp_path / "alpha" / "tasks.db"), synchronous="NORMAL")
    store.database.changed("CREATE TABLE totals (task BIGINT)")
    yield database, store, f"INSERT INTO totals VALUES ({'%s' if shared else '?'})"
    store.close()


def written(store):
    return sorted(task for (task,) in store.database.rows("SELECT task FROM totals"))


def test_random_kills_double_nothing_of_what_is_written_with_the_end(start, until, totals):
    database, store, statement = totals
    house, live_pids = start(durability="normal", workers=2, database=database, deaths_max=100)
    chance = random.Random(11)
    tasks = add(house, "tally", 120, statement=statement, seconds=0.03)
    for _ in range(KILLS):
        many = len(written(store))
        until(lambda many=many: len(written(store)) >= min(many + chance.randrange(1, 8), 120))
        os.kill(chance.choice(until(live_pids)), signal.SIGKILL)
    all_done(house, tasks)
    assert written(store) == tasks


def test_a_full_disk_refuses_what_it_cannot_keep_and_the_rest_stays(tmp_path):
    store = open_store(str(tmp_path / "queue.db"))
    try:
        store.add([NewTask(kind="job")])
        pages = store.database.rows("PRAGMA page_count")[0][0]
        store.database.rows(f"PRAGMA max_page_count = {pages + 4}")
        with pytest.raises(StoreFailed, match="full") as failed:
            store.add([NewTask(kind="job", params={"x": "y" * 1000}) for _ in range(1000)])
        assert failed.value.again
        assert Reading(store.database).counts() == {"queued": 1}
        store.database.rows(f"PRAGMA max_page_count = {pages + 100_000}")
        store.add([NewTask(kind="job")])
        assert Reading(store.database).counts() == {"queued": 2}
    finally:
        store.close()


def test_a_file_is_set_aside_only_when_it_is_broken_and_under_a_name_of_its_own(tmp_path):
    path = tmp_path / "queue.db"
    assert set_aside(path) is None
    open_store(str(path)).close()
    assert set_aside(path) is None
    for number in (1, 2):
        path.write_bytes(b"no database at all" * 1000)
        kept, why = set_aside(path) or (None, "")
        assert kept == tmp_path / f"queue.db.corrupt-{number}"
        assert "not a database" in why


def test_one_who_asks_for_the_impossible_does_not_spoil_the_commit_of_others(tmp_path):
    path, found, over = str(tmp_path / "queue.db"), {}, threading.Event()
    hold = threading.Event()

    def open_slowly():
        assert hold.wait(20)
        return open_store(path)

    committer = Committer(open_slowly)

    def then(name, outcome):
        found[name] = outcome
        if len(found) == 3:
            over.set()

    committer.add([NewTask(kind="a")], lambda outcome: then("a", outcome))
    committer.add([NewTask(kind="b", after=(99,))], lambda outcome: then("b", outcome))
    committer.add([NewTask(kind="c"), NewTask(kind="c")], lambda outcome: then("c", outcome))
    hold.set()
    assert over.wait(20)
    committer.close()
    assert isinstance(found["b"], NoSuchTask)
    assert (len(found["a"]), len(found["c"])) == (1, 2)


def test_many_who_open_a_new_queue_at_once_all_get_it(tmp_path):
    for number in range(20):
        path = str(tmp_path / f"queue{number}.db")
        stores: list[TaskStore] = []
        failed: list[StoreFailed] = []
        gate = threading.Barrier(6)

        def come(path=path, stores=stores, failed=failed, gate=gate):
            gate.wait(20)
            try:
                stores.append(open_store(path))
            except StoreFailed as error:
                failed.append(error)

        threads = [threading.Thread(target=come) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for store in stores:
            store.close()
        assert failed == []


def test_a_later_release_is_not_touched(tmp_path):
    path = str(tmp_path / "queue.db")
    store = open_store(path)
    store.remember("version", "99")
    store.close()
    with pytest.raises(StoreFailed, match="later release"):
        open_store(path)


@pytest.mark.needs("initdb")
class TestManyMachines:
    def test_a_server_that_is_restarted_costs_no_task(self, start, server, until, tmp_path):
        house, live_pids = start(database=server.new_queue(), workers=2)
        ledger = tmp_path / "ledger"
        tasks = add(house, "nap", 40, ledger=str(ledger), seconds=0.05)
        until(lambda: len(lines(ledger, "end")) >= 5)
        server.stop()
        server.start()
        all_done(house, tasks)
        assert {int(words[1]) for words in lines(ledger, "end")} == set(tasks)
        assert live_pids()

    def test_connections_that_are_cut_off_in_the_middle_lose_and_double_nothing(self, start, server, until, cable):
        store = open_store(server.new_queue())
        store.database.changed("CREATE TABLE totals (task BIGINT)")
        address = server.address.replace(f":{server.port}/", f":{cable.port}/")
        house, live_pids = start(database=address, workers=2)
        try:
            tasks = add(house, "tally", 300, statement="INSERT INTO totals VALUES (%s)")
            for number in range(10):
                until(lambda number=number: len(written(store)) >= 25 * number)
                cable.cut()
            all_done(house, tasks)
            assert written(store) == tasks
            assert live_pids()
        finally:
            store.close()

    def test_what_cannot_be_reached_refuses_and_serves_again(self, server):
        store = open_store(server.new_queue())
        try:
            store.add([NewTask(kind="job")])
            server.stop()
            with pytest.raises(StoreFailed) as failed:
                store.add([NewTask(kind="job")])
            assert failed.value.again
            server.start()
            store.add([NewTask(kind="job")])
            assert Reading(store.database).counts() == {"queued": 2}
        finally:
            store.close()

    def test_another_machine_goes_on_with_the_task_of_a_dead_one(self, start, server, until, tmp_path):
        address, ledger = server.new_queue(), tmp_path / "ledger"
        beta, beta_pids = start("beta", database=address, workers=1)
        [task] = add(beta, "steps", ledger=str(ledger), count=30, seconds=0.1)
        until(lambda: len(lines(ledger, "step")) >= 5)
        alpha, _ = start("alpha", database=address, workers=1)
        for pid in until(beta_pids):
            os.kill(pid, signal.SIGKILL)
        beta.die("executor")
        all_done(alpha, [task])
        steps = [int(words[1]) for words in lines(ledger, "step")]
        assert sorted(set(steps)) == list(range(30))
        assert len(steps) <= 31
        assert [one.what for one in alpha.ask(ExplainTask(task=task)).happenings] == ["rescued"]

    def test_two_machines_share_the_work_and_run_nothing_twice(self, start, server, until, tmp_path):
        address, ledger = server.new_queue(), tmp_path / "ledger"
        begun = [start(node, database=address, workers=1) for node in ("alpha", "beta")]
        for _, live_pids in begun:
            until(live_pids)
        houses = [house for house, _ in begun]
        tasks = add(houses[0], "nap", 60, ledger=str(ledger), seconds=0.05)
        for house in houses:
            all_done(house, tasks)
        ended = lines(ledger, "end")
        assert sorted(int(words[1]) for words in ended) == sorted(tasks)
        assert len({words[2] for words in ended}) == 2
