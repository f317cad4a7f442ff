import pytest

from actors.monitor.board import Board
from actors.monitor.settings import MonitorSettings
from actors.settings import Level, Probe, Probes, Seconds, Threshold
from bus.messages import ProcessStarted, ProcessStateChanged


def state(board, name, state, pid=None, now_s=1.0):
    fact = ProcessStateChanged(subject=name, state=state, before="stopped", pid=pid, why="")
    board.members[name].life.state_changed(fact, now_s)


@pytest.fixture
def board(workload):
    made = Board("alpha", MonitorSettings(), 8e9, 0.0)
    made.node_known = True
    both = {"db": workload("db", critical=True), "web": workload("web", depends_on={"db": "ready"})}
    made.refit(both, made.settings, 0.0)
    made.set_limits(0.0)
    return made


def levels(board, now_s=2.0):
    board.judge(now_s)
    return {subject.name: subject.verdict.level for subject in board}


def test_all_is_well_when_all_are_ready(board):
    state(board, "db", "ready", 10)
    state(board, "web", "ready", 11)
    assert set(levels(board).values()) == {"healthy"}


def test_a_critical_workload_that_is_down_makes_the_whole_critical_and_degrades_what_needs_it(board):
    state(board, "web", "ready", 11)
    state(board, "db", "backing_off")
    moved = board.judge(2.0)
    assert [(fact.subject, fact.level) for fact in moved] == [
        ("db", "degraded"), ("web", "degraded"), ("whole", "critical"),
    ]  # fmt: skip
    assert moved[1].why == ["needs db, which is backing off"]
    assert board.judge(3.0) == []


def test_a_dependency_on_started_is_met_by_a_process_that_runs(board, workload):
    board.refit({"db": workload("db"), "web": workload("web", depends_on={"db": "started"})}, board.settings, 1.0)
    state(board, "web", "ready", 11)
    state(board, "db", "running", 10)
    assert levels(board)["web"] == "healthy"
    state(board, "db", "starting", now_s=2.0)
    assert levels(board)["web"] == "degraded"


def test_before_anything_is_heard_the_level_told_last_stays_for_a_while(board):
    board.members["web"].subject.stand_at("failing", -100.0)
    assert levels(board, 5.0)["web"] == "failing"
    assert levels(board, 31.0)["web"] == "degraded"
    state(board, "web", "ready", 11, now_s=32.0)
    state(board, "db", "ready", 10, now_s=32.0)
    assert levels(board, 33.0)["web"] == "healthy"


def test_the_nodes_level_stays_until_the_actors_were_heard_of(board):
    board.node_known = False
    board.node.stand_at("degraded", -10.0)
    assert levels(board)["alpha"] == "degraded"
    board.node_known = True
    assert levels(board)["alpha"] == "healthy"


def test_thresholds_of_the_workload_come_before_those_of_the_settings(board, workload):
    limited = workload(
        "web", thresholds={"latency": Threshold(above=3), "memory": Threshold(above=Level(50, "percent"))}
    )
    board.refit({"web": limited}, board.settings, 1.0)
    board.set_limits(1.0)
    limits = board.members["web"].subject.limits
    assert (limits["latency"].value, limits["memory"].value, limits["availability"].value) == (3.0, 4e9, 99.0)


def test_a_short_hold_wants_quick_readings_of_its_workload_only(board, workload):
    quick = workload("web", thresholds={"cpu": Threshold(above=50, for_=Seconds(2))})
    board.refit({"db": workload("db"), "web": quick}, board.settings, 1.0)
    board.set_limits(1.0)
    assert board.quick_s("web", 5.0) == 1.0
    assert board.quick_s("db", 5.0) is None


def test_values_of_processes_probes_and_life_are_one_sample(board):
    member = board.members["web"]
    member.life.started(ProcessStarted(subject="web", pid=11, incarnation=2, reason="", revision="", restarts=1), 1.0)
    member.life.ready(11, 1.0)
    member.service.stand(member.life.standing, 1.0)
    member.service.probed("work", ok=True, latency_s=0.2, detail="", now_s=5.0)
    (sampled,) = board.read_workload("web", {"memory": 5.0}, 11.0, 5.0)
    assert sampled.values == {"memory": 5.0, "restarts": 1.0, "latency": 0.2, "availability": 100.0}


def test_one_that_is_wanted_and_down_has_an_availability_and_nothing_else_of_the_past(board):
    member = board.members["web"]
    state(board, "web", "ready", 11, now_s=1.0)
    member.service.stand("up", 1.0)
    board.read_workload("web", {"memory": 5.0}, 11.0, 5.0)
    state(board, "web", "crash_loop", now_s=11.0)
    member.service.stand("down", 11.0)
    (sampled,) = board.read_workload("web", {}, 21.0, 5.0)
    assert sampled.values == {"restarts": 0.0, "availability": 50.0}
    assert set(member.subject.row(21.0, 300.0).values) == {"restarts", "availability"}


def test_one_that_is_stopped_gives_no_sample(board):
    state(board, "web", "stopped")
    assert board.read_workload("web", {}, 21.0, 5.0) == []


def test_a_probe_counts_as_failing_after_its_own_number_of_failures(board, workload):
    probes = Probes(work=Probe(tcp="127.0.0.1:1", failures=2))
    board.refit({"web": workload("web", probes=probes)}, board.settings, 1.0)
    state(board, "web", "ready", 11)
    for at_s, level in ((2.0, "healthy"), (3.0, "unhealthy")):
        board.members["web"].service.probed("work", ok=False, latency_s=0.1, detail="refused", now_s=at_s)
        assert levels(board, at_s)["web"] == level


def test_those_that_stay_keep_their_past_and_others_go(board, workload):
    board.members["web"].subject.read({"memory": 1.0}, 1.0, 5.0)
    board.members["db"].subject.read({"memory": 1.0}, 1.0, 5.0)
    board.refit({"web": workload("web"), "new": workload("new")}, board.settings, 2.0)
    assert list(board.members) == ["web", "new"]
    assert board.find("web").latest("memory") == 1.0
    assert board.find("db") is None


def test_what_was_crossed_by_one_that_goes_is_cleared(board):
    crossed = board.read_workload("db", {"latency": 5.0}, 1.0, 5.0) + board.read_workload(
        "db", {"latency": 5.0}, 40.0, 5.0
    )
    assert crossed[-1].metric == "latency"
    (cleared,) = board.refit({}, board.settings, 50.0)
    assert (cleared.subject, cleared.because) == ("db", "limit_removed")


def test_a_workload_wins_a_name_over_the_host(board, workload):
    assert board.find("host") is board.host
    board.refit({"host": workload("host")}, board.settings, 2.0)
    assert board.find("host") is board.members["host"].subject
