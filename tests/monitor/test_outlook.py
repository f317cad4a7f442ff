import math

import pytest

from actors.monitor.outlook import Outlook, Raised, lead_s, out_of_sight
from actors.monitor.settings import HOST_METRICS
from actors.monitor.thresholds import Limit
from actors.settings import METRICS

MEASURED = METRICS.keys() | HOST_METRICS.keys()


def limit(metric="memory", value=200e6, direction="above", **given):
    return Limit(metric=metric, direction=direction, value=value, clear=value, **given)


@pytest.mark.parametrize(
    ("metric", "own_s", "ahead_s"),
    [
        ("memory", None, 3600.0),
        ("disk", None, 3600.0),
        ("cpu", None, 0.0),
        ("latency", None, 0.0),
        ("queue_depth", None, 3600.0),
        ("cpu", 600.0, 600.0),
        ("memory", 0.0, 0.0),
    ],
)
def test_what_piles_up_is_warned_of_and_the_rest_when_asked_for(metric, own_s, ahead_s):
    assert lead_s(limit(metric, forecast_s=own_s), 3600.0, MEASURED) == ahead_s


@pytest.mark.parametrize("step_s", [1.0, 2.0, 5.0, 10.0])
def test_a_leak_of_a_megabyte_a_second_is_near_a_minute_before_200_megabytes(step_s):
    outlook = Outlook(limit(), 3600.0)
    readings = (index * step_s for index in range(1000))
    near_s = next(at_s for at_s in readings if outlook.read(10e6 + 1e6 * at_s, at_s) and outlook.is_near)
    assert 190 - near_s >= 60


def test_what_falls_towards_its_limit_is_near_too():
    outlook = Outlook(limit("free", 10.0, "below"), 3600.0)
    for index in range(450):
        left_s = outlook.read(100.0 - 0.1 * index, index * 10.0)
    assert left_s == pytest.approx((55.1 - 10) / 0.01, rel=0.1)
    assert not outlook.is_near
    for index in range(450, 600):
        outlook.read(100.0 - 0.1 * index, index * 10.0)
    assert outlook.is_near


def test_one_reading_within_the_lead_is_not_near():
    outlook = Outlook(limit(value=100.0), 1e9)
    seen = [outlook.is_near for index in range(100) if outlook.read(20 + 0.5 * index, index * 10.0) is not None]
    assert seen[:4] == [False, False, True, True]


def test_a_warning_is_over_when_the_limit_was_out_of_sight_for_a_tenth_of_the_lead():
    raised = Raised(0.0, 0.0)
    assert not out_of_sight(raised, 1000.0, 3600.0, 500.0)
    assert raised.seen_s == 500.0
    assert not out_of_sight(raised, None, 3600.0, 859.0)
    assert not out_of_sight(raised, 6000.0, 3600.0, 859.5)
    assert out_of_sight(raised, math.inf, 3600.0, 860.0)
