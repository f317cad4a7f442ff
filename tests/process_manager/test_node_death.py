"""kill -9 of a node at any instant neither loses nor doubles a workload."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from actors.process_manager.processes import process_table
from actors.process_manager.tokens import TOKEN
from bus.messages import ListProcesses, ProcessAdopted, ProcessExited

ROOT = Path(__file__).resolve().parents[2]
RESTLESS = "[ -e calm ] && exec sleep 1000; sleep 0.005; exit 1"
"""Ends again and again, until it is calm."""


@pytest.fixture
def host(tmp_path, mark):
    started: list[subprocess.Popen[str]] = []

    def start(script, *point):
        argv = [sys.executable, str(Path(__file__).with_name("host.py")), str(tmp_path / "state"), f"n{mark}"]
        process = subprocess.Popen(
            [*argv, str(tmp_path), script, *point],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout
        process.stdout.close()


@pytest.fixture
def tokens(alive):
    """Pids of all that carry a token, by it."""

    def find():
        found: dict[str, list[int]] = {}
        for pid in alive():
            token = process_table().environ(pid).get(TOKEN)
            if token:
                found.setdefault(token, []).append(pid)
        return found

    return find


def row(house):
    return house.ask(ListProcesses()).processes[0]


@pytest.fixture
def next_node(keep, workload, tokens):
    """Starts the next node, waits until one process carries a token and is the one that is listed; gives both."""

    def start(script):
        house = keep(workload("web", script))
        house.until(lambda: row(house).state == "ready" and [*tokens().values()] == [[row(house).pid]])
        assert house.shells["process_manager"].failures == 0
        return house, row(house).pid

    return start


def test_a_process_keeps_its_pid_over_nodes_killed_at_random(host, tokens, next_node):
    node = host("exec sleep 1000")
    node.stdout.readline()
    (pids,) = tokens().values()
    for _ in range(3):
        node.send_signal(signal.SIGKILL)
        node.wait()
        node = host("exec sleep 1000")
        node.stdout.readline()
        assert [*tokens().values()] == [pids]
    node.kill()
    node.wait()
    house, pid = next_node("exec sleep 1000")
    assert [pid] == pids
    assert house.events(ProcessExited) == []


@pytest.mark.parametrize("round_", range(15))
def test_a_node_killed_at_a_random_instant_of_restarts_leaves_exactly_one(host, next_node, tmp_path, round_):
    node = host(RESTLESS)
    node.stdout.readline()
    time.sleep(random.Random(round_).uniform(0, 0.05))
    (tmp_path / "calm").touch()
    node.kill()
    node.wait()
    next_node(RESTLESS)


@pytest.mark.parametrize(
    "point", ["before the fork", "in the middle of a spawn", "between fork and pid row", "after the pid row"]
)
@pytest.mark.parametrize("again", range(2))
def test_a_node_killed_around_a_spawn_leaves_exactly_one(host, next_node, point, again):
    script = "[ $GYROSTAT_INCARNATION = 1 ] && exit 1; exec sleep 1000"
    node = host(script, point)
    assert node.wait(30) == -signal.SIGKILL
    house, pid = next_node(script)
    adopted = [one.pid for one in house.events(ProcessAdopted)]
    if point == "before the fork":
        assert adopted == []
    elif point != "in the middle of a spawn":
        assert adopted == [pid]


def test_a_node_killed_while_it_starts_many_leaves_exactly_one_of_each(host, keep, workload, tokens):
    node = host("exec sleep 1000", "among many")
    node.wait()
    assert len(tokens()) == 5
    house = keep(*(workload(f"w{number}", "exec sleep 1000") for number in range(10)))
    rows = house.ask(ListProcesses()).processes
    house.until(lambda: sorted(tokens().values()) == sorted([row.pid] for row in rows))
    assert len(house.events(ProcessAdopted)) == 5
    assert house.events(ProcessExited) == []
