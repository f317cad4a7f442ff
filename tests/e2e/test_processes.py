"""One node in several processes: each actor runs in one of them, commands find it, and each may die alone."""

import json
import os
import signal

import psutil
import pytest

from bus.client import connect
from bus.errors import BusError
from bus.messages import GetNode, ListIssues, ListProcesses
from tests.e2e.conftest import PATIENCE_S, until

CONFIG = """
node: {name: alpha, state_dir: ./var}
workloads:
  db: {command: [sleep, '600']}
  web: {command: [sleep, '601'], depends_on: [db]}
"""
HANDS = "process_manager,reconciler,nodes"
HEADS = "monitor,healer,goal_planner,optimizer"


def ask(site, command):
    """The reply, or None while nobody answers it."""
    try:
        with connect(site.directory / "var") as client:
            return client.ask(command, 2.0)
    except BusError:
        return None


@pytest.fixture
def both(site):
    """(site, the first process, the second)."""
    site.write(CONFIG)
    first = site.up("-q", "--actors", HANDS)
    until(lambda: ask(site, ListProcesses()), "the first process answers")
    second = site.up("-q", "--actors", HEADS)
    until(lambda: ask(site, ListIssues()), "commands find the second")
    return site, first, second


def test_commands_find_the_actor_and_facts_cross_so_that_a_killed_workload_is_an_issue_that_is_resolved(both):
    site, _, _ = both
    names = {row.name for row in ask(site, GetNode()).actors}
    assert names == {"node", *HANDS.split(",")}
    pid = ask(site, ListProcesses()).processes[0].pid
    for _ in range(2):  # the second one is seen by its facts, by an actor in the other process
        os.kill(pid, signal.SIGKILL)
        until(lambda was=pid: (ask(site, ListProcesses()).processes[0].pid or was) != was, "it is restarted")
        pid = ask(site, ListProcesses()).processes[0].pid
    until(lambda: ask(site, ListIssues(open_only=False)).issues, "the healer, in the other process, raises an issue")
    assert ask(site, ListIssues(open_only=False)).issues[0].subject == "db"


def test_an_actor_that_runs_already_is_refused_in_one_line_and_so_is_a_second_whole_node(both):
    site, first, second = both
    code, out, err = site.call("up", "-q", "--actors", "healer")
    assert (code, out) == (1, "")
    assert f"actor healer of this node runs already in the process {second.pid}; each" in err
    assert err.count("\n") == 1
    code, _, err = site.call("up", "-q")
    assert code == 1
    assert f"runs on {site.directory}/var already (pid {first.pid})" in err
    assert err.count("\n") == 1
    code, _, err = site.call("up", "-q", "--actors", "haeler")
    assert code == 2
    assert 'no actor "haeler" is enabled; did you mean "healer"?' in err
    assert ask(site, ListIssues()) is not None  # nobody was harmed


def test_kill_9_of_one_process_leaves_the_other_running_and_it_resumes_when_started_again(both):
    site, first, second = both
    before = {row.name: row.pid for row in ask(site, ListProcesses()).processes}
    second.kill()
    second.wait()
    until(lambda: ask(site, ListIssues()) is None, "nobody answers for the healer")
    assert first.poll() is None
    os.kill(before["web"], signal.SIGKILL)
    until(lambda: (site.rows()["web"]["pid"] or before["web"]) != before["web"], "workloads are kept alive")
    third = site.up("-q", "--actors", HEADS)
    until(lambda: ask(site, ListIssues()) is not None, "commands find the healer again")
    assert site.rows()["db"]["pid"] == before["db"]
    assert third.poll() is None


def test_kill_9_of_the_first_process_leaves_the_other_running_and_both_find_each_other_again(both):
    site, first, second = both
    before = {row.name: row.pid for row in ask(site, ListProcesses()).processes}
    first.kill()
    first.wait()
    assert all(psutil.pid_exists(pid) for pid in before.values())
    assert second.poll() is None
    site.up("-q", "--actors", HANDS)
    until(lambda: ask(site, ListProcesses()), "the first process answers again")
    until(lambda: ask(site, ListIssues()) is not None, "and finds the second, which never ended")
    assert {row.name: row.pid for row in ask(site, ListProcesses()).processes} == before


def test_stop_ends_every_process_of_the_node_and_its_workloads(both):
    site, first, second = both
    pids = [row.pid for row in ask(site, ListProcesses()).processes]
    code, _, err = site.call("stop")
    assert (code, err) == (0, "")
    assert (first.wait(PATIENCE_S), second.wait(PATIENCE_S)) == (0, 0)
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert not list((site.directory / "var" / "run").rglob("*.sock"))
    assert not list((site.directory / "var" / "run").rglob("endpoints.json"))


def test_a_process_that_is_asked_to_end_ends_alone(both):
    site, first, second = both
    second.send_signal(signal.SIGTERM)
    assert second.wait(PATIENCE_S) == 0
    assert first.poll() is None
    assert {row["state"] for row in site.rows().values()} == {"ready"}


def test_a_reload_reaches_every_process(both):
    site, _, _ = both
    site.write(CONFIG.replace("web:", "shop:"))
    assert site.call("reload")[0] == 0
    until(lambda: "shop" in levels(site), "the monitor, in the other process, knows the new workload")
    until(lambda: "web" not in levels(site), "and forgets the old one")


def states(site):
    table = ask(site, ListProcesses())
    return [row.state for row in table.processes] if table else []


def levels(site):
    _, out, _ = site.call("health", "--json")
    return {row["subject"] for row in json.loads(out)["workloads"]} if out else set()


def test_a_drained_node_has_nothing_running_starts_nothing_and_stays_so_over_a_restart(site):
    site.write(CONFIG)
    node = site.up("-q")
    until(lambda: states(site) == ["ready"] * 2, "both run")
    pids = [row.pid for row in ask(site, ListProcesses()).processes]
    code, out, err = site.call("drain", "--why", "new disk")
    assert (code, out, err) == (0, "all 2 are down\n", "")
    assert not any(psutil.pid_exists(pid) for pid in pids)
    code, _, err = site.call("start", "web")
    assert code == 1
    assert "web is not started: the node is drained" in err
    assert "DRAINED" in site.call("status")[1]
    assert json.loads(site.call("nodes", "--json")[1])["nodes"][0]["draining"]
    node.kill()
    node.wait()
    site.up("-q")
    until(lambda: ask(site, ListProcesses()) is not None, "it answers again")
    assert site.call("reconcile")[1].startswith("2 compared, 0 differ")  # it is so on purpose
    table = ask(site, ListProcesses())
    assert table.draining
    assert [row.state for row in table.processes] == ["stopped"] * 2
    code, out, _ = site.call("undrain")
    assert (code, out) == (0, "undrained; workloads to start: 2\n")
    until(lambda: states(site) == ["ready"] * 2, "both run again")
    code, _, err = site.call("undrain")
    assert code == 1
    assert "the node is not drained" in err
