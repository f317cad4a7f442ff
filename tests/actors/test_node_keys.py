"""A whole node that listens on tcp: its keys, its endpoints, and the audit of who was turned away."""

import contextlib
import json
import socket as net
import threading
import time
from typing import Any

import msgspec
import pytest

from actors.node import Node, StartError, load_node
from bus.client import Client
from bus.curve import Keys
from bus.endpoints import read_endpoints
from bus.errors import NotConnected
from bus.keys import KeyStore, make_pair
from bus.messages import GetNode, PeerRejected
from bus.subscriber import Subscriber

PATIENCE_S = 30.0


def wait_until(condition, what):
    until_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until_s, f"waited {PATIENCE_S:g} s for {what}"
        time.sleep(0.01)


def free_ports(count):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(net.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [each.getsockname()[1] for each in sockets]


@pytest.fixture
def house(tmp_path):
    """The config of a node on three ports, its key store, and a function that starts it."""
    facts, commands, replay = (f"tcp://127.0.0.1:{port}" for port in free_ports(3))
    path = tmp_path / "gyrostat.yaml"
    listen = f"{{facts: '{facts}', commands: '{commands}', replay: '{replay}'}}"
    path.write_text(f"node: {{name: alpha, listen: {listen}}}\nworkloads: {{}}\n")
    store = KeyStore(tmp_path / "var" / "keys")
    heard: list[Any] = []
    started: list[tuple[Node, threading.Thread]] = []

    def start():
        settings, roster = load_node(path, {})
        node = Node(settings, roster, load=lambda: load_node(path, {}))
        try:
            node.start(heard.append)
        except StartError:
            node.close()
            raise
        thread = threading.Thread(target=node.serve)
        thread.start()
        started.append((node, thread))
        return node

    yield tmp_path, store, heard, start
    for node, thread in started:
        node.stop(keep_workloads=False, why="test ends")
        thread.join(PATIENCE_S)
        node.close()


def test_without_keys_the_node_does_not_start_and_leaves_nothing_behind(house):
    folder, store, _, start = house
    with pytest.raises(StartError, match=r"^node\.listen and .* no keys in .*; make them with: gyrostat keys new$"):
        start()
    store.new()
    assert start().epoch > 0
    assert (folder / "var" / "run" / "endpoints.json").exists()


def test_an_operator_asks_an_observer_hears_and_a_stranger_is_put_down_in_the_change_log(house):
    folder, store, heard, start = house
    pair, watcher, stranger = make_pair(), make_pair(), make_pair()
    key = store.new().public
    store.allow("laptop", pair.public, "operator")
    store.allow("wall", watcher.public, "observer")
    node = start()
    local = read_endpoints(folder / "var")
    assert local.key == key
    assert [one.partition(":")[0] for one in (*local.facts, *local.commands, *local.replay)] == ["ipc", "tcp"] * 3
    remote = msgspec.structs.replace(
        local, pid=0, facts=local.facts[1:], commands=local.commands[1:], replay=local.replay[1:]
    )
    with Client(remote, keys=Keys(pair)) as client:
        assert client.ask(GetNode(), PATIENCE_S).node == "alpha"
    with Client(remote, keys=Keys(stranger)) as client, pytest.raises(NotConnected, match="does not let our key in"):
        client.ask(GetNode(), 3.0)
    rejected = [one.data for one in list(heard) if isinstance(one.data, PeerRejected)]
    first = rejected[0]  # a further try may be given up half-way, and then has another reason
    assert (first.subject, first.door, first.why) == ("alpha", "commands", "the key is not allowed here")
    assert first.address == "127.0.0.1"
    assert first.key
    log = folder / "var" / "changes.log"
    wait_until(lambda: "node.peer_rejected" in log.read_text(), "the line in the change log")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    audit = [line for line in lines if line["what"] == "node.peer_rejected"]
    assert (audit[0]["address"], audit[0]["key"], audit[0]["why"]) == (
        "127.0.0.1",
        rejected[0].key,
        "the key is not allowed here",
    )
    assert "peer.rejected address=127.0.0.1" in (folder / "var" / "node.log").read_text()
    with Subscriber(remote, ["node"], keys=Keys(watcher)) as events:
        told = PeerRejected(subject="x", address="", key="", door="facts", why="said by the test")
        wait_until(lambda: (node.bus.publish(told, source="test"), events.next(0.1))[1], "the fact to arrive")


def test_a_key_revoked_while_the_node_runs_is_out_within_seconds_and_no_restart(house):
    folder, store, _, start = house
    pair = make_pair()
    store.new()
    store.allow("laptop", pair.public, "operator")
    start()
    local = read_endpoints(folder / "var")
    remote = msgspec.structs.replace(local, pid=0, commands=local.commands[1:])
    with Client(remote, keys=Keys(pair)) as client:
        assert client.ask(GetNode(), PATIENCE_S).node == "alpha"
        store.revoke("laptop")

        def is_out():
            try:
                client.ask(GetNode(), 2.0)
            except NotConnected:
                return True
            return False

        wait_until(is_out, "the revoked key to be out")
    with Client(local) as client:  # over ipc nothing has changed
        assert client.ask(GetNode(), PATIENCE_S).node == "alpha"
