"""The composition root: lock, endpoints, reload, and the way down."""

import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from actors.node import Node, StartError, load_node, next_epoch, take_lock
from bus.client import connect
from bus.endpoints import read_endpoints
from bus.errors import NotConnected
from bus.messages import (
    ConfigRejected,
    ConfigReloaded,
    GetNode,
    ListProcesses,
    NodeStarted,
    NodeStopping,
    ReloadConfig,
    StopNode,
)


class Running:
    """A node of this very process, its main loop in a thread of the test."""

    def __init__(self, folder: Path, text: str) -> None:
        self.path = folder / "gyrostat.yaml"
        self.path.write_text(text)
        self.state_dir = folder / "var"
        self.heard: list[Any] = []
        settings, roster = load_node(self.path, {})
        self.node = Node(settings, roster, load=lambda: load_node(self.path, {}))
        self.code: int | None = None
        try:
            self.node.start(self.heard.append)
        except StartError:
            self.node.close()
            raise
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        self.code = self.node.serve()

    def facts(self, kind: type[Any]) -> list[Any]:
        return [one.data for one in list(self.heard) if isinstance(one.data, kind)]

    def close(self) -> None:
        self.node.stop(keep_workloads=False, why="test ends")
        self._thread.join(40)
        self.node.close()
        assert not self._thread.is_alive()


@pytest.fixture
def running(tmp_path):
    started: list[Running] = []

    def start(text: str) -> Running:
        one = Running(tmp_path, text)
        started.append(one)
        return one

    yield start
    for one in started:
        one.close()


SLEEPER = "node: {name: alpha, state_dir: ./var}\nworkloads:\n  one: {command: [sleep, '600']}\n"


def wait_until(true: Any) -> None:
    end = threading.Event()
    for _ in range(2000):
        if true():
            return
        end.wait(0.01)
    raise AssertionError("not within 20 s")


def test_a_node_answers_at_its_endpoints_and_takes_them_away_when_it_ends(tmp_path, running):
    one = running(SLEEPER)
    assert read_endpoints(one.state_dir).node == "alpha"
    assert (one.state_dir / "run").stat().st_mode & 0o777 == 0o700
    with connect(one.state_dir) as client:
        wait_until(lambda: {row.state for row in client.ask(GetNode()).actors} == {"running"})
        info = client.ask(GetNode())
        assert info.actors[0].name == "node"
        assert len(info.actors) == 11
        assert client.ask(StopNode(why="enough")).detail == "the node is stopping"
    wait_until(lambda: one.code == 0)
    one.node.close()
    with pytest.raises(NotConnected):
        connect(one.state_dir)
    assert one.facts(NodeStopping)[0].why == "enough"


def test_a_second_node_on_the_same_state_directory_is_refused_and_harms_nothing(tmp_path, running):
    one = running(SLEEPER)
    with pytest.raises(StartError, match=f"a node runs on .*var already \\(pid {os.getpid()}\\)"):
        Running(tmp_path, SLEEPER)
    with connect(one.state_dir) as client:
        assert client.ask(GetNode()).node == "alpha"


def test_a_state_directory_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StartError, match=r"cannot write in .*file/var"):
        take_lock(tmp_path / "file" / "var")


def test_every_start_has_a_greater_epoch_though_the_clock_goes_back(tmp_path):
    first = next_epoch(tmp_path, 1000.0)
    assert first == 1_000_000
    assert next_epoch(tmp_path, 500.0) == first + 1
    (tmp_path / "epoch").write_text("rubbish")
    assert next_epoch(tmp_path, 2000.0) == 2_000_000


def test_a_faulty_reload_changes_nothing_and_says_every_fault(running):
    one = running(SLEEPER)
    one.path.write_text("workloads:\n  one: {command: [sleep, '600'], cdw: x}\n  two: {}\n")
    with connect(one.state_dir) as client:
        result = client.ask(ReloadConfig(), timeout_s=20)
        assert len(result.faults) == 2
        assert "gyrostat.yaml:2: workloads.one.cdw: unknown key" in result.faults[0]
        assert [row.name for row in client.ask(ListProcesses()).processes] == ["one"]
    assert len(one.facts(ConfigRejected)) == 1


def test_a_reload_starts_what_is_new_and_leaves_alone_what_is_not_changed(running):
    one = running(SLEEPER)
    with connect(one.state_dir) as client:

        def pids() -> dict[str, int | None]:
            return {row.name: row.pid for row in client.ask(ListProcesses()).processes if row.pid}

        wait_until(lambda: "one" in pids())
        before = pids()["one"]
        one.path.write_text(SLEEPER + "  two: {command: [sleep, '601']}\n")
        result = client.ask(ReloadConfig(), timeout_s=20)
        assert (result.added, result.changed, result.removed) == (["two"], [], [])
        wait_until(lambda: "two" in pids())
        assert pids()["one"] == before
        one.path.write_text("node: {name: alpha, state_dir: ./var}\nworkloads:\n  two: {command: [sleep, '601']}\n")
        assert client.ask(ReloadConfig(), timeout_s=20).removed == ["one"]
        wait_until(lambda: set(pids()) == {"two"})
    assert len(one.facts(ConfigReloaded)) == 2


def test_what_the_system_did_by_itself_is_in_the_change_log(running):
    one = running(SLEEPER)
    one.path.write_text(SLEEPER + "  two: {command: [sleep, '601']}\n")
    with connect(one.state_dir) as client:
        client.ask(ReloadConfig(), timeout_s=20)
    log = one.state_dir / "changes.log"
    wait_until(lambda: "config.reloaded" in log.read_text())
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert lines[0]["what"] == "config.reloaded"
    assert lines[0]["added"] == ["two"]


def test_the_first_fact_names_the_actors(running):
    one = running(SLEEPER)
    (started,) = one.facts(NodeStarted)
    assert started.actors[0] == "node"
    assert started.actors[-1] == "process_manager"
