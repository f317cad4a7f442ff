"""When data sets are looked at, and when tasks wait: intervals by priority, schedules, emergencies, who leads."""

from __future__ import annotations

import msgspec
import pytest

from actors.clock import ManualClock
from actors.leading import FileLock, Lease
from actors.reconciler import data as data_module
from actors.reconciler.actor import Reconciler
from actors.reconciler.course import Tried
from actors.reconciler.gaps import Gap
from actors.reconciler.settings import Intervals, ReconcilerSettings
from actors.reconciler.store import Known
from actors.reconciler.watched import Watched
from actors.settings import Seconds
from actors.settings.datasets import Fill
from bus.errors import Refused
from bus.messages import (
    DatasetConverged,
    EmergencyDeclared,
    EmergencyEnded,
    ExplainKey,
    GetHealth,
    HealthReport,
    HealthRow,
    ListDatasets,
    PauseDatasets,
    ResumeDatasets,
    RunDatasets,
)
from tests.harness import House
from tests.postgres import server  # noqa: F401
from tests.reconciler.conftest import ScriptedManager
from tests.reconciler.datasets import Queue, begin, every_key, prices, put


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path / "var")
    ScriptedManager(made)
    yield made
    made.stop_and_encode()


@pytest.fixture
def still(tmp_path):
    """On a clock that is moved by hand."""
    made = House(tmp_path / "var", clock=ManualClock())
    ScriptedManager(made)
    yield made
    made.stop_and_encode()


def one(house):
    return house.ask(ListDatasets(names=["prices"])).datasets[0]


def filler(root):
    def work(spec):
        put(root, spec.params["file"])
        return ""

    return work


def filled(root):
    for key in every_key():
        put(root, key)


# --- when is looked


def looked_again(house, after_s):
    """Whether the next look comes after so many seconds, and not before."""
    house.advance(0)
    house.until(lambda: one(house).looked_s == 0)
    house.advance(after_s - 1)
    assert (one(house).looked_s, one(house).looking) == (after_s - 1, False)
    house.advance(1)
    house.until(lambda: one(house).looked_s == 0)


@pytest.mark.parametrize(("priority", "every_s"), [("critical", 300), ("medium", 3600), ("deferred", 86_400)])
def test_what_is_more_urgent_is_looked_at_more_often(still, tmp_path, priority, every_s):
    filled(tmp_path)
    begin(still, tmp_path, prices=prices(fill=Fill(task="fetch", priority=priority)))
    looked_again(still, every_s)


def test_a_data_set_that_says_its_interval_is_looked_at_so_often(still, tmp_path):
    filled(tmp_path)
    begin(still, tmp_path, prices=prices(every=Seconds(77), fill=None))
    looked_again(still, 77)


def test_one_with_a_schedule_is_looked_at_at_its_times(still, tmp_path):
    filled(tmp_path)
    begin(still, tmp_path, prices=prices(cron="30 * * * *", timezone="UTC"))
    looked_again(still, (1800 - still.clock.wall()) % 3600)
    looked_again(still, 3600)


def watched(*gaps, tried=(), **differs):
    known = {key: Tried(key=key, gap="missing", unfillable=True) for key in tried}
    listed = {gap.key: gap for gap in gaps}
    return Watched(name="x", settings=prices(**differs), known=Known(), tried=known, gaps=listed)


def test_the_urgency_is_that_of_the_first_gap_that_can_be_filled():
    low = {"fill": Fill(task="fetch", priority="low")}
    critical = Gap("a", "missing", priority="critical")
    assert watched(**low).urgency == "low"
    assert watched(critical, **low).urgency == "critical"
    assert watched(critical, tried=["a"], **low).urgency == "low"
    assert watched(Gap("b", "unexpected", priority="high"), **low).urgency == "low"
    assert watched(fill=None).urgency == "medium"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"cron": "x"}, "cron: "),
        ({"cron": "@daily", "every": Seconds(5)}, "every: goes without cron"),
        ({"timezone": "UTC"}, "timezone: goes with cron"),
        ({"every": Seconds(0.5)}, "at least 1s"),
    ],
)
def test_times_that_do_not_fit_together_are_refused(said, why):
    with pytest.raises(ValueError, match=why):
        prices(**said)


def test_intervals_without_a_pause_are_refused():
    with pytest.raises(ValueError, match="high: has to be at least 1s"):
        Intervals(high=Seconds(0))


# --- an emergency


def declared(incident="i-7"):
    return EmergencyDeclared(subject="alpha", incident=incident, places=["host"])


def test_no_tasks_while_an_emergency_is_declared(house, tmp_path):
    (tmp_path / "data").mkdir()
    queue = Queue(house, filler(tmp_path))
    begin(house, tmp_path, prices=prices(fill=Fill(task="fetch", when="asked", params={"file": "{key}"})))
    house.until(lambda: one(house).state == "gaps")
    house.publish(declared())
    house.ask(RunDatasets())
    assert one(house).why == "waits for the end of the emergency i-7"
    assert not queue.added
    house.publish(EmergencyEnded(subject="alpha", incident="i-7", lasted_s=1.0))
    house.ask(RunDatasets())
    assert house.wait_for(DatasetConverged).filled == 100


def test_an_end_that_nobody_told_of_is_found_out(house, tmp_path, monkeypatch):
    monkeypatch.setattr(data_module, "RESYNC_S", 0.1)
    row = HealthRow(subject="x", scope="node", level="healthy", since_s=1.0)
    report = HealthReport(whole=row, node=row, host=row, workloads=[], sampling_interval_s=5.0, emergency="i-8")
    reports = [report]
    house.bus.serve("monitor", {GetHealth.verb: GetHealth}, lambda request: request.answer(reports[-1]))
    (tmp_path / "data").mkdir()
    Queue(house, filler(tmp_path))
    begin(house, tmp_path, prices=prices(fill=Fill(task="fetch", when="asked", params={"file": "{key}"})))
    house.until(lambda: one(house).state == "gaps")
    house.ask(RunDatasets())
    house.until(lambda: one(house).why == "waits for the end of the emergency i-8" or one(house).state == "converged")
    reports.append(msgspec.structs.replace(report, emergency=""))
    house.ask(RunDatasets())
    assert house.wait_for(DatasetConverged).filled == 100


# --- who leads


@pytest.fixture
def other(tmp_path):
    """Another node that leads."""
    lock = FileLock(tmp_path / "lead.lock", "beta")
    assert lock.take().leads
    yield lock
    lock.close()


def led(house, tmp_path, leader: str | None = "lead.lock"):
    begin(house, tmp_path, prices=prices())
    house.reload({}, reconciler=ReconcilerSettings(first_after=Seconds(0), leader=leader))


def test_while_another_node_leads_nothing_is_looked_at_and_every_command_says_who_does(house, tmp_path, other):
    house.view = msgspec.structs.replace(house.view, root=tmp_path, datasets={"prices": prices()})
    house.start(Reconciler, ReconcilerSettings(leader="lead.lock"), workloads={})
    house.until(lambda: one(house).why == "the node beta leads")
    assert (one(house).state, one(house).looked_s) == ("standby", None)
    for command in (RunDatasets(), ExplainKey(key="x")):
        with pytest.raises(Refused, match="the node beta leads; ask it, with --node NAME"):
            house.ask(command)
    with pytest.raises(Refused, match='no data set "absent"'):
        house.ask(ListDatasets(names=["absent"]))


def test_one_that_gets_the_lead_fills_and_one_that_gives_it_up_is_followed(house, tmp_path, other):
    (tmp_path / "data").mkdir()
    Queue(house, filler(tmp_path))
    led(house, tmp_path)
    house.until(lambda: one(house).state == "standby")
    other.close()
    house.until(lambda: one(house).state == "converged")
    house.reload({}, reconciler=ReconcilerSettings(first_after=Seconds(0)))
    assert one(house).state != "standby"
    house.until(lambda: other.take().leads)


def test_a_pause_of_a_node_that_does_not_lead_counts_once_it_does(house, tmp_path, other):
    (tmp_path / "data").mkdir()
    queue = Queue(house, filler(tmp_path))
    led(house, tmp_path)
    house.until(lambda: one(house).state == "standby")
    assert house.ask(PauseDatasets(names=["prices"])).datasets[0].paused
    other.close()
    house.until(lambda: (one(house).state, one(house).why) == ("gaps", "paused"))
    assert not queue.added
    house.ask(ResumeDatasets())
    house.until(lambda: one(house).state == "converged")


def test_when_it_cannot_be_found_out_who_leads_nobody_does_and_it_is_said_why(house, tmp_path):
    (tmp_path / "data").mkdir()
    led(house, tmp_path, "absent/lead.lock")
    house.until(lambda: "it is not known who leads: " in one(house).why and "No such file" in one(house).why)
    assert one(house).state == "standby"


@pytest.mark.parametrize("leader", ["", "mysql://x/y", "a\0b"])
def test_what_nobody_can_agree_by_is_refused(leader):
    with pytest.raises(ValueError, match="leader: "):
        ReconcilerSettings(leader=leader)


@pytest.mark.needs("initdb")
def test_one_with_other_data_sets_is_no_rival_and_tasks_of_what_leaves_are_cancelled(house, tmp_path, server):  # noqa: F811
    address = server.new_queue()
    rival = Lease(address, "datasets prices", "beta")
    assert rival.take().leads
    (tmp_path / "data").mkdir()
    queue = Queue(house, filler(tmp_path))
    queue.held.update(f"more/{key}" for key in every_key())
    house.view = msgspec.structs.replace(house.view, root=tmp_path, datasets={"prices": prices(), "more": prices()})
    house.start(Reconciler, ReconcilerSettings(first_after=Seconds(0), leader=address), workloads={})
    house.until(lambda: any((spec.key or "").startswith("more/") for spec in queue.added))
    assert one(house).state != "standby"
    house.view = msgspec.structs.replace(house.view, datasets={"prices": prices()})
    house.reload({})
    house.until(lambda: bool(queue.cancelled) and one(house).why == "the node beta leads")
    rival.close()
    house.until(lambda: one(house).state == "converged")
