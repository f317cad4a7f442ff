import pytest

from actors.settings import Threshold
from bus.messages import (
    GoalCompleted,
    GoalEnded,
    GoalSet,
    HealthChanged,
    MetricsSampled,
    ThresholdCrossed,
    TrendChanged,
)

GOALS = (GoalSet, GoalCompleted, GoalEnded)


def told(stage):
    return [f"{type(fact).__name__} {fact.subject}" for fact in stage.house.events(*GOALS)]


def test_a_lasting_lack_of_availability_becomes_a_goal_with_what_was_measured(stage):
    stage.begin()
    stage.samples(25, availability=80.0)
    assert told(stage) == []
    stage.samples(5, availability=81.0)
    (fact,) = stage.house.events(GoalSet)
    assert (fact.goal_kind, fact.metric, fact.direction) == ("reliability", "availability", "at_least")
    assert (fact.target, fact.baseline, fact.priority, fact.window_s) == (99.0, 81.0, 3, 60.0)


def test_a_spike_is_no_goal(stage):
    stage.begin()
    for _ in range(5):
        stage.samples(25, latency=3.0)
        stage.wait(5)
        stage.sample(latency=0.1)
        stage.wait(5)
    assert told(stage) == []


def test_samples_that_stop_coming_are_no_proof_of_anything(stage):
    stage.begin()
    stage.sample(availability=80.0)
    stage.wait(300)
    stage.sample(availability=80.0)
    assert told(stage) == []


def test_a_slow_critical_workload_has_a_goal_of_the_highest_priority(stage, workload):
    stage.begin(workload(critical=True, thresholds={"latency": Threshold(above=0.2)}))
    stage.samples(30, latency=0.5)
    (fact,) = stage.house.events(GoalSet)
    assert (fact.goal_kind, fact.priority, fact.target, fact.direction) == ("performance", 5, 0.2, "at_most")


def test_it_is_completed_only_when_every_sample_of_a_whole_window_meets_the_target(stage):
    stage.begin()
    stage.samples(30, latency=3.0)
    stage.wait(5)
    stage.samples(55, latency=0.5)
    assert stage.goals()[0].progress == 1.0
    stage.wait(5)
    stage.sample(latency=1.1)
    stage.wait(5)
    stage.samples(55, latency=0.5)
    assert told(stage) == ["GoalSet web"]
    stage.wait(5)
    stage.sample(latency=0.4)
    assert told(stage) == ["GoalSet web", "GoalCompleted web"]
    (done,) = stage.house.events(GoalCompleted)
    assert (done.metric, done.value) == ("latency", 0.4)
    assert done.took_s == pytest.approx(130.0)
    assert stage.goals() == []
    (row,) = stage.goals(open_only=False)
    assert (row.state, row.progress) == ("completed", 1.0)


def test_without_samples_there_is_neither_progress_nor_completion(stage):
    stage.begin()
    stage.samples(30, availability=80.0)
    stage.wait(600)
    (row,) = stage.goals()
    assert (row.state, row.progress, row.value) == ("pending", 0.0, 80.0)
    stage.sample(availability=100.0)
    stage.wait(600)
    stage.sample(availability=100.0)
    assert told(stage) == ["GoalSet web"]


def test_progress_is_measured_and_may_go_back(stage):
    stage.begin()
    stage.samples(30, availability=79.0)
    for value, progress in ((89.0, 0.5), (94.0, 0.75), (84.0, 0.25), (70.0, 0.0)):
        stage.wait(5)
        stage.sample(availability=value)
        (row,) = stage.goals()
        assert (row.state, row.progress) == ("in_progress", progress)


def test_one_goal_is_open_per_subject_and_metric(stage, workload):
    stage.begin(workload("web"), workload("db"))
    stage.samples(120, availability=80.0, latency=3.0)
    stage.samples(60, subject="db", availability=80.0)
    assert sorted((row.subject, row.metric) for row in stage.goals()) == [
        ("db", "availability"),
        ("web", "availability"),
        ("web", "latency"),
    ]
    assert len(told(stage)) == 3


def test_an_open_goal_survives_the_node_and_its_window_starts_afresh(stage, workload):
    stage.begin()
    stage.samples(30, latency=3.0)
    stage.wait(5)
    stage.samples(50, latency=0.5)
    stage.die()
    stage.begin()
    (row,) = stage.goals()
    assert (row.goal, row.state, row.progress) == ("goal-1", "pending", 0.0)
    stage.wait(5)
    stage.samples(55, latency=0.5)
    assert told(stage) == ["GoalSet web"]
    stage.wait(5)
    stage.sample(latency=0.5)
    assert told(stage) == ["GoalSet web", "GoalCompleted web"]


def test_a_goal_that_is_not_met_fails_at_its_deadline_and_may_be_set_again(stage):
    stage.begin(deadline=300.0)
    stage.samples(30, availability=80.0)
    stage.samples(295, availability=80.0)
    assert told(stage) == ["GoalSet web"]
    stage.wait(5)
    (end,) = stage.house.events(GoalEnded)
    assert (end.state, end.why) == ("failed", "not met within 5m; measured last: 80")
    stage.samples(25, availability=80.0)
    assert len(stage.house.events(GoalSet)) == 1
    stage.samples(5, availability=80.0)
    assert [fact.goal for fact in stage.house.events(GoalSet)] == ["goal-1", "goal-2"]


def test_the_deadline_counts_on_while_no_node_runs(stage):
    stage.begin()
    stage.samples(30, availability=80.0)
    stage.die()
    stage.house.advance(3600)
    stage.begin()
    assert stage.goals() == []
    assert [fact.state for fact in stage.house.events(GoalEnded)] == ["failed"]


def test_the_goal_of_a_removed_workload_is_cancelled_and_says_why(stage, workload):
    stage.begin(workload("web"), workload("db"))
    stage.samples(30, availability=80.0)
    stage.house.reload({"db": workload("db")})
    stage.goals()
    (end,) = stage.house.events(GoalEnded)
    assert (end.state, end.why) == ("cancelled", "web is no longer in the config")
    (row,) = stage.goals(open_only=False)
    assert (row.state, row.why) == ("cancelled", "web is no longer in the config")


def test_a_workload_removed_while_no_node_ran_leaves_no_goal(stage, workload):
    stage.begin(workload("web"), workload("db"))
    stage.samples(30, availability=80.0)
    stage.die()
    stage.begin(workload("db"))
    assert [fact.state for fact in stage.house.events(GoalEnded)] == ["cancelled"]


def test_another_target_makes_a_goal_obsolete(stage, workload):
    stage.begin()
    stage.samples(30, availability=80.0)
    stage.house.reload({"web": workload(thresholds={"availability": Threshold(below=75.0)})})
    stage.goals()
    assert [fact.why for fact in stage.house.events(GoalEnded)] == ["the config asks for 75 now, not 99"]
    stage.samples(60, availability=80.0)
    assert stage.goals() == []


def test_samples_before_a_new_config_do_not_count_under_it(stage, workload):
    stage.begin()
    stage.samples(25, latency=3.0)
    stage.house.reload({"web": workload(thresholds={"latency": Threshold(above=2.0)})})
    stage.wait(5)
    stage.samples(25, latency=3.0)
    assert told(stage) == []
    stage.samples(5, latency=3.0)
    assert [fact.target for fact in stage.house.events(GoalSet)] == [2.0]


def crossed(metric="availability", limit=99.0, value=80.0, held_s=30.0, scope="workload"):
    return ThresholdCrossed(
        subject="web",
        scope=scope,
        metric=metric,
        value=value,
        limit=limit,
        direction="below",
        held_s=held_s,
        severity="warning",
    )


def test_what_the_monitor_measured_before_counts_towards_the_hold(stage):
    stage.begin()
    stage.samples(10, availability=80.0)
    stage.house.publish(crossed())
    stage.goals()
    assert told(stage) == ["GoalSet web"]


@pytest.mark.parametrize(
    "fact",
    [
        crossed(limit=99.5),  # beyond 99.5 is not beyond 99
        crossed(held_s=5.0),
        crossed(scope="host"),
        crossed(metric="cpu"),
        crossed(metric="latency"),  # of which there is no sample
    ],
)
def test_a_crossing_that_says_nothing_about_the_target_sets_no_goal(stage, fact):
    stage.begin()
    stage.samples(10, availability=80.0)
    stage.house.publish(fact)
    stage.goals()
    assert told(stage) == []


def test_trend_and_health_are_told_among_the_reasons(stage):
    stage.begin()
    stage.house.publish(
        TrendChanged(subject="web", metric="availability", trend="degrading", before="stable", slope_per_s=-0.1)
    )
    stage.house.publish(
        HealthChanged(subject="web", scope="workload", level="unhealthy", before="healthy", why=["work probe fails"])
    )
    stage.samples(30, availability=80.0)
    (fact,) = stage.house.events(GoalSet)
    assert fact.why.endswith("now 80; degrading; unhealthy, work probe fails")


def test_what_is_no_workload_of_this_node_is_passed_by(stage):
    stage.begin()
    for _ in range(10):
        stage.sample("other", availability=1.0)
        stage.house.publish(MetricsSampled(subject="web", scope="host", values={"availability": 1.0}, interval_s=5.0))
        stage.wait(5)
    assert told(stage) == []


def test_goals_come_with_the_highest_priority_first(stage, workload):
    stage.begin(workload("web"), workload("db", critical=True))
    stage.samples(30, availability=80.0)
    stage.samples(30, subject="db", availability=80.0)
    assert [row.subject for row in stage.goals()] == ["db", "web"]
