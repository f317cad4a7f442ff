import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.monitor.trend import (
    BINS_MAX,
    STABLE,
    bad_direction,
    binned,
    find_trend,
    mann_kendall_z,
    theil_sen,
)

WINDOW_S = 1800.0


def look(values, *, metric="memory", bad="rising", step_s=10.0, change_min=0.05):
    times_s = [index * step_s for index in range(len(values))]
    return find_trend(times_s, values, metric=metric, bad=bad, window_s=WINDOW_S, change_min=change_min)


def noisy(slope, count=180, noise=5e6, level=100e6, seed=1):
    chance = random.Random(seed)
    return [level + slope * index + chance.gauss(0, noise) for index in range(count)]


@pytest.mark.parametrize(
    ("slope", "bad", "trend"),
    [
        (0.5e6, "rising", "degrading"),
        (-0.5e6, "rising", "improving"),
        (0.5e6, "falling", "improving"),
        (-0.5e6, "falling", "degrading"),
    ],
)
def test_a_clear_move_is_judged_by_the_direction_in_which_the_metric_is_bad(slope, bad, trend):
    found = look(noisy(slope), bad=bad)
    assert found.trend == trend
    assert found.per_s == pytest.approx(slope / 10, rel=0.2)


@pytest.mark.parametrize("seed", range(20))
def test_noise_around_a_level_is_stable(seed):
    assert look(noisy(0.0, seed=seed)) == STABLE


def test_a_few_outliers_move_nothing():
    values = [100.0] * 180
    values[20], values[90], values[150] = 1e6, 5e6, 9e6
    assert look(values) == STABLE
    leak = [100.0 + index for index in range(180)]
    leak[10], leak[100] = 1e4, 0.0
    assert look(leak).per_s == pytest.approx(0.1, rel=0.15)


def test_a_steady_but_tiny_drift_is_stable():
    assert look([100.0 + 0.01 * index for index in range(180)]) == STABLE
    assert look([0.2 * index / 180 for index in range(180)], metric="cpu") == STABLE


def test_a_tiny_drift_is_stable_beside_an_outlier_too():
    values = [100.0 + 0.01 * index for index in range(180)]
    values[50] = 1e6
    assert abs(mann_kendall_z(values)) > 2.6
    assert look(values) == STABLE


def test_a_drop_of_availability_by_half_a_point_is_seen_though_it_is_a_small_share():
    falling = [100.0 - index * 0.02 for index in range(180)]
    assert look(falling, metric="availability", bad="falling", change_min=0.0).trend == "degrading"


def test_too_few_points_or_too_short_a_span_say_nothing():
    assert look([float(index) for index in range(9)], step_s=100) is None
    assert look([float(index) for index in range(30)], step_s=10) is None
    assert look([float(index) for index in range(31)], step_s=10) is not None


def test_points_all_at_one_end_are_too_few_after_binning():
    times_s = [0.0] * 100 + [WINDOW_S]
    values = [float(index) for index in range(101)]
    assert find_trend(times_s, values, metric="m", bad="rising", window_s=WINDOW_S, change_min=0.05) == STABLE


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=400))
def test_binning_keeps_order_range_and_bound(values):
    times_s = [float(index) for index in range(len(values))]
    at_s, found = binned(times_s, values)
    assert len(at_s) == len(found) <= max(BINS_MAX, 1)
    assert at_s == sorted(at_s)
    assert min(values) - 1e-3 <= min(found) <= max(found) <= max(values) + 1e-3


def test_binning_of_points_at_one_time_gives_one_point():
    assert binned([5.0] * 100, [2.0] * 100) == ([5.0], [2.0])


@given(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3), st.integers(2, 60))
def test_the_slope_of_a_straight_line_is_its_slope(slope, level, count):
    times_s = [float(index) for index in range(count)]
    values = [level + slope * at_s for at_s in times_s]
    assert theil_sen(times_s, values) == pytest.approx(slope, rel=1e-6, abs=1e-6)


def test_no_pair_apart_in_time_has_no_slope():
    assert theil_sen([1.0, 1.0], [1.0, 2.0]) == 0.0


@given(st.lists(st.floats(-1e6, 1e6), max_size=60))
def test_the_significance_turns_its_sign_with_the_order(values):
    assert mann_kendall_z(values) == pytest.approx(-mann_kendall_z(values[::-1]))


def test_the_significance_agrees_with_a_value_worked_out_by_hand():
    assert mann_kendall_z([1, 2, 3, 4, 5]) == pytest.approx((10 - 1) / math.sqrt(5 * 4 * 15 / 18))
    assert mann_kendall_z([3, 3, 3]) == 0.0
    assert mann_kendall_z([1, 1, 2]) == pytest.approx((2 - 1) / math.sqrt((3 * 2 * 11 - 2 * 1 * 9) / 18))


@pytest.mark.parametrize(
    ("metric", "directions", "bad"),
    [
        ("memory", [], "rising"),
        ("availability", [], "falling"),
        ("threads", ["below"], "falling"),
        ("availability", ["above"], "rising"),
    ],
)
def test_the_bad_direction_is_the_thresholds_or_the_metrics_own(metric, directions, bad):
    assert bad_direction(metric, directions) == bad
