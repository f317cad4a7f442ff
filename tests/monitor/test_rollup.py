import math
import zlib
from array import array

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.monitor.rollup import (
    NICE_STEPS_S,
    WEEK_S,
    Band,
    Damaged,
    coarser,
    empty,
    joined,
    nice_step_s,
    packed,
    rolled_up,
    split,
    unpacked,
)

VALUES = st.floats(allow_nan=False, allow_infinity=False, width=64)
READINGS = st.lists(st.tuples(st.integers(0, 2000), VALUES), min_size=1, max_size=60).map(
    lambda rows: sorted(rows, key=lambda row: row[0])
)


def band_of(readings, step_s):
    times = array("d", (float(at) for at, _ in readings))
    return rolled_up(times, {"it": array("d", (value for _, value in readings))}, step_s)["it"]


def by_hand(readings, step_s):
    """Stretch -> its values."""
    found: dict[int, list[float]] = {}
    for at, value in readings:
        found.setdefault(at // step_s, []).append(value)
    return found


def same(band, expected):
    assert list(band.numbers) == list(expected)
    for count, low, mean, high, values in zip(
        band.counts, band.lows, band.means, band.highs, expected.values(), strict=True
    ):
        assert (count, low, high) == (len(values), min(values), max(values))
        assert low <= mean <= high
        if max(map(abs, values)) < 1e150:
            middle = math.fsum(values) / len(values)
            assert mean == pytest.approx(middle, rel=1e-9, abs=1e-9 * max(map(abs, values)))


@given(READINGS, st.integers(1, 300))
def test_each_stretch_has_the_count_lowest_mean_and_highest_of_its_readings(readings, step_s):
    same(band_of(readings, step_s), by_hand(readings, step_s))


@given(READINGS, st.integers(0, 60), st.integers(0, 60))
def test_readings_that_come_in_parts_make_the_same_as_all_at_once(readings, one, other):
    first, last = sorted((min(one, len(readings)), min(other, len(readings))))
    parts = [readings[:first], readings[first:last], readings[last:]]
    same(joined(band_of(part, 60) for part in parts if part), by_hand(readings, 60))


@given(READINGS)
def test_parts_that_lie_among_one_another_are_sorted_together(readings):
    evens, odds = readings[::2], readings[1::2]
    same(joined(band_of(part, 60) for part in (odds, evens) if part), by_hand(readings, 60))


@given(READINGS, st.sampled_from([1, 2, 5, 60]))
def test_hours_made_of_minutes_are_hours_made_of_readings(readings, factor):
    same(coarser(band_of(readings, 10), factor), by_hand(readings, 10 * factor))


@given(READINGS)
def test_what_was_packed_is_unpacked_the_same(readings):
    band = band_of(readings, 60)
    found = unpacked(packed({"a": band, "b": empty()}))
    assert found == {"a": band, "b": empty()}
    assert unpacked(packed({"a": band, "b": band}), ["b", "c"]) == {"b": band}


@given(READINGS, st.integers(1, 20))
def test_a_band_is_split_at_the_ends_of_spans_and_loses_nothing(readings, span):
    band = band_of(readings, 60)
    parts = split({"it": band}, span)
    assert all({number // span for number in part["it"].numbers} == {at} for at, part in parts.items())
    assert joined(part["it"] for part in parts.values()) == band


@given(st.lists(st.integers(0, 5000), min_size=1, max_size=40), VALUES)
def test_a_value_that_held_all_the_time_needs_no_list(times, value):
    at = array("d", map(float, sorted(times)))
    found = rolled_up(at, {"held": value, "listed": array("d", [value]) * len(at)}, 60)
    assert found["held"].counts == found["listed"].counts
    assert set(found["held"].lows) == set(found["held"].means) == set(found["held"].highs) == {value}
    assert found["held"].highs == found["listed"].highs


def test_the_mean_of_values_whose_sum_no_float_holds_stays_between_them():
    band = band_of([(0, 1.7e308), (1, 1.7e308), (2, 1.6e308)], 60)
    assert list(band.means) == [1.7e308]
    assert band_of([(0, 1.7e308)], 60).means == array("d", [1.7e308])


def test_a_part_of_a_band_by_the_number_of_the_stretch():
    band = band_of([(0, 1.0), (60, 2.0), (180, 3.0)], 60)
    assert list(band.since(1).numbers) == [1, 3]
    assert list(band.before(3).numbers) == [0, 1]
    assert band.since(0) is band
    assert band.before(4) is band
    assert joined([]) == empty()
    assert coarser(band, 1) is band


@pytest.mark.parametrize("body", [b"", b"rubbish", packed({"a": empty()})[:-3], packed({})[::-1]])
def test_bytes_that_are_no_bands_are_called_damaged(body):
    with pytest.raises(Damaged):
        unpacked(body)


def test_columns_of_a_length_that_is_none_are_damaged():
    with pytest.raises(Damaged):
        unpacked(zlib.compress(msgspec.msgpack.encode({"a": [b"1234567", b"", b"", b"", b""]})))


@pytest.mark.parametrize(
    ("at_least_s", "step_s"),
    [(0.1, 1), (10, 10), (11, 15), (3600, 3600), (3601, 7200), (86_401, WEEK_S), (WEEK_S + 1, 2 * WEEK_S)],
)
def test_a_stretch_is_as_long_as_people_reckon(at_least_s, step_s):
    assert nice_step_s(at_least_s) == step_s


def test_longer_stretches_are_made_of_whole_minutes_and_hours():
    assert all(step_s % 60 == 0 for step_s in NICE_STEPS_S if step_s >= 60)
    assert all(step_s % 3600 == 0 for step_s in (*NICE_STEPS_S, WEEK_S) if step_s >= 3600)
    assert isinstance(band_of([(0, 1.0)], 60), Band)
