"""Changes are committed together, and told of after that; a full disk loses none of them while memory has room."""

import contextlib
import sqlite3

import msgspec
import pytest

from actors.healer import grouped, holding
from actors.healer.grouped import open_grouped
from actors.healer.store import Store
from bus.messages import ExplainIssue, IssueRaised, IssueResolved, ListIssues, RemedyStarted
from tests.healer.fakes import crashed, hook, looped, workload
from tests.healer.test_actor import crossed
from tests.healer.test_issues import issue
from tests.small_disk import fill, small_disk

SCHEMA = ("CREATE TABLE IF NOT EXISTS thing (name TEXT PRIMARY KEY, text TEXT NOT NULL)",)
BIG = "x" * 20_000
PUT = "INSERT OR REPLACE INTO thing VALUES (?, ?)"


@pytest.fixture
def disk(tmp_path):
    with small_disk(tmp_path / "disk") as place:
        yield place


def names(path, table="thing", column="name"):
    """What is committed."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        return [name for (name,) in database.execute(f"SELECT {column} FROM {table} ORDER BY {column}")]


def test_changes_are_there_for_others_once_they_are_settled_and_each_group_is_announced_once(tmp_path):
    path, begun = tmp_path / "some.db", []
    with contextlib.closing(open_grouped(path, SCHEMA)) as database:
        database.begun = lambda: begun.append(database.waiting)
        database.execute(PUT, ("a", "1"))
        database.executemany(PUT, [("b", "2"), ("c", "3")])
        database.executemany(PUT, [])
        assert names(path) == []
        assert [name for (name,) in database.execute("SELECT name FROM thing")] == ["a", "b", "c"]
        assert database.waiting == 2
        assert database.settle()
        assert names(path) == ["a", "b", "c"]
        assert begun == [0]
        database.execute("DELETE FROM thing WHERE name = ?", ("a",))
        assert begun == [0, 0]
    assert names(path) == ["b", "c"]


def test_what_belongs_together_is_left_out_together_and_the_rest_of_the_group_stays(tmp_path):
    path = tmp_path / "some.db"
    with contextlib.closing(open_grouped(path, SCHEMA)) as database:
        database.execute(PUT, ("a", "1"))

        def half():
            with database.together():
                database.execute(PUT, ("b", "2"))
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            half()
        database.execute(PUT, ("c", "3"))
    assert names(path) == ["a", "c"]


def test_what_a_full_disk_does_not_take_is_read_from_memory_and_written_when_there_is_room(disk):
    path = disk / "some.db"
    with contextlib.closing(open_grouped(path, SCHEMA)) as database:
        database.execute(PUT, ("a", BIG))
        assert database.settle()
        filler = fill(disk)
        for name in "bcdefgh":
            database.execute(PUT, (name, BIG))
            assert not database.settle()
        database.execute("DELETE FROM thing WHERE name = ?", ("a",))
        assert database.full
        assert [name for (name,) in database.execute("SELECT name FROM thing ORDER BY name")] == list("bcdefgh")
        assert names(path) == ["a"]
        filler.unlink()
        assert database.settle()
        assert (database.full, database.waiting) == (False, 0)
        assert names(path) == list("bcdefgh")


def test_memory_takes_so_much_and_what_is_left_out_is_counted(disk, monkeypatch):
    monkeypatch.setattr(grouped, "WAITING_BYTES_MAX", 3 * len(BIG))
    path = disk / "some.db"
    with contextlib.closing(open_grouped(path, SCHEMA)) as database:
        filler = fill(disk)
        for name in "abcd":
            database.execute(PUT, (name, BIG))
            database.settle()
        assert (database.waiting, database.lost) == (2, 2)
        filler.unlink()
    assert names(path) == ["a", "b"]


def test_any_other_fault_is_raised(tmp_path):
    with contextlib.closing(open_grouped(tmp_path / "some.db", SCHEMA)) as database:
        with pytest.raises(sqlite3.OperationalError, match="no such table"):
            database.execute("INSERT INTO elsewhere VALUES (1)")
        with pytest.raises(sqlite3.IntegrityError):
            database.execute("INSERT INTO thing VALUES ('a', NULL)")


def test_a_store_is_closed_with_what_was_written(tmp_path):
    store = Store(tmp_path / "healer.db")
    store.save(issue(issue="i1"))
    store.close()
    assert names(tmp_path / "healer.db", "issues", "issue") == ["i1"]


def test_a_fact_is_told_when_it_is_committed_and_names_what_caused_it(ward):
    ward.open()
    on_disk = []

    def heard(envelope):
        if isinstance(envelope.data, IssueRaised):
            on_disk.append((names(ward.tmp_path / "healer.db", "issues", "issue"), envelope.data.issue))

    ward.house.bus.subscribe((IssueRaised,), heard, local_only=True, crowded=lambda: False)
    ward.script.down("exited")
    ward.tell(crashed())
    raised = ward.house.wait_for(IssueRaised)
    ward.house.until(lambda: bool(on_disk))
    assert raised.issue in on_disk[0][0]
    told = {type(each.data).__name__: each for each in ward.house.envelopes()}
    assert told["IssueRaised"].causationid == told["ProcessExited"].id


def test_many_symptoms_are_few_commits(ward, monkeypatch):
    settled = []
    settle = grouped.Grouped.settle

    def counted(self):
        settled.append(self.waiting)
        return settle(self)

    monkeypatch.setattr(grouped.Grouped, "settle", counted)
    names_of_all = [f"w{number}" for number in range(200)]
    ward.open(*(workload(name) for name in names_of_all))
    ward.tell(*(crossed(name=name) for name in names_of_all))
    ward.house.until(lambda: len(ward.house.events(IssueRaised)) == 200)
    assert len([waiting for waiting in settled if waiting]) < 100


def test_healing_goes_on_with_a_full_disk_and_its_history_is_written_later(disk, ward, monkeypatch, caplog):
    monkeypatch.setattr(holding, "ROOM_EVERY_S", 0.2)
    house = ward.house
    house.view = msgspec.structs.replace(house.view, state_dir=disk)
    ward.open(workload(hooks={"repair": hook()}), workload("web"))
    filler = fill(disk)
    ward.script.down()
    ward.tell(looped(tail=["KeyError: 'a'"]))
    issue = house.wait_for(RemedyStarted).issue
    resolved = house.wait_for(IssueResolved, lambda fact: fact.issue == issue)
    for _ in range(50):
        ward.tell(crossed(name="web"))
    status = house.ask(ListIssues(open_only=False))
    assert status.unwritten > 0
    assert status.left_out == 0
    assert names(disk / "healer.db", "issues", "issue") == []
    shown = house.ask(ExplainIssue(issue=issue))
    assert shown.row.state == "resolved"
    filler.unlink()
    house.until(lambda: house.ask(ListIssues(open_only=False)).unwritten == 0)
    assert issue in names(disk / "healer.db", "issues", "issue")
    with contextlib.closing(sqlite3.connect(disk / "healer.db")) as database:
        steps = [step for (step,) in database.execute("SELECT step FROM steps WHERE issue = ?", (issue,))]
    assert steps == [step.step for step in shown.audit]
    assert steps[-1] == "resolved"
    assert resolved.by == "hook:repair"
    assert caplog.text.count("history.not_written") == 1
    house.until(lambda: caplog.text.count("history.written") == 1)
