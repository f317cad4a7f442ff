"""Three hosts in network namespaces, over tcp with keys: a cut cable, a host that stands still, one that is killed."""

import json
import os
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

from bus.messages import ListIssues, StopProcess
from tests.e2e.conftest import until
from tests.e2e.hosts import Network, NoNamespaces, wait

pytestmark = pytest.mark.needs("ip", root=True)
PARTITION_S = float(os.environ.get("GYROSTAT_PARTITION_S", "8"))


@pytest.fixture
def network(tmp_path_factory):
    try:
        made = Network(tmp_path_factory.mktemp("h"))
    except NoNamespaces as refused:
        pytest.skip(f"NOT RUN (needs network namespaces: {refused})")
    try:
        made.configure()
        for host in made.hosts:
            host.up()
        wait(lambda: fresh(made, time.monotonic() - 1.0), "three nodes that know each other")
        yield made
    finally:
        spaces = list(made.spaces)
        made.clean()
    assert [name for name in spaces if Path("/run/netns", name).exists()] == []


def fresh(network, since_s):
    """Whether every node has every other one here, with a status that came in after since_s."""
    for host in network.hosts:
        table = host.nodes()
        now_s = time.monotonic()
        if set(table) != {one.name for one in network.hosts}:
            return False
        for row in table.values():
            if row.state != "here" or row.status_s is None or now_s - row.status_s < since_s:
                return False
    return True


def states(host):
    return {name: row.state for name, row in host.nodes().items()}


def test_a_cut_cable_is_noticed_on_both_sides_and_after_its_mending_all_is_fresh(network, record_property):
    a, b, c = network.hosts
    before = c.workload()
    cut_s = time.monotonic()
    c.link("down")
    wait(lambda: states(a).get(c.name) == states(b).get(c.name) == "gone", "the others miss it")
    wait(lambda: states(c) == {a.name: "gone", b.name: "gone", c.name: "here"}, "it misses the others")
    assert states(a)[b.name] == states(b)[a.name] == "here"
    assert a.nodes()[c.name].status.workloads[0].name == "work"  # what it told last is still known
    time.sleep(max(0.0, PARTITION_S - (time.monotonic() - cut_s)))  # proves nothing; it is how long the cut lasts
    after = c.workload()
    assert (after.pid, after.state, after.restarts) == (before.pid, "ready", 0)
    c.link("up")
    mended_s = time.monotonic()
    took_s = wait(lambda: fresh(network, mended_s), "all fresh again")
    record_property("partition_s", PARTITION_S)
    record_property("fresh_after_s", round(took_s, 2))
    sys.stdout.write(f"partition of {PARTITION_S:g} s: all fresh {took_s:.2f} s after the cable was mended\n")
    assert [row.state for row in a.nodes().values()] == ["here"] * 3


def test_a_host_that_stands_still_is_gone_and_comes_back_as_the_same(network):
    a, b, c = network.hosts
    b.signal(signal.SIGSTOP)
    wait(lambda: states(a).get(b.name) == states(c).get(b.name) == "gone", "the others miss it")
    assert states(a)[c.name] == "here"
    b.signal(signal.SIGCONT)
    going_s = time.monotonic()
    wait(lambda: fresh(network, going_s), "all fresh again")
    told = [line for line in (a.state_dir / "node.log").read_text().splitlines() if f"peer={b.name}" in line]
    assert [line.split()[4] for line in told] == ["node.seen", "node.gone", "node.returned"]
    assert "node.gone" not in (b.state_dir / "node.log").read_text()  # whoever stood still itself accuses nobody


def test_a_node_that_is_killed_is_gone_its_workload_goes_on_and_the_next_start_adopts_it(network):
    a, b, c = network.hosts
    before = b.workload()
    b.signal(signal.SIGKILL)
    b.node.wait()
    wait(lambda: states(a).get(b.name) == states(c).get(b.name) == "gone", "the others miss it")
    assert psutil.pid_exists(before.pid)
    b.up()
    started_s = time.monotonic()
    wait(lambda: fresh(network, started_s), "all fresh again")
    after = b.workload()
    assert (after.pid, after.adopted) == (before.pid, True)


def test_a_node_that_is_stopped_has_left_and_nobody_takes_up_its_workload(network):
    a, b, c = network.hosts
    pids = {host.name: host.workload().pid for host in (a, c)}
    b.node.terminate()
    assert b.node.wait(30) == 0
    wait(lambda: states(a).get(b.name) == states(c).get(b.name) == "left", "the others know that it left")
    assert {host.name: host.workload().pid for host in (a, c)} == pids


def test_what_happens_to_a_workload_of_one_node_is_an_issue_there_and_nowhere_else(network):
    a, b, c = network.hosts
    pids = {host.name: host.workload().pid for host in (a, c)}
    os.kill(b.workload().pid, signal.SIGKILL)  # a process of this test: b started it in its namespace
    wait(lambda: b.workload().restarts == 1 and b.workload().state == "ready", "b restarts it")
    wait(lambda: b.ask(ListIssues(open_only=False)).issues, "b raises an issue")
    wait(lambda: a.nodes()[b.name].status.workloads[0].restarts == 1, "a knows of it")
    for host in (a, c):
        assert host.ask(ListIssues(open_only=False)).issues == []
        row = host.workload()
        assert (row.pid, row.restarts, row.state) == (pids[host.name], 0, "ready")
    a.ask(StopProcess(name="work"))  # all three have a workload of that name: the command concerns one
    assert a.workload().state == "held"
    assert c.workload().pid == pids[c.name]


def test_events_of_all_hosts_are_heard_at_one_of_them_and_its_own_come_once(network):
    names = {host.name for host in network.hosts}

    def read_statuses(lines):
        """Read until every node has told how it is; the other events."""
        others: list[str] = []
        told: set[str] = set()
        while told != names:
            event = json.loads(lines.readline())
            node = event["source"].partition("/")[0]
            if event["type"] == "node.status.v1":
                told.add(node)
            else:
                others.append(node)
        return others

    with network.hosts[0].events("process.exited", "node.status") as lines:
        assert read_statuses(lines) == []
        for host in network.hosts:
            host.ask(StopProcess(name="work"))
        assert sorted(read_statuses(lines) + read_statuses(lines)) == sorted(names)
    assert "peer.rejected" not in (network.hosts[0].state_dir / "node.log").read_text()


def test_a_command_for_another_node_is_carried_out_there_and_only_there(network):
    a, b, c = network.hosts
    pids = {host.name: host.workload().pid for host in network.hosts}
    assert a.call("restart", "work", "--node", b.name)[0] == 0
    until(lambda: b.workload().pid not in (None, pids[b.name]), "b restarts its own")
    assert (a.workload().pid, c.workload().pid) == (pids[a.name], pids[c.name])
    assert a.call("drain", "--node", b.name)[:2] == (0, "all 1 are down\n")
    assert b.workload().state == "stopped"
    until(lambda: c.nodes()[b.name].draining, "the third one sees it")
    code, out, _ = a.call("status", "--node", b.name)
    assert (code, out.startswith(f"node {b.name} | ")) == (0, True)
    code, _, err = a.call("drain", "--node", "nobody")
    assert code == 2
    assert f'no peer "nobody" that takes commands in node.peers; there are: {b.name}, {c.name}' in err
    assert a.call("stop", "--node", b.name)[0] == 2
    assert b.node is not None
    assert b.node.poll() is None
