from hypothesis import given
from hypothesis import strategies as st

from actors.monitor.counting import Count, Counters, growth, reckoned

numbers = st.floats(0, 1e12)


def test_a_value_is_taken_as_it_is_and_a_rate_needs_two_readings():
    counters = Counters({"queue": "value", "requests": "rate", "jobs": "delta"})
    assert counters.values({"queue": 3, "requests": 100, "jobs": 5}, 10.0) == {"queue": 3}
    assert counters.values({"queue": 2, "requests": 150, "jobs": 9}, 20.0) == {"queue": 2, "requests": 5, "jobs": 4}


def test_a_counter_that_fell_counted_from_nothing():
    counters = Counters({"requests": "rate"})
    counters.values({"requests": 1000}, 0.0)
    assert counters.values({"requests": 40}, 10.0) == {"requests": 4}


def test_a_gap_is_spread_over_its_time():
    counters = Counters({"requests": "rate"})
    counters.values({"requests": 0}, 0.0)
    counters.values({}, 10.0)
    assert counters.values({"requests": 100}, 20.0) == {"requests": 5}


def test_time_that_goes_backwards_or_stands_still_gives_no_rate():
    counters = Counters({"requests": "rate"})
    counters.values({"requests": 1}, 10.0)
    assert counters.values({"requests": 2}, 10.0) == {}
    assert counters.values({"requests": 3}, 5.0) == {}
    assert counters.values({"requests": 8}, 10.0) == {"requests": 1}


def test_parts_of_a_class_are_reckoned_as_the_whole_is():
    counters = Counters({"disk": "delta"})
    counters.values({"disk.read": 1, "disk.write": 10}, 0.0)
    assert counters.values({"disk.read": 2, "disk.write": 30}, 1.0) == {"disk.read": 1, "disk.write": 20}


def test_a_number_that_is_not_finite_is_passed_on_and_not_counted_with():
    counters = Counters({"jobs": "delta", "queue": "value"})
    counters.values({"jobs": 1}, 0.0)
    given_on = counters.values({"jobs": float("nan"), "queue": float("inf")}, 1.0)
    assert given_on["queue"] == float("inf")
    assert given_on["jobs"] != given_on["jobs"], "it is counted where all readings go through"
    assert counters.values({"jobs": 5}, 2.0) == {"jobs": 4}


def test_a_new_process_counts_anew():
    counters = Counters({"jobs": "delta"})
    counters.values({"jobs": 1}, 0.0)
    counters.reborn()
    assert counters.values({"jobs": 5}, 1.0) == {}


@given(numbers, numbers)
def test_nothing_grows_by_less_than_nothing(before, now):
    grown = growth(Count(before, 0.0), Count(now, 1.0))
    assert grown is not None
    assert grown >= 0


@given(st.lists(st.tuples(numbers, st.floats(-1e6, 1e6)), max_size=20))
def test_a_rate_is_never_negative(readings):
    counters = Counters({"requests": "rate"})
    for value, at_s in readings:
        assert all(rate >= 0 for rate in counters.values({"requests": value}, at_s).values())


def test_the_first_reading_has_no_growth():
    assert reckoned("rate", None, Count(5, 0.0)) is None
    assert reckoned("delta", None, Count(5, 0.0)) is None
    assert reckoned("value", None, Count(5, 0.0)) == 5
