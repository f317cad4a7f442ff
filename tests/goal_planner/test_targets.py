from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from actors.goal_planner.goals import Goal, meets, progress
from actors.goal_planner.runs import Run, advance, measured_before, of_subjects, proven
from actors.goal_planner.settings import GoalPlannerSettings
from actors.goal_planner.targets import Ended, Reading, completed, ended, gap_max_s, goal_wanted, target_of
from actors.settings import Probe, Probes, Seconds, Threshold
from actors.settings.units import dec_hook

SETTINGS = GoalPlannerSettings()
VALUES = st.floats(-1e6, 1e6)


def goal(**differs):
    first = Goal(
        number=1,
        subject="web",
        goal_kind="reliability",
        priority=3,
        state="in_progress",
        metric="availability",
        direction="at_least",
        target=99.0,
        baseline=79.0,
        window_s=60.0,
        set_at=1000.0,
        why="",
    )
    return replace(first, **differs)


# -- sides and progress


@pytest.mark.parametrize(
    ("value", "direction", "expected"),
    [
        (99.0, "at_least", True),
        (98.9, "at_least", False),
        (99.1, "at_least", True),
        (99.0, "at_most", True),
        (98.9, "at_most", True),
        (99.1, "at_most", False),
    ],
)
def test_the_target_itself_is_met(value, direction, expected):
    assert meets(value, direction, 99.0) is expected


@pytest.mark.parametrize(
    ("value", "expected"), [(None, 0.0), (79.0, 0.0), (60.0, 0.0), (89.0, 0.5), (99.0, 1.0), (100.0, 1.0)]
)
def test_progress_is_the_way_from_baseline_to_target(value, expected):
    assert progress(goal(value=value)) == expected


def test_progress_goes_down_as_well_for_what_should_fall():
    assert progress(goal(direction="at_most", target=1.0, baseline=3.0, value=2.0)) == 0.5


def test_a_completed_goal_is_all_the_way_there_whatever_came_last():
    assert progress(goal(state="completed", value=80.0)) == 1.0


@given(VALUES, VALUES, VALUES)
def test_progress_is_a_share_and_whole_only_on_the_good_side(value, target, baseline):
    for direction in ("at_least", "at_most"):
        if not meets(baseline, direction, target):
            share = progress(goal(value=value, target=target, baseline=baseline, direction=direction))
            assert 0.0 <= share <= 1.0
            if meets(value, direction, target):
                assert share == 1.0


def test_a_goal_that_began_at_its_target_is_either_there_or_not():
    assert progress(goal(baseline=99.0, value=99.0)) == 1.0
    assert progress(goal(baseline=99.0, value=98.0)) == 0.0


# -- runs of samples


def test_a_run_goes_on_while_samples_come_on_one_side():
    run = advance(None, met=False, now_s=10.0, gap_max_s=15.0)
    run = advance(run, met=False, now_s=15.0, gap_max_s=15.0)
    run = advance(run, met=False, now_s=30.0, gap_max_s=15.0)
    assert (run.length_s, run.count) == (20.0, 3)


def test_a_run_begins_afresh_on_the_other_side_and_after_missed_samples():
    run = Run(met=False, since_s=0.0, last_s=10.0, count=9)
    assert advance(run, met=True, now_s=12.0, gap_max_s=15.0) == Run(met=True, since_s=12.0, last_s=12.0)
    assert advance(run, met=False, now_s=25.1, gap_max_s=15.0) == Run(met=False, since_s=25.1, last_s=25.1)


def test_the_monitors_word_reaches_back_for_misses_only():
    miss = Run(met=False, since_s=90.0, last_s=100.0, count=3)
    assert measured_before(miss, held_s=30.0, now_s=100.0).since_s == 70.0
    assert measured_before(miss, held_s=5.0, now_s=100.0) == miss
    met = replace(miss, met=True)
    assert measured_before(met, held_s=30.0, now_s=100.0) == met


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (None, False),
        (Run(met=True, since_s=0.0, last_s=60.0, count=3), True),
        (Run(met=False, since_s=0.0, last_s=60.0, count=3), False),
        (Run(met=True, since_s=0.0, last_s=59.9, count=3), False),
        (Run(met=True, since_s=0.0, last_s=60.0, count=2), False),
    ],
)
def test_proof_needs_the_side_the_time_and_the_samples(run, expected):
    assert proven(run, met=True, for_s=60.0, samples_min=3) is expected


def test_runs_of_subjects_that_are_gone_are_forgotten():
    run = Run(met=True, since_s=0.0, last_s=0.0)
    assert of_subjects({("web", "latency"): run, ("old", "latency"): run}, {"web": None}) == {("web", "latency"): run}


@given(st.lists(st.tuples(st.floats(0.1, 20.0), st.booleans()), max_size=40))
def test_a_run_is_proven_only_by_samples_that_were_all_on_its_side(steps):
    now_s, heard, run = 0.0, [], None
    for pause_s, met in steps:
        now_s += pause_s
        heard.append((now_s, met))
        run = advance(run, met=met, now_s=now_s, gap_max_s=15.0)
        if proven(run, met=True, for_s=30.0, samples_min=3):
            inside = [(at_s, good) for at_s, good in heard if at_s >= now_s - 30.0]
            assert all(good for _, good in inside)
            assert len([good for _, good in heard if good]) >= 3
            times = [at_s for at_s, _ in inside]
            assert all(after - before <= 15.0 for before, after in pairwise(times))


# -- targets


def test_targets_are_the_settings_unless_the_workload_declares_its_own(workload):
    plain = workload()
    assert target_of(plain, "availability", SETTINGS).value == 99.0
    assert target_of(plain, "latency", SETTINGS).value == 1.0
    own = workload(thresholds={"availability": Threshold(below=95.0), "latency": Threshold(above=0.2)})
    assert target_of(own, "availability", SETTINGS).value == 95.0
    assert target_of(own, "latency", SETTINGS).value == 0.2


def test_a_threshold_on_the_other_side_is_no_target(workload):
    odd = workload(thresholds={"availability": Threshold(above=5.0), "latency": Threshold(below=0.2)})
    assert target_of(odd, "availability", SETTINGS).value == 99.0
    assert target_of(odd, "latency", SETTINGS).value == 1.0


def test_availability_is_reliability_and_latency_is_performance(workload):
    availability, latency = (target_of(workload(), metric, SETTINGS) for metric in ("availability", "latency"))
    assert (availability.goal_kind, availability.direction) == ("reliability", "at_least")
    assert (latency.goal_kind, latency.direction) == ("performance", "at_most")


def test_a_seldom_probe_allows_longer_gaps(workload):
    assert gap_max_s(workload(), 5.0) == 15.0
    slow = workload(probes=Probes(readiness=Probe(tcp="127.0.0.1:80", every=Seconds(60))))
    assert gap_max_s(slow, 5.0) == 180.0


# -- from a miss to a goal, and its end


def wanted(workload, run, **reading):
    target = target_of(workload, "availability", SETTINGS)
    return goal_wanted(workload, target, run, Reading(value=80.0, **reading), SETTINGS)


MISS = Run(met=False, since_s=0.0, last_s=30.0, count=7)


def test_a_miss_for_the_whole_hold_is_a_goal_with_the_measured_baseline(workload):
    made = wanted(workload(), MISS)
    assert made is not None
    assert (made.baseline, made.target, made.priority, made.state) == (80.0, 99.0, 3, "pending")
    assert made.why == "availability below 99 in 7 samples over 30s, now 80"


@pytest.mark.parametrize("run", [None, replace(MISS, met=True), replace(MISS, last_s=29.9), replace(MISS, count=2)])
def test_less_is_no_goal(run, workload):
    assert wanted(workload(), run) is None


def test_a_critical_workload_has_the_highest_priority(workload):
    made = wanted(workload(critical=True), MISS)
    assert made is not None
    assert made.priority == 5


def test_trend_and_health_are_among_the_reasons(workload):
    made = wanted(workload(), MISS, trend="degrading", health="unhealthy, probe fails")
    assert made is not None
    assert made.why.endswith("now 80; degrading; unhealthy, probe fails")


def test_a_goal_is_met_by_its_own_window_only():
    assert not completed(goal(window_s=90.0), Run(met=True, since_s=0.0, last_s=60.0, count=30), SETTINGS)
    assert completed(goal(), Run(met=True, since_s=0.0, last_s=60.0, count=30), SETTINGS)
    assert not completed(goal(), None, SETTINGS)


def test_an_open_goal_goes_on_while_its_reason_holds(workload):
    assert ended(goal(), workload(), SETTINGS, 1000.0 + 3599.9) is None


def test_a_goal_fails_at_its_deadline(workload):
    assert ended(goal(value=90.0), workload(), SETTINGS, 4600.0) == Ended(
        "failed", "not met within 1h; measured last: 90"
    )
    assert ended(goal(), workload(), SETTINGS, 4600.0) == Ended("failed", "not met within 1h; measured last: nothing")


def test_a_goal_is_obsolete_without_its_workload_or_with_another_target(workload):
    assert ended(goal(), None, SETTINGS, 1000.0) == Ended("cancelled", "web is no longer in the config")
    other = workload(thresholds={"availability": Threshold(below=95.0)})
    assert ended(goal(), other, SETTINGS, 1000.0) == Ended("cancelled", "the config asks for 95 now, not 99")


@pytest.mark.parametrize("state", ["completed", "failed", "cancelled"])
def test_what_has_ended_does_not_end_again(state):
    assert ended(goal(state=state), None, SETTINGS, 1e9) is None


@pytest.mark.parametrize("wrong", [{"window": 0}, {"check_every": 0}, {"latency_target": 0}, {"deadline": 60}])
def test_settings_that_nothing_could_fulfil_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        msgspec.convert(wrong, GoalPlannerSettings, dec_hook=dec_hook)
