"""What facts did not bring: the Monitor beside a real ProcessManager, and a node that answers."""

import os
import signal

import msgspec

from actors.process_manager.actor import ProcessManager
from actors.settings import Seconds
from bus.messages import (
    ActorRow,
    GetHealth,
    GetNode,
    HealthChanged,
    MetricsSampled,
    NodeInfo,
    ProcessReady,
    StopAll,
    StopProcess,
)


def sleeper(workload, name="web", **given):
    made = workload(name, **given)
    return msgspec.structs.replace(made, spec=msgspec.structs.replace(made.spec, command=["sleep", "600"]))


def row(house, name):
    report = house.ask(GetHealth())
    return next(one for one in (report.node, *report.workloads) if one.subject == name)


def test_a_monitor_that_heard_nothing_finds_everything_in_the_table(house, workload):
    house.start(ProcessManager, workloads={"web": sleeper(workload), "off": sleeper(workload, "off")})
    try:
        house.wait_for(ProcessReady, lambda fact: fact.subject == "web")
        house.ask(StopProcess(name="off"))
        house.monitor(sleeper(workload), sleeper(workload, "off"), resync_every=Seconds(0.3))
        sample = house.wait_for(MetricsSampled, lambda fact: fact.subject == "web")
        assert sample.values["processes"] == 1
        house.until(lambda: row(house, "off").why and row(house, "off").why[0].startswith("held on purpose"))
        assert row(house, "web").level == "healthy"
    finally:
        house.ask(StopAll())


def test_a_workload_that_is_killed_is_followed_into_its_next_life(house, workload):
    house.monitor(sleeper(workload), resync_every=Seconds(60), interval=Seconds(0.2))
    house.start(ProcessManager)
    try:
        first = house.wait_for(ProcessReady)
        house.wait_for(MetricsSampled, lambda fact: fact.subject == "web")
        os.kill(first.pid, signal.SIGKILL)
        house.wait_for(ProcessReady, lambda fact: fact.incarnation == 2)
        sample = house.wait_for(MetricsSampled, lambda fact: fact.subject == "web" and fact.values["restarts"] == 1)
        assert sample.values["availability"] <= 100.0
        house.wait_for(MetricsSampled, lambda fact: fact.values.get("restarts") == 1 and "memory" in fact.values)
        assert row(house, "web").level == "healthy"
    finally:
        house.ask(StopAll())


def test_an_actor_that_is_given_up_is_found_in_the_nodes_table(house):
    def actor(state):
        return ActorRow(
            name="healer", state=state, handled=0, failures=6, restarts=5, dead_letters=0, dropped=0, conflated=0,
            refused=0, waiting=0, last_error="KeyError: 1",
        )  # fmt: skip

    def info(state):
        return NodeInfo(
            node="alpha", pid=1, mode="live", release="0", uptime_s=1.0, revision="", config="", actors=[actor(state)],
            cpu_percent=0.0, memory_bytes=0,
        )  # fmt: skip

    states = ["given_up"]
    house.bus.serve("node", {GetNode.verb: GetNode}, lambda request: request.answer(info(states[0])))
    house.monitor(resync_every=Seconds(0.1))
    house.wait_for(HealthChanged, lambda fact: (fact.subject, fact.level) == ("alpha", "degraded"))
    assert row(house, "alpha").why == ["actor healer is given up: KeyError: 1"]
    states[0] = "running"
    house.wait_for(HealthChanged, lambda fact: (fact.subject, fact.level) == ("alpha", "healthy"))
