"""A real process that leaks towards its limit, on a clock that runs ten times as fast: 1 MB in each of its seconds."""

import time

import msgspec
import pytest

from actors.clock import RealClock
from actors.healer.actor import Healer
from actors.monitor.actor import Monitor
from actors.monitor.settings import MonitorSettings
from actors.process_manager.actor import ProcessManager
from actors.settings import Seconds, Threshold
from bus.messages import (
    ForecastCleared,
    ForecastRaised,
    IssueRaised,
    IssueResolved,
    ListIssues,
    MetricsSampled,
    RestartProcess,
    StopAll,
    ThresholdCrossed,
)
from tests.harness import House

TIMES = 10
LEAKING = """
import sys, time
began, held = time.monotonic(), []
while len(held) < 260:
    while len(held) < (time.monotonic() - began) * 10: held.append(bytearray(b"x" * 1_000_000))
    time.sleep(0.02)
time.sleep(600)
"""


class QuickClock(RealClock):
    """The machine's clock, on which everything passes in a tenth of its time."""

    def __call__(self):
        return time.monotonic() * TIMES

    def wall(self):
        return time.time() * TIMES

    def call_later(self, delay_s, call):
        return super().call_later(delay_s / TIMES, call)


@pytest.fixture
def quick_house(tmp_path):
    made = House(tmp_path, clock=QuickClock())
    yield made
    made.ask(StopAll())
    made.stop()


@pytest.fixture
def leaker(workload):
    made = workload("leaker", thresholds={"memory": Threshold(above=200e6)})
    return msgspec.structs.replace(made, spec=msgspec.structs.replace(made.spec, command=["python3", "-c", LEAKING]))


def when(house, kind):
    """The clock's time of a fact about memory, from the samples around it."""
    facts = [one.data for one in house.envelopes() if one.data.subject == "leaker"]
    place = next(at for at, one in enumerate(facts) if isinstance(one, kind))
    uptimes = [one.values["uptime"] for one in facts[:place] if isinstance(one, MetricsSampled)]
    return uptimes[-1] * TIMES


def of_leaker(fact):
    return fact.subject == "leaker"


def test_a_leak_is_an_issue_a_minute_before_it_reaches_the_limit(quick_house, leaker):
    house, named = quick_house, {"leaker": leaker}
    house.start(Monitor, MonitorSettings(interval=Seconds(2)), workloads=named)
    house.start(Healer)
    house.start(ProcessManager)
    told = house.wait_for(ForecastRaised, timeout_s=60.0)
    assert (told.subject, told.metric, told.direction, told.limit) == ("leaker", "memory", "above", 200e6)
    issue = house.wait_for(IssueRaised, of_leaker)  # a busy machine has issues of its own
    assert (issue.issue_kind, issue.severity) == ("forecast", "warning")
    assert " will be over 200 MB in " in issue.summary
    house.wait_for(ThresholdCrossed, of_leaker, timeout_s=60.0)
    left_s = when(house, ThresholdCrossed) - when(house, ForecastRaised)
    assert left_s >= 60
    assert told.in_s == pytest.approx(left_s, rel=0.3)
    assert house.wait_for(ForecastCleared).because == "crossed"
    became = house.wait_for(IssueRaised, lambda fact: fact.issue_kind == "memory")
    assert became.issue == issue.issue


def test_the_issue_of_a_forecast_ends_with_the_life_it_was_about(quick_house, leaker):
    house = quick_house
    house.start(Monitor, MonitorSettings(interval=Seconds(2)), workloads={"leaker": leaker})
    house.start(Healer)
    house.start(ProcessManager)
    house.wait_for(IssueRaised, lambda fact: fact.issue_kind == "forecast", timeout_s=60.0)
    house.ask(RestartProcess(name="leaker"))
    assert house.wait_for(ForecastCleared).because == "new_life"
    assert house.wait_for(IssueResolved, of_leaker).by == "itself"
    assert [row for row in house.ask(ListIssues()).issues if row.subject == "leaker"] == []
