import statistics

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.optimizer.calm import ORDER, at_work, trouble
from actors.optimizer.candidates import choose
from actors.optimizer.decide import decide
from actors.optimizer.measure import Measure, median_or_none
from actors.optimizer.resume import Kept, resume
from actors.optimizer.samples import noise, spread
from actors.optimizer.settings import OptimizerSettings
from actors.settings.units import dec_hook
from bus.messages import IssueRow

SETTINGS = OptimizerSettings()
COSTS = st.floats(0.0, 50.0)
INTERVALS = st.floats(0.5, 60.0)

# -- which candidate


@pytest.mark.parametrize(
    ("interval_s", "cost", "host_cpu", "expected"),
    [
        (8.0, 0.3, 10.0, 4.0),  # room: shorter
        (8.0, 0.3, None, 4.0),  # the host's CPU is not known
        (1.5, 0.3, 10.0, 1.0),  # shorter, down to the bound
        (1.0, 0.3, 10.0, None),  # at the bound
        (0.7, 0.3, 10.0, None),  # beyond the bound already
        (8.0, 0.5, 10.0, None),  # half of the limit: twice as often could break it
        (8.0, 1.0, 10.0, None),  # at the limit
        (8.0, 1.1, 10.0, 16.0),  # above: longer
        (8.0, 3.0, 10.0, 24.0),  # far above: by as much
        (8.0, 9.0, 10.0, 30.0),  # up to the bound
        (30.0, 9.0, 10.0, None),  # at the bound
        (45.0, 9.0, 10.0, None),  # beyond the bound already
        (8.0, 0.3, 90.1, 16.0),  # the host is short of CPU
        (8.0, 0.3, 90.0, 4.0),
        (30.0, 0.3, 95.0, None),
    ],
)
def test_a_candidate_follows_from_cost_and_limit(interval_s, cost, host_cpu, expected):
    candidate = choose(interval_s, cost, host_cpu, SETTINGS)
    assert (candidate.value if candidate else None) == expected


def test_a_candidate_that_was_undone_lately_is_not_tried_again():
    assert choose(8.0, 0.3, None, SETTINGS, tried=[4.0]) is None
    assert choose(8.0, 0.3, None, SETTINGS, tried=[2.0]) is not None


@given(INTERVALS, COSTS, st.none() | st.floats(0, 100))
def test_a_candidate_is_plain_within_the_bounds_and_on_the_right_side(interval_s, cost, host_cpu):
    candidate = choose(interval_s, cost, host_cpu, SETTINGS)
    if candidate is None:
        return
    assert type(candidate.value) is float
    assert SETTINGS.interval_min <= candidate.value <= SETTINGS.interval_max
    assert candidate.why
    if candidate.value < interval_s:
        assert cost * SETTINGS.factor < SETTINGS.cpu_limit
        assert host_cpu is None or host_cpu <= SETTINGS.host_cpu_busy
    else:
        assert cost > SETTINGS.cpu_limit or (host_cpu or 0) > SETTINGS.host_cpu_busy


# -- what stays


def test_a_shorter_interval_stays_when_its_cost_is_within_the_limit():
    assert decide(8.0, 4.0, [0.3] * 5, [1.0] * 5, SETTINGS).keep
    assert not decide(8.0, 4.0, [0.3] * 5, [1.01] * 5, SETTINGS).keep


def test_one_disturbed_sample_decides_nothing():
    assert decide(8.0, 4.0, [0.3] * 5, [0.5, 0.5, 40.0, 0.5, 0.5], SETTINGS).keep
    assert not decide(4.0, 8.0, [2.0, 2.0, 90.0, 2.0, 2.0], [2.0] * 5, SETTINGS).keep


def test_a_longer_interval_stays_when_it_saves_enough():
    assert decide(4.0, 8.0, [2.0] * 5, [1.0] * 5, SETTINGS).keep
    assert decide(4.0, 8.0, [4.0] * 5, [2.0] * 5, SETTINGS).keep  # above the limit still, and nearer to it
    assert not decide(4.0, 8.0, [2.0] * 5, [1.8] * 5, SETTINGS).keep  # a tenth is flat
    assert not decide(4.0, 8.0, [2.0] * 5, [2.5] * 5, SETTINGS).keep


def test_a_saving_within_the_noise_is_none():
    noisy = [0.5, 1.0, 2.0, 3.0, 3.5]
    assert statistics.median(noisy) == 2.0
    assert not decide(4.0, 8.0, noisy, [1.5] * 5, SETTINGS).keep
    assert decide(4.0, 8.0, [2.0] * 5, [1.5] * 5, SETTINGS).keep


def test_too_few_samples_change_nothing():
    verdict = decide(8.0, 4.0, [0.3] * 5, [0.3] * 4, SETTINGS)
    assert not verdict.keep
    assert verdict.why == "only 4 samples, 5 are needed"
    assert not decide(8.0, 4.0, [], [], SETTINGS).keep


@given(st.lists(COSTS, min_size=5, max_size=20), INTERVALS, INTERVALS)
def test_the_same_samples_never_keep_a_longer_interval(costs, one_s, other_s):
    shorter_s, longer_s = sorted((one_s, other_s))
    assert not decide(shorter_s, longer_s, costs, costs, SETTINGS).keep


@given(st.lists(COSTS, min_size=5, max_size=20), st.lists(COSTS, min_size=5, max_size=20))
def test_what_is_kept_is_within_the_limit_or_cheaper(before, after):
    if decide(8.0, 4.0, before, after, SETTINGS).keep:
        assert statistics.median(after) <= SETTINGS.cpu_limit
    if decide(4.0, 8.0, before, after, SETTINGS).keep:
        assert statistics.median(after) < statistics.median(before)


def test_the_spread_is_not_moved_by_one_outlier():
    assert spread([1.0, 1.0, 1.0, 1.0, 99.0]) == 0.0
    assert spread([1.0, 2.0, 3.0]) == 1.0
    assert noise([1.0, 2.0, 3.0], [5.0, 5.0]) == 1.0
    assert (median_or_none([]), median_or_none([3.0])) == (None, 3.0)


# -- one measurement


def test_samples_of_the_interval_before_are_passed_by_and_so_is_the_first_after_it():
    measure = Measure(interval_s=4.0, since_s=0.0, former_s=8.0, skip=1)
    assert [measure.take(cpu, interval_s) for cpu, interval_s in ((9.0, 8.0), (8.0, 4.0), (1.0, 4.0), (None, 4.0))] == [
        True,
        True,
        True,
        True,
    ]
    assert measure.cpu == [1.0]
    assert not measure.take(1.0, 2.0)


def test_a_measurement_lasts_its_window_and_longer_only_for_want_of_samples():
    measure = Measure(interval_s=30.0, since_s=100.0)
    assert measure.left_s(110.0, 60.0, 5) == 50.0
    assert measure.left_s(160.0, 60.0, 5) == 30.0
    assert measure.left_s(270.0, 60.0, 5) == 10.0
    assert measure.left_s(280.0, 60.0, 5) == 0.0
    measure.cpu = [1.0] * 5
    assert measure.left_s(160.0, 60.0, 5) == 0.0
    assert measure.host is None


# -- calm


def issue(name, state):
    return IssueRow(
        issue=name,
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


def test_an_issue_is_worked_on_until_it_is_resolved_or_left_to_a_person():
    states = ("open", "healing", "verifying", "escalated", "resolved")
    assert at_work([issue(state, state) for state in states]) == {"open", "healing", "verifying"}


@pytest.mark.parametrize("level", ORDER)
def test_it_is_calm_up_to_degraded(level):
    assert (trouble([], level) == "") is (level in {"healthy", "degraded"})


def test_open_issues_are_named():
    assert trouble(["i2"], "healthy") == "open issue i2"
    assert trouble(["i2", "i1"], "failing") == "open issue i1 and 1 more"


# -- the start

BOUNDS = (1.0, 30.0)
KEPT = Kept(value=2.5, configured=5.0)


@pytest.mark.parametrize("in_force", [5.0, 2.5, 1.25])
def test_an_experiment_found_running_is_undone(in_force):
    step = resume(in_force, (2.5, 1.25), KEPT, BOUNDS)
    assert (step.do, step.value, step.drop_kept) == ("undo", 2.5, False)


def test_without_a_kept_value_the_baseline_is_what_was_configured():
    assert resume(2.5, (5.0, 2.5), None, BOUNDS).configured == 5.0


def test_a_value_that_a_person_chose_meanwhile_is_left():
    step = resume(20.0, (2.5, 1.25), KEPT, BOUNDS)
    assert (step.do, step.value, step.drop_kept) == ("leave", 20.0, True)
    step = resume(20.0, None, KEPT, BOUNDS)
    assert (step.do, step.value, step.drop_kept) == ("leave", 20.0, True)


def test_a_kept_value_is_applied_when_the_config_says_what_it_said():
    assert resume(5.0, None, KEPT, BOUNDS).do == "apply"
    assert (resume(2.5, None, KEPT, BOUNDS).do, resume(2.5, None, KEPT, BOUNDS).drop_kept) == ("leave", False)
    outside = resume(5.0, None, KEPT, (3.0, 30.0))
    assert (outside.do, outside.drop_kept) == ("leave", True)
    assert resume(5.0, None, None, BOUNDS).do == "leave"


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        ({"interval_min": 0}, "interval_min"),
        ({"interval_min": 10, "interval_max": 5}, "interval_max"),
        ({"window": 0}, "window"),
        ({"every": 100}, "every"),
    ],
)
def test_settings_that_leave_nothing_are_refused(wrong, key):
    with pytest.raises(msgspec.ValidationError, match=key):
        msgspec.convert(wrong, OptimizerSettings, dec_hook=dec_hook)
