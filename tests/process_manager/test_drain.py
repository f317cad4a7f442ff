"""A drain stops all in order, starts none, lies in the store, and its end starts what it stopped."""

import pytest

from actors.process_manager.actor import ProcessManager
from actors.process_manager.store import Store
from actors.settings import RestartPolicy, Seconds, StopPolicy
from bus.errors import Refused
from bus.messages import (
    DrainNode,
    ListProcesses,
    NodeDraining,
    NodeUndrained,
    ProcessStarted,
    ProcessStopped,
    StartProcess,
    StopProcess,
    UndrainNode,
)


def test_what_is_drained_lies_in_the_store(tmp_path):
    store = Store(tmp_path)
    assert store.drained() is None
    store.drain(["web"])
    store.drain(["web", "db"])
    store.close()
    store = Store(tmp_path)
    assert store.drained() == ["web", "db"]
    store.undrain()
    assert store.drained() is None
    store.close()


def rows(house):
    return {row.name: row for row in house.ask(ListProcesses()).processes}


def states(house):
    return {name: row.state for name, row in rows(house).items()}


@pytest.fixture
def pair(keep, workload):
    """A house whose `leaf` depends on its `base`; `spare` is not started with the node."""
    house = keep(
        workload("base", ["sleep", "600"]),
        workload("leaf", ["sleep", "601"], depends_on={"base": "ready"}),
        workload("spare", ["sleep", "602"], autostart=False),
    )
    house.until(lambda: states(house) == {"base": "ready", "leaf": "ready", "spare": "stopped"})
    return house


def test_a_drain_stops_dependants_first_and_is_answered_when_all_are_down(pair, alive):
    assert pair.ask(DrainNode(why="new disk")).detail == "all 3 are down"
    assert alive() == []
    assert [fact.subject for fact in pair.events(ProcessStopped)] == ["leaf", "base"]
    assert [fact.why for fact in pair.events(NodeDraining)] == ["new disk"]
    assert pair.ask(ListProcesses()).draining


def test_nothing_is_started_while_it_is_drained_and_a_second_drain_changes_nothing(pair, alive):
    pair.ask(DrainNode())
    with pytest.raises(Refused, match="base is not started: the node is drained"):
        pair.ask(StartProcess(name="base"))
    pair.ask(DrainNode(why="again"))
    assert len(pair.events(NodeDraining)) == 1
    pair.reload(pair.view.workloads)
    assert states(pair) == dict.fromkeys(("base", "leaf", "spare"), "stopped")
    assert alive() == []


def test_the_end_of_a_drain_starts_what_it_stopped_but_not_what_a_person_holds(pair):
    pair.ask(StartProcess(name="spare"))
    pair.until(lambda: states(pair)["spare"] == "ready")
    pair.ask(StopProcess(name="leaf"))
    pair.ask(DrainNode())
    assert pair.ask(UndrainNode(why="disk is in")).detail == "undrained; workloads to start: 2"
    pair.until(lambda: states(pair) == {"base": "ready", "leaf": "held", "spare": "ready"})
    assert [fact.why for fact in pair.events(NodeUndrained)] == ["disk is in"]
    assert not pair.ask(ListProcesses()).draining
    with pytest.raises(Refused, match="the node is not drained"):
        pair.ask(UndrainNode())


def test_a_drain_holds_over_a_restart_also_for_what_the_next_start_finds_running(pair, houses, alive):
    started = len(pair.events(ProcessStarted))
    assert started == 2
    pair.stop()  # the workloads run on
    store = Store(pair.view.state_dir)
    store.drain(["base", "leaf"])  # as if the node had died right after it was told to drain
    store.close()
    house = houses()
    house.start(ProcessManager, workloads=pair.view.workloads)
    house.until(lambda: alive() == [])
    house.until(lambda: set(states(house).values()) == {"stopped"})
    assert house.events(ProcessStarted) == []
    assert [fact.why for fact in house.events(NodeDraining)] == ["drained before the node started"]
    house.ask(UndrainNode())
    house.until(lambda: states(house) == {"base": "ready", "leaf": "ready", "spare": "stopped"})


def test_an_undrain_while_it_still_stops_starts_all_again_and_refuses_the_drain(keep, workload):
    stubborn = "trap '' TERM; while :; do sleep 0.05; done"
    house = keep(workload("slow", stubborn, stop=StopPolicy(grace=Seconds(1))))
    house.until(lambda: states(house)["slow"] == "ready")
    waiting = house.bus.send(DrainNode(), timeout_s=30.0, source="test")
    house.until(lambda: states(house)["slow"] == "stopping")
    house.ask(UndrainNode(why="changed my mind"))
    with pytest.raises(Refused, match="undrained meanwhile"):
        waiting.result(10.0)
    house.until(lambda: len(house.events(ProcessStarted)) == 2, timeout_s=30.0)
    house.until(lambda: states(house)["slow"] == "ready")


def test_what_was_done_is_not_run_again_by_a_drain_and_its_end(keep, workload):
    house = keep(workload("job", "exit 0", restart=RestartPolicy(policy="never")), workload("web", ["sleep", "600"]))
    house.until(lambda: states(house) == {"job": "exited", "web": "ready"})
    house.ask(DrainNode())
    assert house.ask(UndrainNode()).detail == "undrained; workloads to start: 1"
    house.until(lambda: states(house) == {"job": "exited", "web": "ready"})
    assert [fact.subject for fact in house.events(ProcessStarted)].count("job") == 1
