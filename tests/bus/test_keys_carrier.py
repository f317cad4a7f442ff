"""Whole buses over tcp: who has no key, the wrong one, the wrong role or a revoked one hears and does nothing."""

import contextlib
from typing import Any, ClassVar, Literal

import msgpack
import pytest
import zmq

from bus.client import Client, connect
from bus.codec import decode_batch, decode_header
from bus.curve import use_keys
from bus.endpoints import Endpoints, endpoints_of, write_endpoints
from bus.errors import BusError, DeadlineExceeded, NotConnected, Refused
from bus.keys import make_pair
from bus.message import Command, Done
from bus.subscriber import Subscriber
from bus.zeromq import Listen, Peer
from tests.bus.conftest import PATIENCE_S, add, noting, wait_until
from tests.bus.vocabulary import VERBS, Add, Moved, Rest, Settled, Sum

COUNT = 1_000
ANY = ["tcp://127.0.0.1:*"]


class Adopt(Command, frozen=True, kw_only=True):
    """What only peers ask of each other."""

    target = "adder"
    verb = "adopt"
    needs: ClassVar[Literal["operator", "node"]] = "node"


class Scene:
    """A node that listens on tcp, and an actor on it that notes what it was asked."""

    def __init__(self, holders, make):
        self.holders = holders
        self.make = make
        self.told: list[Any] = []
        self.asked: list[Any] = []
        for name, role in (("beta", "node"), ("laptop", "operator"), ("wall", "observer")):
            holders.store(name, role)
        self.store = holders.store("alpha")
        for name, role in (("laptop", "operator"), ("wall", "observer")):
            self.store.allow(name, holders.key(name), role)
        self.security = holders.security("alpha", rejected=self.told.append)
        self.bus = make("alpha", Listen(ANY, ANY, ANY), security=self.security)
        self.carrier = self.bus._carrier
        self.bus.serve("adder", {**VERBS, "adopt": Adopt}, noting(self.asked, self.answer))
        self.endpoints = Endpoints(
            node="alpha",
            facts=tuple(self.carrier.facts),
            commands=tuple(self.carrier.commands),
            replay=tuple(self.carrier.replay),
            key=self.store.own().public,
        )

    def answer(self, request):
        add(request) if isinstance(request.envelope.data, Add) else request.answer(Done())

    def peer_of(self, name):
        """A bus of another node that hears and asks this one."""
        doors = (self.carrier.facts[0], self.carrier.commands[0])
        peer = Peer("alpha", *doors, replay=self.carrier.replay[0], key=self.endpoints.key)
        return self.make(name, Listen(), [peer], security=self.holders.security(name))

    def publish(self, first, count=COUNT, kind=Moved):
        for step in range(first, first + count):
            self.bus.publish(kind(subject="web", step=step), source="x")

    def client(self, name):
        return Client(self.endpoints, source="test", keys=self.holders.keys(name))

    def in_force(self):
        """Wait until a change of the store is."""
        wait_until(lambda: self.security._stamp == self.store.stamp(), "the keys to be read again")


@pytest.fixture
def scene(holders, make):
    return Scene(holders, make)


class Rogue:
    """Bare sockets that come again and again, with a pair of keys or none."""

    def __init__(self, scene, pair):
        self.context = zmq.Context()
        self.scene = scene
        self.pair = pair
        self.sockets: list[Any] = []

    def come(self, kind, address):
        socket = self.context.socket(kind)
        self.sockets.append(socket)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.SNDHWM, 0)
        if self.pair is not None:
            use_keys(socket, address, self.pair, self.scene.endpoints.key)
        if kind == zmq.SUB:
            socket.subscribe(b"")
        socket.connect(address)
        return socket

    def flood(self, address):
        """Hand COUNT commands to ZeroMQ, coming anew whenever it takes no more because nobody wants them."""
        asker = self.come(zmq.DEALER, address)
        for number in range(COUNT):
            while True:
                try:
                    asker.send(command(number), zmq.NOBLOCK)
                    break
                except zmq.Again:  # turned away already, perhaps before anything was sent
                    asker = self.come(zmq.DEALER, address)
        return asker


@pytest.fixture
def rogue():
    made = []

    def make_one(scene, pair):
        made.append(Rogue(scene, pair))
        return made[-1]

    yield make_one
    for one in made:
        one.context.destroy(linger=0)


def command(number):
    data = {"left": 1, "right": number}
    return msgpack.packb({"id": f"r{number}", "source": "x", "target": "adder", "verb": "add", "data": data})


@pytest.mark.parametrize("who", ["no CURVE", "unknown key", "observer"])
def test_who_may_not_gets_0_of_1000_events_and_has_0_of_1000_commands_done(scene, rogue, who, holders):
    pair = {"no CURVE": None, "unknown key": make_pair(), "observer": holders.store("wall").own()}[who]
    evil = rogue(scene, pair)
    asker = evil.flood(scene.carrier.commands[0])
    listener = evil.come(zmq.SUB, scene.carrier.facts[0]) if who != "observer" else None
    replay = evil.come(zmq.DEALER, scene.carrier.replay[0]) if who != "observer" else None
    wait_until(lambda: scene.told, "the rejection")
    heard: list[int] = []
    good = scene.peer_of("beta")
    good.subscribe([Moved], lambda envelope: heard.append(envelope.data.step))
    wait_until(lambda: "evt." in scene.carrier.subscriptions)
    scene.publish(0)
    wait_until(lambda: len(heard) >= COUNT, "the others to hear all")
    assert heard == list(range(COUNT))
    assert good.ask(Add(left=1, right=1), timeout_s=PATIENCE_S, node="alpha") == Sum(total=2)
    assert [request.envelope.source for request in scene.asked] == ["node:beta/"]
    assert listener is None or not listener.poll(300)
    assert replay is None or not replay.poll(0)
    assert not asker.poll(100)
    assert scene.carrier.counters["malformed"] == 0
    assert {line.door for line in scene.told} <= {"facts", "commands", "replay"}
    assert all(bool(line.key) is (who != "no CURVE") for line in scene.told)


def test_each_role_does_what_it_may_and_is_named_in_the_source(scene):
    with scene.client("laptop") as laptop:
        assert laptop.ask(Add(left=2, right=2), PATIENCE_S) == Sum(total=4)
        with pytest.raises(Refused, match=r"adder\.adopt is for nodes, and laptop is operator"):
            laptop.ask(Adopt(), PATIENCE_S)
    beta = scene.peer_of("beta")
    assert beta.ask(Adopt(), timeout_s=PATIENCE_S, node="alpha") == Done()
    assert [request.envelope.source for request in scene.asked] == ["operator:laptop/test", "node:beta/"]
    with (
        scene.client("wall") as wall,
        pytest.raises(NotConnected, match=r"does not answer at .*, or does not let our key"),
    ):
        wall.ask(Rest(), 3.0)
    assert len(scene.asked) == 2
    assert "wall is observer, which may not use commands" in {line.why for line in scene.told}


def test_a_claimed_source_does_not_hide_who_asks(scene):
    with Client(scene.endpoints, source="node:beta", keys=scene.holders.keys("laptop")) as client:
        client.ask(Rest(), PATIENCE_S)
    assert scene.asked[0].envelope.source == "operator:laptop/node:beta"


def test_over_ipc_no_keys_are_needed_and_nothing_is_said_of_roles(scene, run_dir, make):
    here = make(
        "gamma",
        Listen([f"ipc://{run_dir}/facts.sock"], [f"ipc://{run_dir}/commands.sock", *ANY]),
        security=scene.holders.security("gamma"),
    )
    asked: list[Any] = []
    here.serve("adder", {**VERBS, "adopt": Adopt}, noting(asked, scene.answer))
    with Client(Endpoints(node="gamma", commands=(here._carrier.commands[0],)), source="test") as client:
        assert client.ask(Adopt(), PATIENCE_S) == Done()
    assert asked[0].envelope.source == "test"


def test_a_revoked_observer_hears_nothing_more_and_the_others_lose_nothing(scene, rogue, holders):
    evil = rogue(scene, holders.store("wall").own())
    sockets = [evil.come(zmq.SUB, scene.carrier.facts[0])]
    heard: dict[str, list[int]] = {"beta": [], "laptop": []}
    for name, steps in heard.items():
        scene.peer_of(name).subscribe([Moved], lambda envelope, steps=steps: steps.append(envelope.data.step))
    # A first fact shows that all three are there.
    wait_until(lambda: (scene.publish(-1, 1), all(heard.values()) and sockets[0].poll(20))[1])
    scene.store.revoke("wall")
    scene.in_force()
    with contextlib.suppress(zmq.Again):
        while True:
            sockets[0].recv(zmq.NOBLOCK)
    sockets += [evil.come(zmq.SUB, scene.carrier.facts[0]) for _ in range(3)]
    scene.publish(0)
    wait_until(lambda: all(steps[-1] == COUNT - 1 for steps in heard.values()), "the others to hear all")
    for steps in heard.values():
        assert [step for step in steps if step >= 0] == list(range(COUNT))
    assert not any(facts_in(socket) for socket in sockets)
    assert scene.carrier.counters["faults"] == 0


def facts_in(socket):
    """Facts that wait in a bare socket; heartbeats would count too."""
    found = 0
    while socket.poll(100):
        _, head, body = socket.recv_multipart()
        found += len(decode_batch(decode_header(head), body)) if body else 1
    return found


def ask_again(bus, command, number):
    """What is on its way while a door is opened anew is lost with the connection: asked again by the same id."""
    for _ in range(15):
        with contextlib.suppress(DeadlineExceeded):
            return bus.send(command, timeout_s=2.0, node="alpha", key=number).result(PATIENCE_S)
    raise AssertionError(number)


def test_a_revoked_operator_has_nothing_more_done_and_the_others_go_on(scene, rogue, holders):
    evil = rogue(scene, holders.store("laptop").own())
    asker = evil.come(zmq.DEALER, scene.carrier.commands[0])
    asker.send(command(0))
    wait_until(lambda: scene.asked)
    beta = scene.peer_of("beta")
    assert beta.ask(Add(left=1, right=1), timeout_s=PATIENCE_S, node="alpha") == Sum(total=2)
    scene.store.revoke("laptop")
    scene.in_force()
    done = len(scene.asked)
    for number in range(COUNT):
        with contextlib.suppress(zmq.Again):  # the connection that was open
            asker.send(command(number), zmq.NOBLOCK)
    evil.flood(scene.carrier.commands[0])
    assert ask_again(beta, Add(left=2, right=2), "beta-2") == Sum(total=4)
    wait_until(lambda: any("not allowed" in line.why for line in scene.told))
    assert ask_again(beta, Add(left=3, right=3), "beta-3") == Sum(total=6)
    later = [(request.envelope.source, request.envelope.id) for request in scene.asked[done:]]
    assert later == [("node:beta/", "beta-2"), ("node:beta/", "beta-3")]


def test_a_key_that_is_allowed_while_the_node_runs_comes_in_and_closes_nobody(scene, holders):
    beta = scene.peer_of("beta")
    assert beta.ask(Rest(), timeout_s=PATIENCE_S, node="alpha") == Done()
    holders.store("late", "operator")
    scene.store.allow("late", holders.key("late"), "operator")
    scene.in_force()
    with scene.client("late") as late:
        assert late.ask(Rest(), PATIENCE_S) == Done()
    assert beta.ask(Rest(), timeout_s=PATIENCE_S, node="alpha") == Done()
    assert [request.envelope.source for request in scene.asked] == ["node:beta/", "operator:late/test", "node:beta/"]


def test_a_key_file_that_breaks_closes_all_and_mending_it_opens_again(scene):
    with scene.client("laptop") as laptop:
        assert laptop.ask(Rest(), PATIENCE_S) == Done()
    path = scene.store.directory / "allowed.json"
    good = path.read_bytes()
    path.write_text("{")
    scene.in_force()
    with scene.client("laptop") as laptop, pytest.raises(NotConnected):
        laptop.ask(Rest(), 3.0)
    path.write_bytes(good)
    scene.in_force()
    with scene.client("laptop") as laptop:
        assert laptop.ask(Rest(), PATIENCE_S) == Done()


def test_when_the_handler_dies_in_a_running_node_nobody_comes_in_and_who_is_in_goes_on(scene, rogue, holders):
    beta = scene.peer_of("beta")
    assert beta.ask(Rest(), timeout_s=PATIENCE_S, node="alpha") == Done()
    dead: list[int] = []
    zap = scene.carrier._thread._guard.zap

    def die():
        scene.carrier._thread.wait_no_more(zap.socket)
        zap.close()
        dead.append(1)

    scene.carrier._handover.put_job(die)
    wait_until(lambda: dead)
    for pair in (None, holders.store("laptop").own(), holders.store("beta").own()):
        evil = rogue(scene, pair)
        listener = evil.come(zmq.SUB, scene.carrier.facts[0])
        evil.flood(scene.carrier.commands[0])
        scene.publish(0)
        assert not listener.poll(500)
    assert beta.ask(Rest(), timeout_s=PATIENCE_S, node="alpha") == Done()
    assert [request.envelope.verb for request in scene.asked] == ["rest", "rest"]


def test_a_subscriber_and_a_client_need_a_directory_of_keys_and_a_file_of_endpoints(scene, run_dir, holders):
    (run_dir / "there").mkdir(mode=0o700)
    where = write_endpoints(run_dir / "there", scene.endpoints)
    with connect(where, keys=holders.store("laptop").directory) as client:
        assert client.ask(Add(left=1, right=2), PATIENCE_S) == Sum(total=3)
    with Subscriber(where, ["test"], keys=holders.store("wall").directory) as events:
        wait_until(lambda: (scene.publish(7, 1), events.next(0.1))[1])
    for make in (connect, Subscriber):
        with pytest.raises(BusError, match="tcp needs keys"):
            make(where)
        with pytest.raises(BusError, match=r"no keys in .*; make them with: gyrostat keys new"):
            make(where, keys=run_dir / "none")


def test_the_key_one_was_given_counts_more_than_the_one_in_the_file(scene, holders):
    holders.store("impostor")
    keys = holders.keys("laptop", server="impostor")
    with Client(scene.endpoints, keys=keys) as client, pytest.raises(NotConnected):
        client.ask(Rest(), 3.0)
    assert not scene.asked


def test_state_comes_back_to_a_peer_whose_connection_was_closed_for_anothers_sake(scene):
    heard: list[int] = []
    beta = scene.peer_of("beta")
    beta.subscribe([Settled], lambda envelope: heard.append(envelope.data.step))
    wait_until(lambda: "evt." in scene.carrier.subscriptions)
    scene.publish(0, 100, Settled)
    wait_until(lambda: heard and heard[-1] == 99)
    scene.store.revoke("wall")
    scene.in_force()
    scene.publish(100, 100, Settled)
    wait_until(lambda: heard[-1] == 199, "the last value after the door was opened anew")
    assert heard == sorted(set(heard))


def test_endpoints_say_the_addresses_and_the_key(run_dir, holders):
    made = endpoints_of(run_dir, node="alpha", epoch=1)
    both = made.also(facts="tcp://10.0.0.1:1", replay="tcp://10.0.0.1:3", key=holders.key("alpha"))
    assert both.facts == (f"ipc://{run_dir}/facts.sock", "tcp://10.0.0.1:1")
    assert both.commands == made.commands
    assert (both.replay[1:], both.key) == (("tcp://10.0.0.1:3",), holders.key("alpha"))
