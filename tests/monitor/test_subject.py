import math
from array import array

import pytest

from actors.monitor.health import Verdict
from actors.monitor.history import History
from actors.monitor.subject import Subject, look_for_trends
from actors.monitor.thresholds import Limit
from actors.monitor.trend import Slope
from bus.messages import HealthChanged, MetricsSampled, ThresholdCleared, ThresholdCrossed, TrendChanged

LIMIT = Limit(metric="memory", direction="above", value=100.0, clear=90.0, hold_s=10.0, severity="critical")


@pytest.fixture
def subject():
    made = Subject("web", "workload", History(1000, 1.0), 0.0)
    made.restrict({"memory": LIMIT}, 0.0)
    return made


def kinds(facts):
    return [type(fact) for fact in facts]


def test_readings_become_a_sample_a_crossing_and_its_end(subject):
    assert kinds(subject.read({"memory": 150.0, "cpu": 3.0}, 1.0, 5.0)) == [MetricsSampled]
    sampled, crossed = subject.read({"memory": 160.0}, 11.0, 5.0)
    assert sampled == MetricsSampled(subject="web", scope="workload", values={"memory": 160.0}, interval_s=5.0)
    assert crossed == ThresholdCrossed(
        subject="web", scope="workload", metric="memory", value=160.0, limit=100.0, direction="above", held_s=10.0,
        severity="critical",
    )  # fmt: skip
    assert kinds(subject.read({"memory": 155.0}, 12.0, 5.0)) == [MetricsSampled]
    assert [(one.value, one.lasted_s) for one in subject.crossings(13.0)] == [(155.0, 12.0)]
    cleared = subject.read({"memory": 80.0}, 21.0, 5.0)[1]
    assert cleared == ThresholdCleared(
        subject="web", scope="workload", metric="memory", value=80.0, lasted_s=10.0, because="reading"
    )
    assert subject.crossings(22.0) == []


def test_what_is_no_number_is_ignored_and_counted(subject):
    facts = subject.read({"memory": math.nan, "cpu": math.inf, "fds": 3.0}, 1.0, 5.0)
    assert facts[0].values == {"fds": 3.0}
    assert subject.ignored == 2
    assert subject.read({"cpu": math.nan}, 2.0, 5.0) == []


def test_a_new_life_starts_the_hold_afresh_and_a_crossing_waits_for_a_reading(subject):
    subject.read({"memory": 150.0}, 1.0, 5.0)
    subject.reborn(5.0)
    assert kinds(subject.read({"memory": 150.0}, 11.5, 5.0)) == [MetricsSampled]
    assert kinds(subject.read({"memory": 150.0}, 21.5, 5.0)) == [MetricsSampled, ThresholdCrossed]
    subject.reborn(22.0)
    assert subject.crossings(23.0)[0].value == 150.0
    assert subject.latest("memory") is None
    assert kinds(subject.read({"memory": 10.0}, 24.0, 5.0)) == [MetricsSampled, ThresholdCleared]


def test_a_limit_that_is_gone_clears_what_was_crossed_under_it(subject):
    subject.read({"memory": 150.0}, 1.0, 5.0)
    subject.read({"memory": 150.0}, 11.0, 5.0)
    assert subject.restrict({"memory": LIMIT}, 12.0) == []
    (cleared,) = subject.restrict({}, 15.0)
    assert (cleared.because, cleared.value, cleared.lasted_s) == ("limit_removed", 150.0, 4.0)
    assert subject.restrict({}, 16.0) == []


def test_what_was_told_before_is_not_told_again_and_is_cleared_by_a_reading(subject):
    subject.resume("memory", 150.0, -50.0, -40.0)
    assert kinds(subject.read({"memory": 150.0}, 1.0, 5.0)) == [MetricsSampled]
    assert subject.read({"memory": 80.0}, 2.0, 5.0)[1].lasted_s == 42.0


def test_the_end_of_the_earliest_hold_is_known(subject):
    assert subject.hold_ends_s() is None
    subject.read({"memory": 150.0}, 1.0, 5.0)
    assert subject.hold_ends_s() == 11.0


def test_a_leak_gives_a_trend_that_a_restart_ends(subject):
    for at_s in range(0, 1000, 10):
        subject.read({"memory": 1e6 + at_s * 1e4, "uptime": at_s}, float(at_s), 10.0)
    ((job, slope),) = look_for_trends(subject.trend_jobs(1000.0, 1800.0), 1800.0, 0.05)
    assert isinstance(slope, Slope)
    assert slope.trend == "degrading"
    assert slope.per_s == pytest.approx(1e4)
    changed = subject.trended(job.metric, slope)
    assert changed == TrendChanged(
        subject="web", metric="memory", trend="degrading", before="stable", slope_per_s=slope.per_s
    )
    assert subject.trended("memory", slope) is None
    assert subject.row(1000.0, 300.0).trends == {"memory": "degrading"}
    subject.reborn(1001.0)
    ((job, slope),) = look_for_trends(subject.trend_jobs(1002.0, 1800.0), 1800.0, 0.05)
    assert slope is None
    assert subject.trended("memory", None).trend == "stable"
    assert subject.row(1002.0, 300.0).trends == {}


def test_the_level_is_told_when_it_moves(subject):
    assert subject.judged(Verdict("healthy", ["a note"]), 1.0) is None
    moved = subject.judged(Verdict("degraded", ["why"]), 2.0)
    assert moved == HealthChanged(subject="web", scope="workload", level="degraded", before="healthy", why=["why"])
    assert subject.judged(Verdict("degraded", ["another"]), 3.0) is None
    assert (subject.row(5.0, 10.0).why, subject.row(5.0, 10.0).since_s) == (["another"], 3.0)


def test_old_readings_are_not_shown_as_present_ones(subject):
    subject.read({"memory": 1.0}, 1.0, 5.0)
    subject.read({"cpu": 2.0}, 20.0, 5.0)
    assert subject.row(20.0, 10.0).values == {"cpu": 2.0}
    subject.gone(20.0)
    assert subject.row(20.0, 10.0).values == {}


def test_the_trend_of_a_process_that_is_older_than_this_actor_reaches_into_its_past():
    past = array("d", (float(at_s) for at_s in range(600)))
    subject = Subject("web", "workload", History(2000, 1.0), 1000.0)
    subject.history.recall({"memory": (past, array("d", (at_s * 10.0 for at_s in past)))})
    subject.reborn(1000.0)  # its process is heard of
    subject.read({"memory": 6100.0, "uptime": 700.0}, 1001.0, 5.0)
    (job,) = [job for job in subject.trend_jobs(1001.0, 1800.0) if job.metric == "memory"]
    assert job.points[0][0] == 301.0, "what was read before it began is of another process"
    ((_, slope),) = look_for_trends([job], 1800.0, 0.05)
    assert slope is not None
    assert slope.per_s == pytest.approx(10.0, rel=0.05)
