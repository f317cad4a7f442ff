import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.monitor.drift import Drift, DriftDetector, Return


def feed(detector, values, first=0):
    told = [(index, detector.update(10.0 * index, value)) for index, value in enumerate(values, first)]
    return [(index, drift) for index, drift in told if drift is not None]


def noise(seed, count, level=50.0, sigma=1.0):
    chance = random.Random(seed)
    return [chance.gauss(level, sigma) for _ in range(count)]


@pytest.mark.parametrize("seed", range(10))
def test_stationary_noise_of_a_day_is_no_drift(seed):
    assert feed(DriftDetector(), noise(seed, 8640)) == []


@pytest.mark.parametrize("change", [1.0, -1.0])
def test_another_level_is_told_once_with_what_it_was_and_is(change):
    [(index, drift)] = feed(DriftDetector(), noise(1, 2000) + noise(2, 3000, level=50 + change))
    assert index < 2200
    assert drift.kind == "level"
    assert drift.before == pytest.approx(50, abs=0.2)
    assert drift.after == pytest.approx(50 + change, abs=0.4)
    assert 18_000 < drift.since_s < 22_000


def test_another_spread_is_told():
    [(index, drift)] = feed(DriftDetector(), noise(3, 2000) + noise(4, 3000, sigma=2.0))
    assert index < 2200
    assert drift.kind == "spread"
    assert drift.after > 1.5 * drift.before


@pytest.mark.parametrize("value", [0.0, 0.1, -1e9])
def test_readings_that_are_all_the_same_never_drift_until_they_change(value):
    detector = DriftDetector()
    assert feed(detector, [value] * 5000) == []
    [(index, drift)] = feed(detector, [value + 7.0] * 500, 5000)
    assert index < 5100
    assert drift.kind == "level"
    assert drift.after > drift.before


def test_one_odd_reading_is_no_drift():
    values = noise(5, 3000)
    values[2000] = 1e9
    assert feed(DriftDetector(), values) == []


def test_what_is_no_number_is_ignored():
    one, other = DriftDetector(), DriftDetector()
    for index, value in enumerate(noise(6, 2000) + noise(7, 300, level=52)):
        assert other.update(10.0 * index, math.nan) is None
        assert other.update(math.inf, value) is None
        assert other.update(10.0 * index, 1e300) is None
        assert one.update(10.0 * index, value) == other.update(10.0 * index, value)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(), max_size=200), st.integers(0, 10**6))
def test_any_series_gives_nothing_or_a_drift(values, seed):
    detector = DriftDetector()
    for index, value in enumerate(noise(seed, 650) + values * 3):
        drift = detector.update(float(index), value)
        assert drift is None or math.isfinite(drift.after if isinstance(drift, Drift) else drift.now)


@pytest.mark.parametrize(
    ("away", "kind"), [({"level": 52.0}, "level"), ({"level": 48.0}, "level"), ({"sigma": 2.0}, "spread")]
)
@pytest.mark.parametrize("stay", [300, 3000])
def test_a_series_that_comes_back_is_told_to_be_back(away, kind, stay):
    detector = DriftDetector()
    feed(detector, noise(8, 2000))
    told = feed(detector, noise(9, stay, **away) + noise(10, 2000), 2000)
    assert [(type(one), one.kind) for _, one in told[:1]] == [(Drift, kind)]
    index, last = told[-1]
    assert isinstance(last, Return)
    assert 2000 + stay <= index < 2000 + stay + 400
    assert not detector.away


def test_a_series_that_stays_away_is_told_once():
    detector = DriftDetector()
    [(_, drift)] = feed(detector, noise(11, 2000) + noise(12, 20_000, level=53.0))
    assert isinstance(drift, Drift)
    assert detector.away


@pytest.mark.parametrize("after", [5, 300, 900, 2100, 2600])
def test_a_restored_detector_goes_on_as_the_first_one_would(after):
    series = noise(13, 2000) + noise(14, 800, level=52.0) + noise(15, 1000)
    one = DriftDetector()
    feed(one, series[:after])
    other = DriftDetector(one.save())
    rest = series[after:]
    assert feed(one, rest, after) == feed(other, rest, after) != []


def test_what_no_detector_saved_is_refused():
    with pytest.raises(ValueError, match="no saved detector"):
        DriftDetector(b"nonsense")
