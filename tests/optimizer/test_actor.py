import pytest
from msgspec.structs import replace

from actors.optimizer import store as store_file
from actors.optimizer.actor import Optimizer
from bus.errors import ActorUnavailable, Refused
from bus.messages import (
    ActorStarted,
    EmergencyDeclared,
    EmergencyEnded,
    ExperimentKept,
    ExperimentStarted,
    ExperimentUndone,
    HealthChanged,
    IssueEscalated,
    IssueList,
    IssueRaised,
    IssueResolved,
    IssueRow,
    ListExperiments,
    RemedyStarted,
)
from tests.optimizer.conftest import ScriptedMonitor

EXPERIMENT = (ExperimentStarted, ExperimentKept, ExperimentUndone)


def told(stage):
    return [type(fact).__name__ for fact in stage.house.events(*EXPERIMENT)]


def raised(name="i1"):
    return IssueRaised(subject="web", issue=name, issue_kind="crash", severity="warning", fingerprint="f", summary="s")


def resolved(name="i1"):
    return IssueResolved(
        subject="web", issue=name, issue_kind="crash", by="restart", verified="it runs", time_to_repair_s=1.0
    )


def test_a_shorter_interval_within_the_limit_is_measured_and_kept(stage):
    monitor = stage.begin(5.0)
    stage.wait(299)
    assert told(stage) == []
    stage.wait(62)
    assert told(stage) == ["ExperimentStarted"]
    assert monitor.set_to == [2.5]
    stage.wait(62)
    assert told(stage) == ["ExperimentStarted", "ExperimentKept"]
    (started,), (kept,) = stage.house.events(ExperimentStarted), stage.house.events(ExperimentKept)
    assert (started.parameter, started.baseline, started.candidate) == ("monitor.sampling_interval_s", 5.0, 2.5)
    assert (kept.value, kept.before, kept.after) == (2.5, 0.2, 0.4)
    assert monitor.interval_s == 2.5
    reply = stage.settle()
    assert reply.parameters == {"monitor.sampling_interval_s": 2.5}
    assert [row.state for row in reply.experiments] == ["kept"]


def test_it_stops_where_the_next_step_would_break_the_limit(stage):
    monitor = stage.begin(5.0)
    stage.wait(1800)
    assert monitor.interval_s == 1.25  # 0.8 %: half as long could cost 1.6 %
    assert [row.state for row in stage.rows()] == ["kept", "kept"]


def test_a_candidate_that_costs_too_much_is_undone_to_exactly_what_was(stage):
    stage.cost = lambda interval_s: 0.3 if interval_s >= 5 else 1.5
    monitor = stage.begin(5.1)
    stage.wait(430)
    assert told(stage) == ["ExperimentStarted", "ExperimentUndone"]
    (undone,) = stage.house.events(ExperimentUndone)
    assert (undone.value, undone.before, undone.after) == (5.1, 0.3, 1.5)
    assert undone.why == "own CPU 1.50 % is above 1 %"
    assert monitor.set_to == [2.55, 5.1]
    assert monitor.interval_s == 5.1


def test_what_was_undone_is_not_tried_again_for_a_while(stage):
    stage.cost = lambda interval_s: 0.3 if interval_s >= 5 else 1.5
    stage.begin(5.0, again_after=900.0)
    stage.wait(1450)
    assert told(stage).count("ExperimentStarted") == 1
    stage.wait(150)
    assert told(stage).count("ExperimentStarted") == 2


def test_a_cost_above_the_limit_is_brought_below_it(stage):
    stage.cost = lambda interval_s: 6.0 / interval_s
    monitor = stage.begin(2.0)
    stage.wait(500)
    assert told(stage) == ["ExperimentStarted", "ExperimentKept"]
    assert monitor.interval_s == 6.0


def test_a_longer_interval_that_saves_nothing_is_undone(stage):
    stage.cost = lambda _: 3.0
    monitor = stage.begin(2.0)
    stage.wait(500)
    assert told(stage) == ["ExperimentStarted", "ExperimentUndone"]
    assert monitor.interval_s == 2.0


def test_the_interval_is_stretched_when_the_host_is_short_of_cpu(stage):
    stage.host_cpu = 97.0
    monitor = stage.begin(5.0)
    stage.wait(430)
    (started,) = stage.house.events(ExperimentStarted)
    assert started.why == "the host is short of CPU: 97 % of all cores"
    assert monitor.interval_s == 10.0


def test_nothing_is_tried_where_the_cost_is_as_it_should_be(stage):
    stage.cost = lambda _: 0.7
    monitor = stage.begin(5.0)
    stage.wait(1200)
    assert (told(stage), monitor.asked) == ([], [])


def test_without_samples_nothing_is_tried_and_a_candidate_without_samples_is_undone(stage):
    monitor = stage.begin(5.0)
    stage.silent = True
    stage.wait(500)
    assert told(stage) == []
    stage.silent = False
    stage.wait(170)
    assert told(stage) == ["ExperimentStarted"]
    stage.silent = True
    stage.wait(181)
    (undone,) = stage.house.events(ExperimentUndone)
    assert undone.why.startswith("only ")
    assert undone.after is None
    assert monitor.interval_s == 5.0


def row(state):
    return IssueRow(
        issue="i9",
        subject="web",
        issue_kind="crash",
        severity="warning",
        state=state,
        fingerprint="f",
        summary="",
        count=1,
        first_seen=0.0,
        last_seen=0.0,
    )


def test_nothing_is_tried_while_an_issue_is_worked_on(stage):
    stage.begin(5.0)
    stage.healer.rows = [row("healing")]
    stage.wait(1000)
    assert told(stage) == []
    stage.healer.rows = [row("escalated")]
    stage.wait(400)
    assert told(stage) == ["ExperimentStarted", "ExperimentKept"]


def test_nothing_is_tried_while_the_whole_is_worse_than_degraded(stage):
    monitor = stage.begin(5.0)
    monitor.whole = "unhealthy"
    stage.wait(1000)
    assert told(stage) == []
    monitor.whole = "degraded"
    stage.wait(400)
    assert "ExperimentStarted" in told(stage)


def test_an_issue_undoes_a_running_experiment_at_once(stage):
    monitor = stage.begin(5.0)
    stage.wait(380)
    assert told(stage) == ["ExperimentStarted"]
    stage.house.publish(raised())
    stage.settle()
    (undone,) = stage.house.events(ExperimentUndone)
    assert (undone.why, undone.after, undone.value) == ("incident: open issue i1", None, 5.0)
    assert monitor.interval_s == 5.0
    stage.house.publish(resolved())
    stage.wait(400)
    assert told(stage)[-2:] == ["ExperimentStarted", "ExperimentKept"]


def test_an_emergency_undoes_a_running_experiment_and_nothing_is_tried_until_it_is_over(stage):
    monitor = stage.begin(5.0)
    stage.wait(380)
    monitor.emergency = "n1"
    stage.house.publish(EmergencyDeclared(subject="alpha", incident="n1", places=["db", "web"]))
    stage.settle()
    (undone,) = stage.house.events(ExperimentUndone)
    assert (undone.why, undone.value) == ("incident: emergency n1", 5.0)
    stage.wait(700)
    stage.die()
    stage.begin()
    stage.wait(700)
    assert told(stage) == ["ExperimentStarted", "ExperimentUndone"]
    monitor.emergency = ""
    stage.house.publish(EmergencyEnded(subject="alpha", incident="n1", lasted_s=9.0))
    stage.wait(700)
    assert told(stage)[2] == "ExperimentStarted"


def test_an_emergency_that_freezes_nothing_stops_no_experiment(stage):
    stage.begin(5.0)
    stage.wait(380)
    stage.house.publish(EmergencyDeclared(subject="alpha", incident="n1", places=["db", "web"], freeze=False))
    stage.wait(100)
    assert told(stage) == ["ExperimentStarted", "ExperimentKept"]


def test_a_pace_that_is_not_that_of_the_interval_asked_for_is_nobodys_change(stage):
    monitor = stage.begin(5.0)
    monitor.pace = 2.0
    stage.wait(560)
    assert told(stage) == ["ExperimentStarted", "ExperimentKept"]
    assert monitor.interval_s == 2.5


def test_a_pace_that_changes_between_baseline_and_candidate_proves_nothing(stage):
    monitor = stage.begin(5.0)
    stage.wait(380)
    monitor.pace = 0.5
    stage.wait(100)
    (undone,) = stage.house.events(ExperimentUndone)
    assert undone.why == "the Monitor's pace changed meanwhile"
    assert monitor.interval_s == 5.0


def test_a_remedy_for_an_escalated_issue_undoes_a_running_experiment(stage):
    stage.begin(5.0)
    stage.house.publish(raised())
    stage.house.publish(IssueEscalated(subject="web", issue="i1", issue_kind="crash", why="later", retry_s=30.0))
    stage.wait(380)
    assert told(stage) == ["ExperimentStarted"]
    stage.house.publish(RemedyStarted(subject="web", issue="i1", remedy="restart", why="again", attempt=2))
    stage.settle()
    assert told(stage) == ["ExperimentStarted", "ExperimentUndone"]


def test_bad_health_undoes_a_running_experiment_at_once(stage):
    monitor = stage.begin(5.0)
    stage.wait(380)
    stage.house.publish(HealthChanged(subject="whole", scope="whole", level="degraded", before="healthy"))
    stage.house.publish(HealthChanged(subject="web", scope="workload", level="failing", before="healthy"))
    stage.settle()
    assert told(stage) == ["ExperimentStarted"]
    stage.house.publish(HealthChanged(subject="whole", scope="whole", level="critical", before="degraded"))
    stage.settle()
    assert told(stage) == ["ExperimentStarted", "ExperimentUndone"]
    assert monitor.interval_s == 5.0


def test_an_issue_during_the_baseline_ends_the_cycle(stage):
    monitor = stage.begin(5.0)
    stage.wait(330)
    stage.house.publish(raised())
    stage.house.publish(IssueEscalated(subject="web", issue="i1", issue_kind="crash", why="at the end"))
    stage.wait(200)
    assert (told(stage), monitor.asked) == ([], [])
    stage.wait(240)
    assert told(stage) == ["ExperimentStarted", "ExperimentKept"]


def test_undoing_goes_on_until_the_baseline_is_read_back(stage):
    monitor = stage.begin(5.0)
    stage.wait(380)
    monitor.lost = 2
    stage.house.publish(raised())
    stage.wait(0.5)
    assert told(stage) == ["ExperimentStarted"]
    assert stage.rows()[0].state == "running"
    stage.wait(5)
    assert told(stage) == ["ExperimentStarted", "ExperimentUndone"]
    assert monitor.set_to == [2.5, 5.0, 5.0, 5.0]
    assert monitor.interval_s == 5.0


def test_undoing_waits_for_a_monitor_that_does_not_answer(stage):
    monitor = stage.begin(5.0)
    stage.wait(380)
    monitor.refusals = dict.fromkeys(("set_sampling_interval", "get_health"), ActorUnavailable("given up"))
    stage.house.publish(raised())
    stage.wait(60)
    assert told(stage) == ["ExperimentStarted"]
    monitor.refusals = {}
    stage.wait(60)
    assert told(stage) == ["ExperimentStarted", "ExperimentUndone"]
    assert monitor.interval_s == 5.0


def test_a_baseline_that_is_refused_now_is_told_as_such(stage):
    monitor = stage.begin(5.0)
    stage.wait(380)
    monitor.bounds = (1.0, 3.0)
    stage.house.publish(raised())
    stage.wait(5)
    (undone,) = stage.house.events(ExperimentUndone)
    assert (undone.why, undone.value) == ("incident: open issue i1; the baseline is refused: out of bounds", 2.5)


def test_a_candidate_that_is_refused_is_undone(stage):
    monitor = stage.begin(5.0)
    monitor.refusals = {"set_sampling_interval": Refused("not now")}
    stage.wait(365)
    (undone,) = stage.house.events(ExperimentUndone)
    assert undone.why == "the candidate could not be set: not now"
    assert monitor.interval_s == 5.0


def test_a_value_that_somebody_sets_meanwhile_stays(stage):
    monitor = stage.begin(5.0)
    stage.wait(380)
    monitor.interval_s = 7.0
    stage.wait(10)
    (undone,) = stage.house.events(ExperimentUndone)
    assert (undone.value, undone.why) == (7.0, "the interval was set to 7 s by somebody else")
    assert monitor.interval_s == 7.0
    assert monitor.set_to == [2.5]


def test_a_value_that_somebody_sets_during_the_baseline_ends_the_cycle(stage):
    monitor = stage.begin(5.0)
    stage.wait(330)
    monitor.interval_s = 7.0
    stage.wait(100)
    assert (told(stage), monitor.asked) == ([], [])
    stage.wait(300)
    assert [fact.baseline for fact in stage.house.events(ExperimentStarted)] == [7.0]


def test_an_experiment_found_running_at_the_start_is_undone(stage):
    monitor = stage.begin(5.0)
    stage.wait(380)
    stage.die()
    assert monitor.interval_s == 2.5
    stage.begin()
    (undone,) = stage.house.events(ExperimentUndone)
    assert (undone.value, undone.why) == (5.0, "the Optimizer ended during the experiment")
    assert monitor.interval_s == 5.0
    assert [each.state for each in stage.rows()] == ["undone"]


def test_a_kept_value_is_applied_again_to_a_monitor_that_forgot_it(stage):
    monitor = stage.begin(5.0)
    stage.wait(430)
    assert monitor.interval_s == 2.5
    stage.die()
    monitor.interval_s = 5.0
    stage.begin()
    assert monitor.interval_s == 2.5
    monitor.interval_s = 5.0
    stage.house.publish(ActorStarted(subject="monitor", restarts=1))
    stage.settle()
    assert monitor.interval_s == 2.5


def test_a_kept_value_gives_way_to_what_a_person_chose(stage):
    monitor = stage.begin(5.0)
    stage.wait(430)
    stage.die()
    monitor.interval_s = 20.0
    stage.begin()
    assert monitor.interval_s == 20.0
    stage.die()
    monitor.interval_s = 5.0
    stage.begin()
    assert monitor.interval_s == 5.0


def test_a_kept_value_that_is_refused_is_forgotten(stage):
    monitor = stage.begin(5.0)
    stage.wait(430)
    stage.die()
    monitor.interval_s, monitor.bounds = 5.0, (4.0, 60.0)
    stage.begin()
    assert monitor.interval_s == 5.0
    stage.wait(365)
    assert told(stage)[-1] == "ExperimentUndone"  # it goes on working: 2.5 was tried, and refused


def test_a_new_monitor_during_an_experiment_undoes_it(stage):
    monitor = stage.begin(5.0)
    stage.wait(380)
    monitor.interval_s = 5.0
    stage.house.publish(ActorStarted(subject="monitor", restarts=1))
    stage.settle()
    (undone,) = stage.house.events(ExperimentUndone)
    assert undone.why == "the Monitor was started anew"
    assert monitor.interval_s == 5.0


def test_an_experiment_that_is_being_undone_is_not_decided_any_more(stage):
    monitor = stage.begin(5.0)
    stage.wait(380)
    monitor.refusals = dict.fromkeys(("set_sampling_interval", "get_health"), ActorUnavailable("starting"))
    stage.house.publish(ActorStarted(subject="monitor", restarts=1))
    stage.wait(120)
    monitor.refusals = {}
    stage.wait(60)
    assert told(stage) == ["ExperimentStarted", "ExperimentUndone"]


def test_a_new_monitor_ends_a_cycle_that_was_about_to_begin(stage):
    monitor = stage.begin(5.0)
    stage.healer.parked = []
    stage.wait(301)
    monitor.refusals = {"get_health": ActorUnavailable("starting")}
    stage.house.publish(ActorStarted(subject="monitor", restarts=1))
    stage.settle()
    monitor.refusals = {}
    (request,) = stage.healer.parked
    stage.healer.parked = None
    request.answer(IssueList(issues=[]))
    stage.wait(200)
    assert told(stage) == []
    stage.wait(250)
    assert told(stage) == ["ExperimentStarted", "ExperimentKept"]


def test_the_first_sample_after_a_change_covers_time_before_it_and_does_not_count(stage):
    costs = iter([9.0, 0.5, 0.6, 0.7])
    stage.cost = lambda interval_s: 0.3 if interval_s == 5 else next(costs, 0.7)
    stage.begin(5.0, window=12.0, every=60.0, samples_min=3)
    stage.wait(90)
    (kept,) = stage.house.events(ExperimentKept)
    assert kept.after == 0.6


def test_a_monitor_that_starts_later_is_waited_for(stage):
    stage.house.start(Optimizer)
    stage.house.advance(20)
    stage.settle()
    stage.monitor = ScriptedMonitor(stage.house, 5.0)
    stage.wait(500)
    assert told(stage) == ["ExperimentStarted", "ExperimentKept"]


def test_a_healer_that_is_not_there_keeps_nothing_from_being_tried(stage):
    stage.house.bus.withdraw("healer")
    stage.begin(5.0)
    stage.wait(430)
    assert told(stage) == ["ExperimentStarted", "ExperimentKept"]


@pytest.mark.parametrize("limit", [0, 1, 5])
def test_experiments_are_listed_newest_first(stage, limit):
    stage.begin(5.0)
    stage.wait(800)
    names = [each.experiment for each in stage.house.ask(ListExperiments(limit=limit)).experiments]
    assert names == ["experiment-2", "experiment-1"][:limit]


def test_the_table_forgets_old_experiments_and_never_a_running_one(tmp_path, monkeypatch):
    monkeypatch.setattr(store_file, "ENDED_KEPT", 2)
    store = store_file.ExperimentStore(tmp_path / "optimizer.db")
    one = store_file.Experiment(
        number=0,
        parameter="p",
        baseline=5.0,
        candidate=2.5,
        state="running",
        before=0.2,
        after=None,
        why="",
        started_at=1.0,
    )
    for _ in range(5):
        store.end(replace(store.begin(one), state="undone"))
    running = store.begin(one)
    assert [each.number for each in store.newest(10)] == [6, 5, 4]
    assert store.running("p") == running
    assert store.running("q") is None
    store.close()
