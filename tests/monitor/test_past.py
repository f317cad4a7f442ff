"""What the Monitor keeps beyond memory: of real processes, over actors and nodes that end."""

import contextlib
import sqlite3

import pytest

from actors.monitor.settings import ArchiveSettings
from actors.settings import Seconds
from actors.workbench import Call
from bus.errors import Refused
from bus.messages import GetMetrics, HealthChanged, ListSeries, ProcessStarted
from tests.monitor.conftest import MonitorHouse


@pytest.fixture
def kept(tmp_path):
    """Rows of the archive: (name, grain, bytes)."""

    def look():
        if not (tmp_path / "history.db").exists():
            return []
        with contextlib.closing(sqlite3.connect(tmp_path / "history.db")) as database:
            query = "SELECT name, grain, length(body) FROM piece JOIN subject ON id = subject"
            return database.execute(query).fetchall()

    return look


def measured(house, name="web", metric="memory", **given):
    return house.ask(GetMetrics(subjects=[name], metrics=[metric], **given)).rows


def points(house, count, name="web"):
    """Waits until so many readings are there."""

    def enough():
        with contextlib.suppress(Refused):
            return sum(sum(row.counts) for row in measured(house, name)) >= count
        return False

    house.until(enough)


def began(house, processes, workload, **settings):
    house.monitor(workload("web"), **({"interval": Seconds(0.2)} | settings))
    house.up("web", processes.sleep().pid)
    points(house, 3)


def test_what_was_read_is_told(house, processes, workload):
    began(house, processes, workload)
    found = house.ask(GetMetrics(subjects=["web"], metrics=["memory", "threads"]))
    memory, threads = found.rows
    assert (memory.metric, memory.unit, memory.scope, memory.step_s) == ("memory", "bytes", "workload", 0.0)
    assert memory.lowest <= memory.mean <= memory.highest
    assert memory.last == memory.means[-1] > 0
    assert (threads.lowest, threads.highest, threads.unit) == (1, 1, "count")
    assert all(found.since < at <= found.until for at in memory.times)
    assert {row.subject for row in house.ask(GetMetrics(metrics=["cpu"])).rows} == {"web", "host", "alpha"}
    assert {row.metric for row in house.ask(GetMetrics(subjects=["host"])).rows} >= {"cpu", "memory", "load1"}
    assert measured(house, "node")[0].subject == "alpha"


def test_everything_there_is_can_be_listed(house, processes, workload):
    began(house, processes, workload)
    rows = {row.subject: row for row in house.ask(ListSeries()).rows}
    assert rows.keys() == {"alpha", "host", "web"}
    assert {"cpu", "memory", "fds"} <= set(rows["web"].metrics)
    assert rows["web"].gone is None
    assert rows["web"].since == pytest.approx(house.clock.wall(), abs=120)


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (GetMetrics(subjects=["wbe"]), "nothing called 'wbe' is measured"),
        (GetMetrics(subjects=["web"], metrics=["memroy"]), "web has no series 'memroy'; there are: .*memory"),
        (GetMetrics(subjects=["web"], since_s=0.0), "more than 0"),
        (GetMetrics(subjects=["web"], points=0), "more than 0"),
    ],
)
def test_what_nobody_measures_is_refused_with_what_there_is(house, processes, workload, command, why):
    began(house, processes, workload)
    with pytest.raises(Refused, match=why):
        house.ask(command)


def test_an_answer_that_no_message_holds_is_refused(house, processes, workload, monkeypatch):
    began(house, processes, workload)
    monkeypatch.setattr("actors.monitor.past.ANSWER_POINTS_MAX", 20)
    with pytest.raises(Refused, match="more than one answer holds"):
        house.ask(GetMetrics())


def test_readings_outlive_the_actor_and_the_node(tmp_path, house, processes, workload, kept):
    began(house, processes, workload)
    pid = house.events(ProcessStarted)[0].pid
    before = measured(house)[0]
    house.stop()
    assert {"web", "host", "alpha"} <= {name for name, _, _ in kept()}
    again = MonitorHouse(tmp_path)
    try:
        again.monitor(workload("web"), interval=Seconds(0.2))
        found = measured(again)[0]
        assert found.step_s == 60
        assert sum(found.counts) >= sum(before.counts)
        assert (found.lowest, found.highest) == (before.lowest, before.highest)
        again.up("web", pid)
        points(again, sum(before.counts) + 5)
        assert measured(again)[0].times[-1] <= again.clock.wall()
    finally:
        again.stop()


def test_a_behaviour_that_is_made_anew_has_its_past_in_memory_by_the_minute(house, processes, workload):
    began(house, processes, workload)
    shell = house.shells["monitor"]
    first = shell._behaviour
    count = sum(measured(house)[0].counts)

    def fail():
        raise RuntimeError("a fault")

    shell._inbox.put_call(Call(fail, (), None, shell._bench.life))
    house.until(lambda: shell._behaviour is not None and shell._behaviour is not first)
    points(house, count)
    assert measured(house)[0].step_s == 60


def test_the_past_of_a_workload_that_was_removed_is_told_and_goes_on_when_it_comes_back(house, processes, workload):
    began(house, processes, workload)
    count = sum(measured(house)[0].counts)
    house.reload({})
    rows = {row.subject: row for row in house.ask(ListSeries()).rows}
    assert rows["web"].gone is not None
    assert "memory" in rows["web"].metrics
    points(house, count)
    house.reload({"web": workload("web")})
    house.up("web", processes.sleep().pid, incarnation=2)
    points(house, count)
    assert {row.subject: row.gone for row in house.ask(ListSeries()).rows}["web"] is None


def test_an_archive_that_cannot_be_used_is_a_trouble_of_the_node_and_holds_up_nothing(
    house, tmp_path, processes, workload
):
    (tmp_path / "history.db").mkdir()
    began(house, processes, workload, archive=ArchiveSettings(write_every=Seconds(1)))
    node = house.wait_for(HealthChanged, lambda fact: fact.scope == "node")
    assert node.level == "degraded"
    assert "history is not kept: " in node.why[0]
    assert "unable to open database file" in node.why[0]
    found = house.ask(GetMetrics(subjects=["web"], metrics=["memory"]))
    assert (len(found.rows), found.note) == (1, "history.db cannot be opened")
    assert {row.subject for row in house.ask(ListSeries()).rows} == {"alpha", "host", "web"}
    (tmp_path / "history.db").rmdir()
    house.wait_for(HealthChanged, lambda fact: fact.scope == "node" and fact.level == "healthy")


def test_a_file_that_is_no_archive_is_put_aside(house, tmp_path, processes, workload):
    (tmp_path / "history.db").write_text("this is no archive" * 1000)
    began(house, processes, workload, archive=ArchiveSettings(write_every=Seconds(1)))
    (aside,) = tmp_path.glob("history.db.damaged-*")
    assert aside.read_text().startswith("this is no archive")
    assert house.ask(GetMetrics(subjects=["web"], metrics=["memory"])).note == ""
