import threading
import time

import pytest

from actors.monitor import reading
from actors.monitor.sampling import Sampler, SamplingFailed
from actors.settings import Seconds, Threshold
from actors.workbench import Call
from bus.errors import Refused
from bus.messages import (
    ActorFailed,
    ActorStarted,
    CrashLoopEntered,
    GetHealth,
    GetSeries,
    HealthChanged,
    MetricsSampled,
    ProbeMeasured,
    ProcessAdopted,
    ProcessExited,
    ProcessStateChanged,
    ProcessStopped,
    SetSamplingInterval,
    ThresholdCleared,
    ThresholdCrossed,
    TrendChanged,
)

GROWER = """
import sys, time
print(1, flush=True)
held = []
while True:
    if len(held) < 30: held.append(bytearray(b"x" * 2_000_000))
    time.sleep(0.05)
"""
BURNER = "print(1, flush=True)\nwhile True: pass"


def crossed(house, name, metric):
    return house.wait_for(ThresholdCrossed, lambda fact: (fact.subject, fact.metric) == (name, metric))


def sampled(house, name, match=lambda values: True):
    return house.wait_for(MetricsSampled, lambda fact: fact.subject == name and match(fact.values))


def level(house, name, wanted, after=0):
    def is_it(fact):
        return (fact.subject, fact.level) == (name, wanted)

    house.until(lambda: any(is_it(fact) for fact in house.events(HealthChanged)[after:]))


def health(house, name):
    report = house.ask(GetHealth())
    rows = [report.whole, report.node, report.host, *report.workloads]
    return next(row for row in rows if row.subject == name)


def test_a_growing_process_crosses_its_limit_and_clears_when_it_is_replaced(house, processes, workload):
    grown = Threshold(above=40e6, for_=Seconds(0.4))
    house.monitor(workload("web", thresholds={"memory": grown}))
    grower = processes.python(GROWER)
    house.up("web", grower.pid)
    told = crossed(house, "web", "memory")
    assert told.value > told.limit == 40e6
    assert told.held_s >= 0.4
    level(house, "web", "degraded")
    (why,) = health(house, "web").why
    assert why.startswith("memory ")
    assert " MB above 40 MB for " in why
    processes.end(grower)
    seen = len(house.events(HealthChanged))
    house.up("web", processes.sleep().pid, incarnation=2)
    cleared = house.wait_for(ThresholdCleared)
    assert (cleared.metric, cleared.because) == ("memory", "reading")
    assert cleared.value < 36e6
    level(house, "web", "healthy", after=seen)
    assert len(house.events(ThresholdCrossed)) == 1


def test_a_crossing_is_told_right_after_its_sample(house, processes, workload):
    house.monitor(workload("web", thresholds={"threads": Threshold(above=0)}))
    house.up("web", processes.sleep().pid)
    crossed(house, "web", "threads")
    facts = [one.data for one in house.envelopes() if one.source == "alpha/monitor"]
    first = next(at for at, one in enumerate(facts) if one.subject == "web" and isinstance(one, MetricsSampled))
    assert isinstance(facts[first + 1], ThresholdCrossed)


def test_a_burner_reads_about_a_core_and_a_short_hold_is_looked_at_quickly(house, processes, workload):
    limit = Threshold(above=15, for_=Seconds(1))
    house.monitor(workload("burn", thresholds={"cpu": limit}), workload("calm"), interval=Seconds(60))
    house.up("burn", processes.python(BURNER).pid)
    house.up("calm", processes.sleep().pid)
    told = crossed(house, "burn", "cpu")
    assert 15 < told.value < 110
    assert told.held_s >= 1.0
    burning = [fact for fact in house.events(MetricsSampled) if fact.subject == "burn"]
    calm = [fact for fact in house.events(MetricsSampled) if fact.subject == "calm"]
    assert len(burning) > len(calm)
    assert burning[-1].interval_s == 0.5


def test_a_started_workload_is_read_soon_however_long_the_interval_is(house, processes, workload):
    house.monitor(workload("web"), interval=Seconds(60), sample_after_start=Seconds(0.2))
    sampled(house, "host")
    house.up("web", processes.sleep().pid)
    values = sampled(house, "web").values
    assert {"memory", "cpu", "threads", "processes", "zombies", "fds", "uptime", "restarts"} <= values.keys()
    house.wait_for(MetricsSampled, lambda fact: fact.scope == "host" and "cpu" in fact.values)


def test_the_node_tells_its_own_cost(house):
    house.monitor()
    own = house.wait_for(MetricsSampled, lambda fact: fact.scope == "node" and "cpu" in fact.values)
    assert own.subject == "alpha"
    assert own.values["memory"] > 1e6
    assert own.values["cycle_s"] > 0
    assert own.values["ignored_readings"] == 0
    assert own.values["bus_lag"] == 0
    assert own.interval_s == 0.5
    series = house.ask(GetSeries(subject="alpha", metric="cycle_s"))
    assert len(series.values) >= 1
    assert abs(series.times[-1] - time.time()) < 30


def test_a_vanished_process_is_left_out_and_the_others_are_read_on(house, processes, workload):
    house.monitor(workload("web"), workload("other"))
    web, other = processes.sleep(), processes.sleep()
    house.up("web", web.pid)
    house.up("other", other.pid)
    sampled(house, "web")
    sampled(house, "other")
    processes.end(web)

    def points(name):
        return len(house.ask(GetSeries(subject=name, metric="memory")).values)

    gone, of_web = points("other"), points("web")
    house.until(lambda: points("other") >= gone + 3)
    assert points("web") <= of_web + 1, "at most the reading that was under way"
    assert not house.events(ActorFailed)


def test_a_held_threshold_survives_a_new_behaviour_and_is_told_once(house, processes, workload):
    house.monitor(workload("web", thresholds={"threads": Threshold(above=0)}))
    process = processes.sleep()
    house.up("web", process.pid)
    crossed(house, "web", "threads")
    level(house, "web", "degraded")
    house.ask(SetSamplingInterval(interval_s=0.25))
    shell = house.shells["monitor"]
    shell._inbox.put_call(_failing(shell))
    house.wait_for(ActorStarted, lambda fact: fact.restarts == 1)
    house.up("web", process.pid)
    seen = len(house.events(MetricsSampled))
    house.until(lambda: any("threads" in one.values for one in house.events(MetricsSampled)[seen:]))
    report = house.ask(GetHealth())
    assert report.sampling_interval_s == 0.25
    assert report.workloads[0].level == "degraded"
    assert len(house.events(ThresholdCrossed)) == 1
    assert [fact.level for fact in house.events(HealthChanged) if fact.subject == "web"] == ["degraded"]


def _failing(shell):
    def fail():
        raise RuntimeError("planted")

    return Call(fail, (), None, shell._bench.life)


def test_the_interval_is_changed_within_its_bounds_and_refused_outside(house):
    house.monitor()
    changed = house.ask(SetSamplingInterval(interval_s=0.2, why="test"))
    assert (changed.interval_s, changed.before_s) == (0.2, 0.5)
    house.wait_for(MetricsSampled, lambda fact: fact.scope == "node" and fact.interval_s == 0.2)
    for wrong in (0.05, 61.0, float("nan"), -1.0):
        with pytest.raises(Refused, match="allowed: 100ms to 1m"):
            house.ask(SetSamplingInterval(interval_s=wrong))
    assert house.ask(GetHealth()).sampling_interval_s == 0.2


def test_a_changed_config_wins_over_an_interval_that_was_asked_for(house):
    house.monitor()
    house.ask(SetSamplingInterval(interval_s=0.2))
    settings = house.shells["monitor"].settings
    house.reload({}, monitor=settings)
    assert house.ask(GetHealth()).sampling_interval_s == 0.2
    house.reload({}, monitor=type(settings)(interval=Seconds(0.7)))
    house.until(lambda: house.ask(GetHealth()).sampling_interval_s == 0.7)


def probe(house, *, ok, name="web", latency_s=0.25):
    house.publish(ProbeMeasured(subject=name, probe="work", ok=ok, latency_s=latency_s, detail="" if ok else "refused"))


def test_probes_give_latency_and_availability_and_a_failing_one_makes_it_unhealthy(house, processes, workload):
    house.monitor(workload("web"))
    house.up("web", processes.sleep().pid)
    sampled(house, "web")
    for ok in (True, True, True, False):
        probe(house, ok=ok, latency_s=0.25 if ok else 2.0)
    level(house, "web", "unhealthy")
    values = sampled(house, "web", lambda values: "latency" in values).values
    assert values["latency"] == pytest.approx(0.25)
    assert "error_rate" not in values
    values = sampled(house, "web", lambda values: values.get("availability", 100.0) < 100.0).values
    assert values["availability"] == pytest.approx(75.0, abs=0.5)
    assert health(house, "web").why == ["work probe fails: refused"]


def test_one_that_is_wanted_and_down_loses_availability_until_it_is_below_its_limit(house, processes, workload):
    limit = Threshold(below=90, severity="critical")
    house.monitor(workload("web", thresholds={"availability": limit}))
    process = processes.sleep()
    house.up("web", process.pid)
    sampled(house, "web", lambda values: "availability" in values)
    processes.end(process)
    house.publish(
        ProcessExited(
            subject="web", pid=process.pid, incarnation=1, exit_code=None, signal="KILL", uptime_s=1.0, asked=False,
            expected=False,
        )
    )  # fmt: skip
    told = crossed(house, "web", "availability")
    assert (told.direction, told.limit) == ("below", 90.0)
    assert told.value < 90.0
    level(house, "web", "unhealthy")


def test_the_levels_follow_the_life_of_a_critical_workload(house, processes, workload):
    house.monitor(workload("db", critical=True), workload("web", depends_on={"db": "ready"}))
    house.up("db", processes.sleep().pid)
    house.up("web", processes.sleep().pid)
    house.until(lambda: health(house, "web").why == [])
    house.publish(CrashLoopEntered(subject="db", starts=6, window_s=60.0, exit_code=1, signal=None))
    level(house, "whole", "critical")
    assert health(house, "db").level == "failing"
    assert health(house, "db").why[0].endswith(": 6 starts in 60 s")
    assert health(house, "web").why == ["needs db, which is in a crash loop"]
    house.publish(ProcessStopped(subject="db", reason="asked", took_s=0.1, killed=False))
    level(house, "db", "healthy")
    house.until(lambda: "on purpose" in health(house, "db").why[0])


def test_an_adopted_process_is_read(house, processes, workload):
    house.monitor(workload("web"))
    house.publish(ProcessAdopted(subject="web", pid=processes.sleep().pid, incarnation=7, age_s=100.0))
    house.publish(ProcessStateChanged(subject="web", state="ready", before="running", pid=None, why=""))
    assert sampled(house, "web").values["processes"] == 1


def test_a_given_up_actor_degrades_the_node_until_it_starts(house):
    house.monitor()
    house.publish(
        ActorFailed(subject="healer", error="KeyError: 1", while_handling="x", failures=6, given_up=True, retry_s=5.0)
    )
    level(house, "alpha", "degraded")
    assert health(house, "alpha").why == ["actor healer is given up: KeyError: 1"]
    house.publish(ActorStarted(subject="healer", restarts=6))
    level(house, "alpha", "healthy")
    level(house, "whole", "healthy")


def test_reload_puts_new_limits_in_force_and_takes_workloads_away(house, processes, workload):
    house.monitor(workload("web", thresholds={"threads": Threshold(above=0)}), workload("old"))
    house.up("web", processes.sleep().pid)
    house.up("old", processes.sleep().pid)
    crossed(house, "web", "threads")
    house.reload({"web": workload("web", thresholds={"processes_": Threshold(above=1)}), "new": workload("new")})
    cleared = house.wait_for(ThresholdCleared)
    assert (cleared.metric, cleared.because) == ("threads", "limit_removed")
    assert [row.subject for row in house.ask(GetHealth()).workloads] == ["web", "new"]
    with pytest.raises(Refused, match="nothing called 'old' is measured"):
        house.ask(GetSeries(subject="old", metric="memory"))
    house.reload({"web": workload("web", thresholds={"fds": Threshold(above=0)})})
    crossed(house, "web", "fds")


def test_a_series_is_refused_with_what_there_is(house, processes, workload):
    house.monitor(workload("web"), workload("down"))
    house.up("web", processes.sleep().pid)
    sampled(house, "web")
    series = house.ask(GetSeries(subject="web", metric="memory"))
    assert len(series.times) == len(series.values) >= 1
    assert series.trend is None
    assert house.ask(GetSeries(subject="web", metric="memory", since_s=-60.0)).times == []
    with pytest.raises(Refused, match=r"web has no series 'error_rate'; there are: .*memory"):
        house.ask(GetSeries(subject="web", metric="error_rate"))
    with pytest.raises(Refused, match="nothing was measured yet"):
        house.ask(GetSeries(subject="down", metric="memory"))


def test_a_leak_becomes_a_degrading_trend(house, processes, workload):
    house.monitor(
        workload("web"),
        interval=Seconds(0.1),
        trend_window=Seconds(3),
        trend_every=Seconds(0.2),
        history_step=Seconds(0.1),
    )
    house.up("web", processes.python(GROWER).pid)
    changed = house.wait_for(TrendChanged, lambda fact: (fact.subject, fact.metric) == ("web", "memory"))
    assert (changed.trend, changed.before) == ("degrading", "stable")
    assert changed.slope_per_s > 1e6


def test_a_refused_reading_is_told_as_a_trouble_and_tried_again(house, monkeypatch):
    real = Sampler.sample
    refused: list[int] = []

    def sample(self, targets, *, everything):
        if len(refused) < 3:
            refused.append(1)
            raise SamplingFailed("OSError: too many open files")
        return real(self, targets, everything=everything)

    monkeypatch.setattr(Sampler, "sample", sample)
    house.monitor()
    level(house, "alpha", "degraded")
    level(house, "alpha", "healthy")
    sampled(house, "host")
    assert not house.events(ActorFailed)


def test_a_fault_of_our_own_in_a_reading_is_not_hidden(house, monkeypatch):
    def sample(self, targets, *, everything):
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(Sampler, "sample", sample)
    house.monitor()
    assert house.wait_for(ActorFailed).error == "ZeroDivisionError: planted"


def test_a_reading_that_does_not_end_is_told_and_no_second_one_is_begun(house, monkeypatch, until):
    go_on, begun, real = threading.Event(), [], Sampler.sample

    def sample(self, targets, *, everything):
        begun.append(1)
        assert go_on.wait(60)
        return real(self, targets, everything=everything)

    monkeypatch.setattr(Sampler, "sample", sample)
    monkeypatch.setattr(reading, "STUCK_S", 0.3)
    house.monitor(interval=Seconds(0.1), resync_every=Seconds(0.2))
    try:
        level(house, "alpha", "degraded")
        assert health(house, "alpha").why[0].startswith("a reading has not ended for ")
        house.ask(SetSamplingInterval(interval_s=0.2))
        seen = len(house.events(HealthChanged))
        house.publish(ActorFailed(subject="x", error="", while_handling="", failures=6, given_up=True))
        house.until(lambda: len(health(house, "alpha").why) == 2)
        assert len(begun) == 1
        assert len(house.events(HealthChanged)) == seen
        house.publish(ActorStarted(subject="x", restarts=1))
    finally:
        go_on.set()
    level(house, "alpha", "healthy")


def test_what_was_read_of_a_process_that_was_replaced_meanwhile_is_dropped(house, processes, workload, monkeypatch):
    go_on, read, real = threading.Event(), threading.Event(), Sampler.sample

    def sample(self, targets, *, everything):
        found = real(self, targets, everything=everything)
        if "web" in found.trees and not read.is_set():
            read.set()
            assert go_on.wait(60)
        return found

    monkeypatch.setattr(Sampler, "sample", sample)
    house.monitor(workload("web"))
    parent = processes.python(
        "import subprocess; p = subprocess.Popen(['sleep', '600']); print(1, flush=True); p.wait()"
    )
    house.up("web", parent.pid)
    try:
        assert read.wait(20)
        house.up("web", processes.sleep().pid, incarnation=2)
        house.until(lambda: house.shells["monitor"]._behaviour._board.members["web"].life.incarnation == 2)
    finally:
        go_on.set()
    assert sampled(house, "web").values["processes"] == 1


def test_the_end_of_a_hold_is_not_left_to_a_long_interval(house):
    house.monitor(interval=Seconds(60), thresholds={"memory": Threshold(above=1, for_=Seconds(1.5))})
    told = crossed(house, "host", "memory")
    assert told.held_s >= 1.5
    level(house, "host", "degraded")
    assert health(house, "host").why[0].startswith("memory ")
