"""Incidents, emergency and pace: the Monitor beside a real ProcessManager and Healer, on real processes."""

import json
import os
import signal

import msgspec
import pytest

from actors.clock import ManualClock
from actors.healer.actor import Healer
from actors.monitor.emergency import EmergencySettings
from actors.monitor.incidents import IncidentSettings
from actors.monitor.pace import PaceSettings
from actors.process_manager.actor import ProcessManager
from actors.settings import RestartPolicy, Seconds
from bus.messages import (
    EmergencyAlerted,
    EmergencyDeclared,
    EmergencyEnded,
    ExplainHealth,
    GetHealth,
    HealthChanged,
    IncidentChanged,
    IncidentClosed,
    IncidentOpened,
    IssueRaised,
    IssueResolved,
    ListIncidents,
    ListProcesses,
    LoadRestored,
    LoadShed,
    LogLinesRead,
    MetricsSampled,
    PaceChanged,
    ProcessReady,
    SetSamplingInterval,
    StartProcess,
    StopAll,
    StopProcess,
)
from tests.monitor.conftest import MonitorHouse

QUICK = IncidentSettings(after=Seconds(0.3), settle=Seconds(0.5))
SLEEP = ["sleep", "600"]
LOOPS = RestartPolicy(start_limit=2, backoff_max=Seconds(0.1))


class Ward:
    """A house with workloads that run, and breakable ones, which run while their file is there."""

    def __init__(self, house, workload, tmp_path):
        self.house, self.make, self.folder = house, workload, tmp_path
        self.works = {}

    def add(self, name, *, breakable=False, **given):
        command = SLEEP
        if breakable:
            (self.folder / f"{name}.up").touch()
            command = ["sh", "-c", f"test -e {name}.up && exec sleep 600; exit 3"]
            given["restart"] = LOOPS
        made = self.make(name, **given)
        self.works[name] = msgspec.structs.replace(made, spec=msgspec.structs.replace(made.spec, command=command))

    def open(self, **settings):
        self.house.start(ProcessManager, workloads=self.works)
        for name in self.works:
            self.house.wait_for(ProcessReady, lambda fact, name=name: fact.subject == name)
        self.settings = {"incidents": QUICK, "resync_every": Seconds(0.3), **settings}
        self.house.monitor(*self.works.values(), **self.settings)
        self.house.until(lambda: all(row.level == "healthy" for row in self.report().workloads))
        return self

    def report(self):
        return self.house.ask(GetHealth())

    def again(self):
        """A new Monitor in place of one that is gone."""
        self.house.monitor(*self.works.values(), **self.settings)

    def rows(self):
        return {row.name: row for row in self.house.ask(ListProcesses()).processes}

    def breaks(self, *names):
        for name in names:
            (self.folder / f"{name}.up").unlink()
            os.kill(self.rows()[name].pid, signal.SIGKILL)

    def mends(self, *names):
        for name in names:
            (self.folder / f"{name}.up").touch()
            self.house.ask(StartProcess(name=name))

    def incidents(self, **how):
        return self.house.ask(ListIncidents(**how)).incidents

    def of(self, kind, **fields):
        return self.house.wait_for(
            kind, lambda fact: all(getattr(fact, name) == value for name, value in fields.items())
        )


@pytest.fixture
def ward(house, workload, tmp_path):
    made = Ward(house, workload, tmp_path)
    yield made
    if "process_manager" in house.shells:
        house.ask(StopAll())


def test_a_dead_database_with_twelve_dependants_is_one_incident_with_twelve_symptoms(ward):
    ward.add("db", breakable=True, critical=True)
    apps = [f"app{number}" for number in range(12)]
    for app in apps:
        ward.add(app, depends_on={"db": "ready"})
    ward.open()
    ward.breaks("db")
    opened = ward.of(IncidentOpened)
    assert opened.subject == "db"
    ward.house.until(lambda: len(ward.incidents()[0].symptoms) == 12)
    (row,) = ward.incidents()
    assert row.root.subject == "db"
    assert sorted(one.subject for one in row.symptoms) == sorted(apps)
    assert {one.because for one in row.symptoms} == {"db"}
    story = ward.house.ask(ExplainHealth(name="app3")).chain
    assert [(one.subject, one.incident) for one in story] == [("app3", "n1"), ("db", "n1")]
    ward.mends("db")
    closed = ward.of(IncidentClosed)
    assert (closed.incident, closed.why, len(closed.symptoms)) == ("n1", "everything is well", 12)
    assert ward.incidents() == []
    (kept,) = ward.incidents(open_only=False)
    assert kept.closed is not None
    assert len(ward.house.events(IncidentOpened)) == 1


def test_issues_of_the_healer_are_part_of_it_and_one_alone_is_enough(ward):
    ward.add("db", breakable=True)
    ward.open()
    ward.house.start(Healer)
    ward.breaks("db")
    issue = ward.of(IssueRaised)
    ward.house.until(lambda: [row.root.issues for row in ward.incidents()] == [[issue.issue]])
    ward.mends("db")
    ward.of(IssueResolved)
    assert ward.of(IncidentClosed).subject == "db"


def test_an_issue_whose_facts_were_lost_is_found_by_asking(ward):
    ward.add("db", breakable=True)
    ward.open()
    ward.house.start(Healer)
    ward.breaks("db")
    issue = ward.of(IssueRaised).issue
    ward.house.die("monitor")
    ward.again()
    ward.house.until(lambda: any(issue in row.root.issues for row in ward.incidents()))


def test_a_new_monitor_goes_on_with_the_incident_and_tells_it_neither_twice_nor_anew(ward):
    ward.add("db", breakable=True)
    ward.add("app", depends_on={"db": "ready"})
    ward.open()
    ward.breaks("db")
    ward.house.until(lambda: [len(row.symptoms) for row in ward.incidents()] == [1])
    (before,) = ward.incidents()
    ward.house.die("monitor")
    ward.again()
    (after,) = ward.incidents()
    assert (after.incident, after.root.subject) == ("n1", "db")
    assert after.opened == pytest.approx(before.opened, abs=0.1)
    ward.mends("db")
    assert ward.of(IncidentClosed).incident == "n1"
    assert len(ward.house.events(IncidentOpened)) == 1


def test_something_new_that_is_wrong_brings_readings_closer_and_leaves_what_was_asked_for(ward):
    ward.add("db", breakable=True)
    ward.open(interval=Seconds(4), pace=PaceSettings(close=4, close_for=Seconds(1)))
    ward.house.ask(SetSamplingInterval(interval_s=2.0))
    ward.breaks("db")
    closer = ward.of(PaceChanged, interval_s=0.5)
    assert (closer.before_s, closer.base_s, closer.why) == (2.0, 2.0, "db not well")
    report = ward.report()
    assert (report.sampling_interval_s, report.paced_interval_s) == (2.0, 0.5)
    node = ward.house.wait_for(MetricsSampled, lambda fact: fact.scope == "node" and fact.interval_s == 0.5)
    assert (node.values["asked_interval_s"], node.values["pace"]) == (2.0, 0.25)
    assert ward.of(PaceChanged, interval_s=2.0).why == "nothing new"


def test_a_long_calm_takes_readings_wider_apart_and_the_bounds_hold(ward):
    ward.add("web")
    ward.open(interval=Seconds(1), interval_max=Seconds(3), pace=PaceSettings(wide=10, calm_after=Seconds(0.5)))
    assert ward.of(PaceChanged, interval_s=3.0).why == "all is calm"


EMERGENCY = EmergencySettings(
    places=2, after=Seconds(0.2), calm=Seconds(0.5), shed=["batch", "reports"], shed_every=Seconds(0.2)
)


def emergency(ward, **changes):
    """Two databases that break, and what is stopped then; the order of starting differs from that of stopping."""
    for name in ("db", "cache"):
        ward.add(name, breakable=True)
    for name in ("reports", "batch", "web"):
        ward.add(name)
    return ward.open(emergency=msgspec.structs.replace(EMERGENCY, **changes))


def test_in_an_emergency_load_is_shed_in_order_and_put_back_when_it_is_over(ward):
    emergency(ward)
    ward.breaks("db", "cache")
    declared = ward.of(EmergencyDeclared)
    assert sorted(declared.places) == ["cache", "db"]
    assert (declared.shed, declared.freeze) == (["batch", "reports"], True)
    ward.of(LoadShed, subject="reports", ok=True)
    assert [fact.subject for fact in ward.house.events(LoadShed)] == ["batch", "reports"]
    rows = ward.rows()
    assert {name: row.held for name, row in rows.items() if row.pid is None and name not in {"db", "cache"}} == {
        "batch": True,
        "reports": True,
    }
    assert rows["batch"].why == f"shed in emergency {declared.incident}"
    (incident,) = ward.incidents()
    assert (incident.emergency, incident.incident) == (True, declared.incident)
    assert (ward.report().emergency, ward.report().frozen) == (declared.incident, True)
    ward.mends("db", "cache")
    assert ward.of(EmergencyEnded).shed == ["batch", "reports"]
    ward.of(LoadRestored, subject="batch", ok=True)
    assert [fact.subject for fact in ward.house.events(LoadRestored)] == ["reports", "batch"]
    ward.house.until(lambda: all(row.state == "ready" for row in ward.rows().values()))
    assert ward.report().emergency == ""
    assert ward.house.ask(ListIncidents()).shed == []


def test_a_monitor_that_dies_in_an_emergency_owes_what_it_stopped_and_the_next_one_pays(ward):
    emergency(ward)
    ward.breaks("db", "cache")
    ward.of(LoadShed, subject="reports", ok=True)
    ward.house.die("monitor")
    ward.mends("db", "cache")
    ward.again()
    ward.of(EmergencyEnded)
    ward.house.until(lambda: all(row.state == "ready" for row in ward.rows().values()))
    assert len(ward.house.events(EmergencyDeclared)) == 1


def test_one_that_a_person_started_meanwhile_is_left_to_him(ward):
    emergency(ward)
    ward.breaks("db", "cache")
    ward.of(LoadShed, subject="reports", ok=True)
    ward.house.ask(StartProcess(name="batch"))
    pid = ward.rows()["batch"].pid
    ward.mends("db", "cache")
    left = ward.of(LoadRestored, subject="batch")
    assert (left.ok, left.error) == (False, "is ready: left as it is")
    assert ward.rows()["batch"].pid == pid


def test_what_is_down_anyway_is_neither_stopped_nor_started(ward):
    emergency(ward)
    ward.house.ask(StopProcess(name="batch"))
    ward.house.until(lambda: ward.rows()["batch"].held)
    ward.breaks("db", "cache")
    ward.of(LoadShed, subject="reports")
    ward.mends("db", "cache")
    ward.of(LoadRestored, subject="reports")
    assert {fact.subject for fact in ward.house.events(LoadShed, LoadRestored)} == {"reports"}
    assert ward.rows()["batch"].held


def test_the_operators_program_is_run_at_the_beginning_and_at_the_end(ward, tmp_path):
    program = ["sh", "-c", 'cat > "$GYROSTAT_EMERGENCY.json"; echo "$GYROSTAT_PLACES" > "$GYROSTAT_EMERGENCY.txt"']
    ward.house.view = msgspec.structs.replace(ward.house.view, root=tmp_path)
    emergency(ward, alert=program)
    ward.breaks("db", "cache")
    assert ward.of(EmergencyAlerted, event="declared").exit_code == 0
    about = json.loads((tmp_path / "declared.json").read_text())
    assert {about["root"]["subject"], *(one["subject"] for one in about["symptoms"])} == {"db", "cache"}
    assert sorted((tmp_path / "declared.txt").read_text().strip().split(",")) == ["cache", "db"]
    ward.mends("db", "cache")
    assert ward.of(EmergencyAlerted, event="ended").exit_code == 0
    assert json.loads((tmp_path / "ended.json").read_text())["incident"] == about["incident"]


def test_an_alert_that_fails_degrades_the_node_and_says_why(ward):
    emergency(ward, alert=["sh", "-c", "echo no route; exit 7"])
    ward.breaks("db", "cache")
    assert ward.of(EmergencyAlerted).output == ["no route"]
    ward.house.wait_for(HealthChanged, lambda fact: fact.subject == "alpha" and fact.level == "degraded")
    assert ward.report().node.why == ["the alert program exited with code 7: no route"]


def test_what_a_reload_says_of_emergencies_is_in_force_at_once(ward):
    emergency(ward, places=0)
    ward.breaks("db", "cache")
    ward.of(IncidentOpened)
    settings = msgspec.structs.replace(ward.house.shells["monitor"].settings, emergency=EMERGENCY)
    ward.house.reload(ward.works, monitor=settings)
    ward.of(EmergencyDeclared)
    assert ward.house.events(IncidentChanged)


def test_error_lines_that_get_more_bring_readings_closer(tmp_path, workload):
    house = MonitorHouse(tmp_path, clock=ManualClock())
    try:
        house.monitor(workload("web"), interval=Seconds(4), resync_every=Seconds(6))
        for errors in (0, 1, 40):
            house.publish(LogLinesRead(subject="web", lines=100, errors=errors, read_bytes=9000))
            house.ask(GetHealth())  # the lines are taken in
            house.advance(6.0)
            house.ask(GetHealth())
        closer = house.wait_for(PaceChanged)
        assert (closer.before_s, closer.interval_s) == (4.0, 2.0)
        assert closer.why.startswith("error lines get more: usually ")
    finally:
        house.stop()
