from hypothesis import given
from hypothesis import strategies as st

from actors.monitor.history import History
from actors.monitor.samples import SAME_S_MAX, Samples
from actors.monitor.subject import Subject
from actors.monitor.thresholds import Limit
from bus.messages import MetricsSampled, ThresholdCleared, ThresholdCrossed

FULL = Limit(metric="fds", direction="above", value=100.0, clear=90.0, hold_s=20.0)


def subject(scope="workload"):
    return Subject("web", scope, History(1000, 10.0), 0.0)


def told(one, values, at_s):
    return [fact for fact in one.read(values, at_s, 10.0) if isinstance(fact, MetricsSampled)]


def test_readings_that_are_the_same_are_told_once_a_minute():
    web = subject()
    facts = [(at_s, fact) for at_s in range(0, 200, 10) for fact in told(web, {"fds": 4.0, "uptime": at_s}, at_s)]
    assert [(at_s, fact.unchanged_s) for at_s, fact in facts] == [(0, 0.0), (60, 50.0), (120, 50.0), (180, 50.0)]


def test_a_reading_that_moved_is_told_with_how_long_the_former_one_was_true():
    web = subject()
    told(web, {"fds": 4.0}, 0.0)
    assert told(web, {"fds": 4.0}, 10.0) == []
    assert told(web, {"fds": 4.0}, 20.0) == []
    (moved,) = told(web, {"fds": 5.0}, 30.0)
    assert (moved.values, moved.unchanged_s) == ({"fds": 5.0}, 20.0)
    (again,) = told(web, {"fds": 4.0}, 40.0)
    assert again.unchanged_s == 0.0


def test_what_is_read_apart_is_left_out_apart():
    web = subject()
    assert told(web, {"fds": 4.0}, 0.0)
    assert told(web, {"queue": 1.0}, 1.0)
    for at_s in range(10, 60, 10):
        assert told(web, {"fds": float(at_s)}, float(at_s))
    assert told(web, {"queue": 1.0}, 59.0) == []
    assert told(web, {"queue": 1.0}, 61.0), "the other readings that were told meanwhile are no reason to wait longer"


def test_every_reading_is_told_while_a_limit_is_passed_or_the_workload_is_not_always_there():
    web = subject()
    web.restrict({"fds": FULL}, 0.0)
    assert told(web, {"fds": 4.0}, 0.0)
    assert told(web, {"fds": 200.0}, 10.0)
    assert told(web, {"fds": 200.0}, 20.0), "it may become an issue"
    assert ThresholdCrossed in [type(fact) for fact in web.read({"fds": 200.0}, 30.0, 10.0)]
    assert told(web, {"fds": 200.0}, 40.0), "it is one"
    assert ThresholdCleared in [type(fact) for fact in web.read({"fds": 4.0}, 50.0, 10.0)]
    assert told(web, {"fds": 4.0}, 60.0) == []
    assert told(web, {"fds": 4.0, "availability": 50.0}, 70.0)
    assert told(web, {"fds": 4.0, "availability": 50.0}, 80.0)


def test_every_reading_of_host_and_node_is_told():
    for scope in ("host", "node"):
        one = subject(scope)
        assert all(told(one, {"fds": 4.0}, float(at_s)) for at_s in range(0, 100, 10))


def test_a_value_that_stays_is_checked_against_a_new_limit():
    web = subject()
    web.read({"fds": 200.0}, 0.0, 10.0)
    web.restrict({"fds": Limit(metric="fds", direction="above", value=100.0, clear=90.0)}, 1.0)
    assert ThresholdCrossed in [type(fact) for fact in web.read({"fds": 200.0}, 10.0, 10.0)]


def test_a_value_that_is_the_same_in_the_next_life_is_told_again():
    web = subject()
    told(web, {"fds": 4.0}, 0.0)
    web.reborn(5.0)
    assert told(web, {"fds": 4.0}, 10.0)


@given(st.lists(st.tuples(st.floats(0.1, 40.0), st.integers(0, 2)), min_size=1, max_size=40))
def test_a_listener_always_knows_the_value_that_was_read_last(steps):
    web, at_s, known, known_s = subject(), 0.0, None, None
    for passed_s, value in steps:
        at_s += passed_s
        for fact in told(web, {"fds": float(value)}, at_s):
            assert fact.unchanged_s == 0.0 or known is not None
            known, known_s = fact.values["fds"], at_s
        assert known == value
        assert at_s - known_s < SAME_S_MAX
        _, kept = web.history.since("fds", 0.0)
        assert len(kept) > 0


@given(st.lists(st.tuples(st.floats(0.5, 30.0), st.integers(0, 2), st.integers(0, 1)), min_size=1, max_size=60))
def test_the_history_is_the_same_whether_or_not_it_is_told_what_moved(steps):
    web, plain, at_s = subject(), History(1000, 10.0), 0.0
    for passed_s, first, second in steps:
        at_s += passed_s
        values = {"fds": float(first)} if second else {"fds": float(first), "memory": 7.0}
        web.read(values, at_s, 10.0)
        plain.add(at_s, values.items())
    assert web.history.metrics == plain.metrics
    for metric in plain.metrics:
        assert web.history.since(metric, 0.0) == plain.since(metric, 0.0)


def test_samples_of_a_clock_that_went_backwards_are_told():
    samples = Samples()
    samples.told("fds", 100.0)
    assert not samples.leaves_out("fds", 50.0)
