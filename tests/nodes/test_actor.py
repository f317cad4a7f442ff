"""The actor `nodes` on two real buses over ipc, with the real ProcessManager's and Monitor's questions unanswered."""

import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

from actors.clock import RealClock
from actors.nodes.actor import Nodes
from actors.nodes.settings import NodesSettings
from actors.settings import Seconds
from bus.endpoints import endpoints_of
from bus.hub import Bus
from bus.messages import (
    FACTS,
    GetHealth,
    HealthReport,
    HealthRow,
    ListNodes,
    NodeGone,
    NodeReturned,
    NodeSeen,
    NodeStatus,
    NodeStopping,
    ProcessExited,
)
from bus.zeromq import Listen, Peer, ZeroMQCarrier
from tests.harness import House

QUICK = NodesSettings(look_every=Seconds(0.05), status_every=Seconds(0.2), answer_within=Seconds(0.2))


class Linked(House):
    """A house whose bus has a carrier, in a directory of its own."""

    def __init__(self, root, name, other, epoch=1):
        self.run_dir = root / name
        self.run_dir.mkdir(mode=0o700, exist_ok=True)
        super().__init__(self.run_dir, node=name)
        self.bus.close()
        here = endpoints_of(self.run_dir, node=name, epoch=epoch)
        there = endpoints_of(root / other, node=other, epoch=1)
        peer = Peer(node=other, facts=there.facts[0], commands=there.commands[0], replay=there.replay[0])
        carrier = ZeroMQCarrier(Listen(here.facts, here.commands), [peer], epoch=epoch, node=name)
        self.bus = Bus(name, epoch=epoch, monotonic=self.clock, wall=self.clock.wall, carrier=carrier)
        self.bus.subscribe(FACTS.values(), self._hear, local_only=True)

    def row(self, name):
        return next((row for row in self.ask(ListNodes()).nodes if row.name == name), None)


@pytest.fixture
def root():
    path = Path(tempfile.mkdtemp(prefix="gn"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def make(root):
    made = []

    def start(name, other, epoch=1):
        house = Linked(root, name, other, epoch)
        made.append(house)
        house.start(Nodes, QUICK)
        return house

    yield start
    for house in made:
        house.stop()


def test_two_nodes_see_each_other_and_each_has_the_status_of_the_other(make):
    alpha = make("alpha", "beta")
    assert alpha.row("beta").state == "unheard"
    beta = make("beta", "alpha")
    alpha.wait_for(NodeSeen, lambda fact: fact.subject == "beta")
    beta.wait_for(NodeSeen, lambda fact: fact.subject == "alpha")
    alpha.until(lambda: alpha.row("beta").status is not None)
    row = alpha.row("beta")
    assert (row.state, row.targets, row.own) == ("here", ["nodes"], False)
    assert row.status.missing == ["process_manager", "monitor", "healer"]  # none of them runs there
    assert beta.row("beta").own


def test_a_status_tells_what_the_actors_of_the_node_answer(make):
    whole = HealthRow(subject="beta", scope="whole", level="degraded", since_s=1.0, why=["disk 92 %"])
    report = HealthReport(whole=whole, node=whole, host=whole, workloads=[], sampling_interval_s=5.0)
    alpha, beta = make("alpha", "beta"), make("beta", "alpha")
    beta.bus.serve("monitor", {GetHealth.verb: GetHealth}, lambda request: request.answer(report))
    alpha.until(lambda: getattr(alpha.row("beta").status, "level", "") == "degraded")
    assert alpha.row("beta").status.why == ["disk 92 %"]


def test_a_node_that_falls_silent_is_gone_and_another_start_of_it_returns(make):
    alpha, beta = make("alpha", "beta"), make("beta", "alpha")
    alpha.wait_for(NodeSeen)
    alpha.until(lambda: alpha.row("beta").status is not None)  # it is asked after it was seen
    beta.stop()
    gone = alpha.wait_for(NodeGone)
    assert (gone.subject, gone.said) == ("beta", False)
    assert gone.silent_s > 3.0
    assert alpha.row("beta").status is not None
    make("beta", "alpha", epoch=2)
    back = alpha.wait_for(NodeReturned)
    assert (back.subject, back.restarted) == ("beta", True)


def test_a_node_that_says_it_stops_is_stopping_then_left(make):
    alpha, beta = make("alpha", "beta"), make("beta", "alpha")
    alpha.wait_for(NodeSeen)
    alpha.until(lambda: alpha.row("beta").status is not None)
    beta.publish(NodeStopping(subject="beta", why="SIGTERM", keeps_workloads=False))
    alpha.until(lambda: alpha.row("beta").state == "stopping")
    beta.stop()
    gone = alpha.wait_for(NodeGone)
    assert (gone.said, gone.why) == (True, "SIGTERM")
    assert alpha.row("beta").state == "left"


def test_facts_of_another_node_reach_only_who_listens_everywhere(make):
    alpha, beta = make("alpha", "beta"), make("beta", "alpha")
    alpha.wait_for(NodeSeen)
    everywhere: list[Any] = []
    alpha.bus.subscribe([ProcessExited], everywhere.append)
    exited = ProcessExited(
        subject="web", pid=1, incarnation=1, exit_code=1, signal=None, uptime_s=1.0, asked=False, expected=False
    )
    until_s = time.monotonic() + 20.0
    while not everywhere:  # the subscription takes its way
        assert time.monotonic() < until_s
        beta.publish(exited)
        time.sleep(0.01)
    assert alpha.events(ProcessExited) == []
    alpha.publish(exited)
    assert alpha.events(ProcessExited) == [exited]
    assert {envelope.source for envelope in everywhere} == {"beta/test", "alpha/test"}


def test_without_peers_nothing_is_told_by_itself_and_a_question_is_answered_all_the_same(tmp_path):
    house = House(tmp_path, clock=RealClock())
    try:
        house.start(Nodes, QUICK)
        rows = house.ask(ListNodes()).nodes
        assert [(row.name, row.own, row.state) for row in rows] == [("alpha", True, "here")]
        assert len(house.events(NodeStatus)) == 1  # for the answer
        time.sleep(3 * QUICK.status_every)  # nothing is proven by its length: more of them would only be more telling
        assert len(house.events(NodeStatus)) == 1
    finally:
        house.stop()


def intervals(house):
    behaviour: Any = house.shells["nodes"]._behaviour
    return [ticker.interval_s for ticker in behaviour._tickers]


def test_a_node_alone_looks_as_seldom_as_it_tells_and_one_with_a_peer_as_often_as_it_is_set(tmp_path, make):
    house = House(tmp_path, clock=RealClock())
    try:
        house.start(Nodes, QUICK)
        assert intervals(house) == [QUICK.status_every, QUICK.status_every]
    finally:
        house.stop()
    alpha = make("alpha", "beta")
    alpha.until(lambda: intervals(alpha) == [QUICK.look_every, QUICK.status_every])
