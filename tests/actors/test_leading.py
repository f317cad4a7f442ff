"""Who leads: leases in a real server of PostgreSQL and locks on real files, between real processes."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
from functools import partial
from typing import Any

import pytest

from actors.clock import RealClock
from actors.executor.committing import Committer
from actors.executor.flow import Fenced
from actors.executor.model import Fence, NewTask
from actors.executor.opening import open_store
from actors.executor.reading import Reading
from actors.leading import FileLock, Leadership, Lease, NotTaken, Standing, claim_of
from tests.executor.conftest import until  # noqa: F401
from tests.postgres import server  # noqa: F401

TTL_S = 1.0

LEADER = """
    import sys
    from actors.executor.flow import Fenced
    from actors.executor.model import Fence, NewTask
    from actors.executor.opening import open_store
    from actors.leading import FileLock, Lease
    from pathlib import Path

    def say(*words):
        print(*words, flush=True)

    what, where = sys.argv[1:]
    if what == "file":
        lock = FileLock(Path(where), "child")
        say(lock.take().leads)
        sys.stdin.readline()
    else:
        lease = Lease(where, "data", "child", 1.0)
        fence = Fence("data", lease.take().token)
        store = open_store(where)
        say(fence.token)
        try:
            if what == "within":
                with store.database.transaction():
                    store._guard(fence)
                    say("within")
                    sys.stdin.readline()
                    store._add_many([NewTask(kind="job", key="late")], [10**6])
            else:
                sys.stdin.readline()
                store.add([NewTask(kind="job", key="late")], [fence])
            say("added")
        except Exception as error:
            say(type(error).__name__, error)
"""


@pytest.fixture
def child():
    """A process that leads, and says so; it goes on when it is written a line."""
    made = []

    def start(what, where):
        argv = [sys.executable, "-c", textwrap.dedent(LEADER), what, str(where)]
        made.append(subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        return made[-1]

    yield start
    for one in made:
        one.kill()
        one.communicate()


def go_on(child):
    child.stdin.write("\n")
    child.stdin.flush()


class Leases:
    """Claims on the same lease in an empty database."""

    def __init__(self, address):
        self.address = address
        self.made: list[Lease] = []

    def __call__(self, holder, ttl_s=TTL_S):
        self.made.append(Lease(self.address, "data", holder, ttl_s))
        return self.made[-1]


@pytest.fixture
def lease(server):  # noqa: F811
    leases = Leases(server.new_queue())
    yield leases
    for one in leases.made:
        one.close()


def taken(claim):
    """Once it leads; None before."""
    try:
        standing = claim.take()
    except NotTaken:
        return None
    return standing if standing.leads else None


@pytest.mark.needs("initdb")
def test_one_of_two_leads_keeps_its_token_while_it_renews_and_the_other_knows_who(lease):
    one, two = lease("one", 60.0), lease("two", 60.0)
    assert one.take() == Standing(leads=True, token=1, leader="one")
    assert two.take() == Standing(leader="one")
    assert one.take().token == 1


@pytest.mark.needs("initdb")
def test_a_lease_that_is_given_back_is_had_at_once_with_a_greater_token(lease):
    one, two = lease("one", 60.0), lease("two", 60.0)
    one.take()
    one.close()
    assert two.take() == Standing(leads=True, token=2, leader="two")
    assert one.take() == Standing(leader="two")


@pytest.mark.needs("initdb")
def test_a_leader_that_is_killed_is_followed_by_another_and_its_token_is_refused(lease, child, until):  # noqa: F811
    dying = child("lease", lease.address)
    assert dying.stdout.readline() == "1\n"
    other = lease("other")
    assert not other.take().leads
    dying.kill()
    assert until(lambda: taken(other)).token == 2
    store = open_store(lease.address)
    try:
        with pytest.raises(Fenced, match="another node leads data by now"):
            store.add([NewTask(kind="job")], [Fence("data", 1)])
        with pytest.raises(Fenced):
            store.cancel(1, "late", Fence("data", 1))
        assert until(lambda: taken(other))
        assert store.add([NewTask(kind="job")], [Fence("data", 2)])[0].fresh
    finally:
        store.close()


@pytest.mark.needs("initdb")
def test_a_leader_that_is_paused_cannot_write_when_it_wakes(lease, child, until):  # noqa: F811
    paused = child("lease", lease.address)
    assert paused.stdout.readline() == "1\n"
    os.kill(paused.pid, signal.SIGSTOP)
    other = lease("other", 60.0)
    assert until(lambda: taken(other)).token == 2
    go_on(paused)
    os.kill(paused.pid, signal.SIGCONT)
    assert paused.stdout.readline() == "Fenced another node leads data by now\n"
    assert tasks(lease.address) == {}


@pytest.mark.needs("initdb")
def test_a_leader_that_is_paused_within_a_transaction_loses_it_and_holds_up_nobody(lease, child, until):  # noqa: F811
    paused = child("within", lease.address)
    assert paused.stdout.readline() == "1\n"
    assert paused.stdout.readline() == "within\n"
    os.kill(paused.pid, signal.SIGSTOP)
    other = lease("other", 60.0)
    assert until(lambda: taken(other)).token == 2
    go_on(paused)
    os.kill(paused.pid, signal.SIGCONT)
    assert paused.stdout.readline().startswith("StoreFailed ")
    assert tasks(lease.address) == {}


def tasks(address):
    store = open_store(address)
    try:
        return Reading(store.database).counts()
    finally:
        store.close()


@pytest.mark.needs("initdb")
def test_of_tasks_that_are_committed_together_only_those_of_a_former_leader_are_refused(lease, until):  # noqa: F811
    assert lease("one", 60.0).take().token == 1
    opening = threading.Event()
    outcomes: dict[str, Any] = {}

    def opened():
        opening.wait()
        return open_store(lease.address)

    committer = Committer(opened)
    for name, token in (("first", 1), ("late", 7), ("last", 1)):
        committer.add([NewTask(kind="job", key=name)], partial(outcomes.__setitem__, name), Fence("data", token))
    committer.add([NewTask(kind="job", key="by hand")], partial(outcomes.__setitem__, "by hand"))
    opening.set()
    committer.close()
    assert isinstance(outcomes.pop("late"), Fenced)
    assert {name: [one.fresh for one in added] for name, added in outcomes.items()} == {
        "first": [True],
        "last": [True],
        "by hand": [True],
    }
    assert tasks(lease.address) == {"queued": 3}


@pytest.mark.needs("initdb")
def test_while_the_server_is_away_nobody_leads_once_the_lease_is_over(server, lease, until):  # noqa: F811
    told: list[Standing] = []
    leading = Leadership(lease("one"), RealClock(), told.append)
    leading.start()
    try:
        until(lambda: told and told[-1].leads)
        server.stop()
        try:
            until(lambda: not told[-1].leads)
            assert told[-1].why
        finally:
            server.start()
        assert until(lambda: told[-1].leads and told[-1]).leader == "one"
    finally:
        leading.stop()
    assert lease("two").take().leads, "it was given back"


def test_a_lease_without_psycopg_or_without_a_server_says_so(tmp_path, monkeypatch):
    lease = claim_of("postgresql://tester@127.0.0.1:1/x", "data", "one", tmp_path)
    with pytest.raises(NotTaken, match="refused"):
        lease.take()
    lease.close()
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(NotTaken, match="pip install 'gyrostat"):
        lease.take()


def test_a_queue_that_is_no_part_of_the_lease_refuses_it(tmp_path):
    store = open_store(str(tmp_path / "queue.db"))
    try:
        with pytest.raises(Fenced, match="another database than the queue"):
            store.add([NewTask(kind="job")], [Fence("data", 1)])
        assert Reading(store.database).counts() == {}
    finally:
        store.close()


def test_a_lock_on_a_file_is_held_by_one_also_while_it_is_paused_and_is_free_when_that_dies(tmp_path, child, until):  # noqa: F811
    path = tmp_path / "lead.lock"
    holder = child("file", path)
    assert holder.stdout.readline() == "True\n"
    mine = claim_of("lead.lock", "data", "mine", tmp_path)
    assert mine.take() == Standing(leader="child")
    os.kill(holder.pid, signal.SIGSTOP)
    assert mine.take() == Standing(leader="child")
    holder.kill()
    assert until(lambda: taken(mine)) == Standing(leads=True, leader="mine")
    assert mine.take().leads
    mine.close()
    assert path.read_text() == "mine"


def test_a_lock_that_cannot_be_opened_is_not_taken(tmp_path):
    with pytest.raises(NotTaken, match="No such file"):
        FileLock(tmp_path / "absent" / "lock", "one").take()


def test_who_leads_is_told_when_it_changes_and_not_before(tmp_path, until):  # noqa: F811
    told: list[Standing] = []
    first = FileLock(tmp_path / "lock", "first")
    assert first.take().leads
    leading = Leadership(FileLock(tmp_path / "lock", "second"), RealClock(), told.append)
    leading.start()
    until(lambda: told)
    first.close()
    until(lambda: len(told) > 1)
    leading.stop()
    assert told == [Standing(leader="first"), Standing(leads=True, leader="second")]
    third = FileLock(tmp_path / "lock", "third")
    assert third.take().leads, "it was given back"
    third.close()
