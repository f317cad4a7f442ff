import pytest

from actors.monitor.expressions import Expressions
from actors.monitor.history import History
from actors.monitor.subject import Subject
from actors.settings.metrics import Metric
from bus.messages import MetricsSampled


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("errors / requests * 100", 6.0),
        ("requests - errors", 47.0),
        ("max(errors, gpu.memory) + min(errors, 1)", 8.0),
        ("round(requests / 7)", 7.0),
        ("abs(-errors) // 2 % 2", 1.0),
        ("errors if requests > 10 and not errors == 0 else -1", 3.0),
        ("(errors < 5) + (requests >= 50)", 2.0),
    ],
)
def test_an_expression_is_reckoned(text, value):
    known = {"errors": 3.0, "requests": 50.0, "gpu.memory": 7.0}
    assert Expressions({"it": text}).values(known, known.keys()) == {"it": value}


@pytest.mark.parametrize(
    "text", ["errors / requests", "round(errors, errors / 2)", "min(errors)", "errors * 1e308 * 10"]
)
def test_what_has_no_finite_value_is_left_out_and_counted(text):
    made = Expressions({"it": text})
    known = {"errors": 3.0, "requests": 0.0}
    assert made.values(known, known.keys()) == {}
    assert made.failed == 1


def test_an_expression_over_another_comes_after_it():
    made = Expressions({"b": "a * 2", "a": "n + 1"})
    assert made.values({"n": 1.0}, {"n"}) == {"a": 2.0, "b": 4.0}


def test_nothing_is_reckoned_from_what_is_not_known_or_not_new():
    made = Expressions({"it": "a + b"})
    assert made.values({"a": 1.0}, {"a"}) == {}
    assert made.values({"a": 1.0, "b": 1.0, "c": 1.0}, {"c"}) == {}
    assert made.failed == 0


def test_a_subject_reckons_its_metrics_from_the_latest_readings():
    subject = Subject("web", "host", History(100, 1.0), 0.0)

    def sampled(at_s, **values):
        sample = subject.read(values, at_s, 5.0)[0]
        assert isinstance(sample, MetricsSampled)
        return sample.values

    subject.declare({"share": Metric(expression="errors / requests * 100", unit="percent")}, ())
    assert sampled(0.0, requests=50.0) == {"requests": 50.0}
    assert sampled(1.0, errors=5.0) == {"errors": 5.0, "share": 10.0}
    assert subject.latest("share") == 10.0
    assert sampled(2.0, requests=0.0) == {"requests": 0.0}
    assert subject.ignored == 1
    assert sampled(3.0, requests=100.0) == {"requests": 100.0, "share": 5.0}
    assert sampled(5000.0, errors=6.0) == {"errors": 6.0}
    subject.declare({}, ())
    assert sampled(5001.0, errors=5.0, requests=1.0) == {"errors": 5.0, "requests": 1.0}
