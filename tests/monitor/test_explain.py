import pytest

from actors.monitor.board import Board
from actors.monitor.explain import explain
from actors.monitor.incidents import Incidents, Trouble
from actors.monitor.settings import MonitorSettings
from actors.settings import Seconds, Threshold
from actors.settings.units import Level
from bus.messages import ProbeMeasured, ProcessStarted, ProcessStateChanged


@pytest.fixture
def made(workload):
    """A board with a database that is in a crash loop, an app that needs it, and one before that."""
    settings = MonitorSettings(workload_thresholds={"threads": Threshold(above=9)}, thresholds={"swap": None})
    works = [
        workload("db", critical=True),
        workload("app", depends_on={"db": "ready"}, thresholds={"memory": Threshold(above=40e6, for_=Seconds(10))}),
        workload("front", depends_on={"app": "ready"}),
    ]
    board = Board("alpha", settings, 1e9, 0.0)
    board.refit({one.name: one for one in works}, settings, 0.0)
    board.set_limits(0.0)
    board.node_known = True
    for name in ("db", "app", "front"):
        life = board.members[name].life
        life.started(ProcessStarted(subject=name, pid=1, incarnation=1, reason="", revision=""), 0.0)
        life.ready(1, 1.0)
    return board


def chain(board, name, now_s, incidents=None):
    board.judge(now_s)
    return explain(board, incidents or Incidents(board.settings.incidents), board.find(name), now_s)


def loop(board, now_s):
    fact = ProcessStateChanged(subject="db", state="crash_loop", before="starting", pid=None, why="5 starts")
    board.members["db"].life.state_changed(fact, now_s)


def test_one_that_is_well_has_no_reasons_but_its_limits_with_the_latest_readings(made):
    made.read_workload("app", {"memory": 30e6}, 5.0, 5.0)
    (link,) = chain(made, "app", 6.0)
    assert (link.subject, link.level, link.depth, link.reasons) == ("app", "healthy", 0, [])
    memory = next(one for one in link.limits if one.metric == "memory")
    assert (memory.state, memory.reading, memory.limit, memory.hold_s) == ("within", 30e6, 40e6, 10.0)
    assert {one.metric: one.source for one in link.limits} == {
        "memory": "workloads.app.thresholds.memory",
        "threads": "actors.monitor.workload_thresholds.threads",
        "latency": "default",
        "availability": "default",
        "connections": "default",
    }


def test_a_limit_that_is_passed_but_not_for_its_hold_time_is_pending(made):
    made.read_workload("app", {"memory": 50e6}, 5.0, 5.0)
    (link,) = chain(made, "app", 8.0)
    memory = next(one for one in link.limits if one.metric == "memory")
    assert (memory.state, memory.since_s) == ("pending", 3.0)


def test_a_crossed_threshold_says_which_reading_since_when_and_which_rule(made):
    for now_s in (5.0, 10.0, 16.0):
        made.read_workload("app", {"memory": 50e6}, now_s, 5.0)
    (link,) = chain(made, "app", 18.0)
    (reason,) = link.reasons
    assert reason.text == "memory 50 MB above 40 MB for 13 s"
    assert (reason.metric, reason.reading, reason.read_s, reason.lasted_s) == ("memory", 50e6, 2.0, 13.0)
    assert reason.rule == "above 40 MB for 10 s; a warning threshold that is crossed is degraded"
    assert reason.source == "workloads.app.thresholds.memory"


def test_the_chain_goes_down_to_the_root_through_what_is_needed(made):
    loop(made, 20.0)
    links = chain(made, "app", 25.0)
    assert [(one.subject, one.depth, one.level) for one in links] == [("app", 0, "degraded"), ("db", 1, "failing")]
    (lacks,) = links[0].reasons
    assert (lacks.text, lacks.because) == ("needs db, which is in a crash loop", "db")
    assert lacks.source == "workloads.app.depends_on.db"
    (reason,) = links[1].reasons
    assert (reason.text, reason.rule) == ("in a crash loop for 5 s: 5 starts", "a crash loop is failing")
    assert reason.lasted_s == 5.0


def test_the_whole_is_explained_by_its_parts_each_once(made):
    loop(made, 20.0)
    links = chain(made, "whole", 25.0)
    assert [one.subject for one in links] == ["whole", "db", "app"]
    rules = {one.because: (one.rule, one.source) for one in links[0].reasons}
    assert rules == {
        "db": ("a critical workload, failing and down, makes the whole critical", "workloads.db.critical"),
        "app": ("a workload not declared critical, degraded, makes the whole degraded", "workloads.app.critical"),
    }


def test_a_probe_says_since_when_it_fails(made):
    for now_s in (30.0, 31.0):
        fact = ProbeMeasured(subject="front", probe="work", ok=False, latency_s=0.1, detail="exit code 1")
        made.probed(fact, now_s)
    (link,) = chain(made, "front", 34.0)
    (reason,) = link.reasons
    assert (reason.text, reason.lasted_s) == ("work probe fails: exit code 1", 4.0)
    assert (reason.rule, reason.source) == ("a failing work probe is unhealthy", "workloads.front.probes.work")


def test_what_time_alone_puts_together_is_said_too(made):
    incidents = Incidents(made.settings.incidents)
    loop(made, 20.0)
    fact = ProbeMeasured(subject="front", probe="work", ok=False, latency_s=0.1, detail="exit code 1")
    made.probed(fact, 21.0)
    chain(made, "front", 22.0, incidents)
    troubles = {"db": Trouble(what="down", grave=True), "front": Trouble(what="work", grave=True)}
    needs = {"front": ["app"], "app": ["db"]}
    incidents.look(troubles, needs, 22.0)
    incidents.look(troubles, needs, 30.0)
    links = chain(made, "front", 31.0, incidents)
    assert [(one.subject, one.incident, one.because) for one in links] == [("front", "n1", "db"), ("db", "n1", "")]


def test_host_and_node_are_explained_too(made):
    made.settings = MonitorSettings(thresholds={"disk": Threshold(above=Level(50, "percent"))})
    made.set_limits(0.0)
    made.host.read({"disk": 60.0}, 5.0, 5.0)
    (host,) = chain(made, "host", 6.0)
    assert [(one.source, one.reading) for one in host.reasons] == [("actors.monitor.thresholds.disk", 60.0)]
    made.given_up["healer"] = "ValueError: x"
    made.troubles["alert"] = "the alert program exited with code 1"
    (node,) = chain(made, "alpha", 6.0)
    assert [(one.level, one.text) for one in node.reasons] == [
        ("degraded", "actor healer is given up: ValueError: x"),
        ("degraded", "the alert program exited with code 1"),
    ]
