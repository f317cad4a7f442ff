import contextlib
import shutil
import tempfile
import threading
import time
from pathlib import Path

import pytest

from bus.curve import Keys
from bus.endpoints import endpoints_of, write_endpoints
from bus.hub import Bus
from bus.keys import KeyStore
from bus.security import Security
from bus.zeromq import Listen, Peer, ZeroMQCarrier
from tests.bus.vocabulary import VERBS, Add, Sum

PATIENCE_S = 30.0
OPEN = Path("/proc/self/fd")


def wait_until(condition, what="it to come about"):
    """No test asserts how long something takes; this only ends the wait for what never comes."""
    until_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until_s, f"waited {PATIENCE_S:g} s for {what}"
        time.sleep(0.001)


def open_files():
    """Numbers of what this process has open, devices aside; none where the kernel does not tell."""
    found = {}
    for link in OPEN.iterdir() if OPEN.is_dir() else ():
        with contextlib.suppress(OSError):
            found[link.name] = str(link.readlink())
    return {number: target for number, target in found.items() if not target.startswith(("/dev/", "/proc/"))}


def make_bus(node, listen=None, peers=(), epoch=1, security=None):
    carrier = ZeroMQCarrier(listen, peers, epoch=epoch, node=node, security=security) if listen is not None else None
    return Bus(node, epoch=epoch, monotonic=time.monotonic, wall=time.time, carrier=carrier)


def add(request):
    """The handler of the tests' one actor."""
    command = request.envelope.data
    assert isinstance(command, Add)
    request.answer(Sum(total=command.left + command.right))


def noting(seen, then=add):
    """A handler that notes every request before it does something with it."""

    def deliver(request):
        seen.append(request)
        then(request)

    return deliver


class Pair:
    """Two connected buses: here publishes and serves, there subscribes and asks."""

    def __init__(self, here, there, node):
        self.here = here
        self.there = there
        self.node = node

    @property
    def over_tcp(self):
        return self.here is not self.there and self.here._carrier.facts[0].startswith("tcp://")

    def subscribe(self, types, deliver):
        subscription = self.there.subscribe(types, deliver)
        if self.here is not self.there:
            wait_until(lambda: "evt." in self.here._carrier.subscriptions, "the subscription to arrive")
        return subscription

    def serve(self, deliver, target="adder", verbs=VERBS):
        self.here.serve(target, verbs, deliver)

    def ask(self, command, timeout_s=PATIENCE_S):
        return self.there.ask(command, timeout_s=timeout_s, node=self.node)

    def send(self, command, timeout_s=PATIENCE_S, key=""):
        return self.there.send(command, timeout_s=timeout_s, node=self.node, key=key)


@pytest.fixture(autouse=True)
def nothing_is_left():
    before = open_files()
    yield
    assert not [thread for thread in threading.enumerate() if thread.name == "bus-io"]
    wait_until(lambda: len(open_files()) <= len(before), "sockets and files to be closed")


@pytest.fixture
def run_dir():
    """Short, as the kernel wants the path of a socket; pytest's own is not."""
    directory = Path(tempfile.mkdtemp(prefix="gyro-"))
    yield directory
    shutil.rmtree(directory)


class Holders:
    """Key stores by name, each of which lets all the others in: as node unless another role is said."""

    def __init__(self, directory):
        self._directory = directory
        self._stores = {}

    def store(self, name, role="node"):
        if name not in self._stores:
            store = KeyStore(self._directory / name)
            store.new()
            for other, known in self._stores.items():
                known.allow(name, store.own().public, role)
                store.allow(other, known.own().public, "node")
            self._stores[name] = store
        return self._stores[name]

    def security(self, name, role="node", rejected=None):
        return Security(self.store(name, role), rejected=rejected)

    def keys(self, name, role="node", server=""):
        """As a client shows them. server: the holder whose public key it expects; empty for none."""
        return Keys(self.store(name, role).own(), self.store(server).own().public if server else "")

    def key(self, name):
        """The public one."""
        return self.store(name).own().public


@pytest.fixture
def holders(run_dir):
    """Who has keys and lets whom in: what tcp needs, on loopback too."""
    (run_dir / "holders").mkdir(mode=0o700)
    return Holders(run_dir / "holders")


@pytest.fixture
def make():
    """make_bus, whose buses are closed when the test is over, the last one first."""
    made = []

    def make_one(node, listen=None, peers=(), epoch=1, security=None):
        made.append(make_bus(node, listen, peers, epoch, security))
        return made[-1]

    yield make_one
    for bus in reversed(made):
        bus.close()


@pytest.fixture
def node(run_dir, make):
    """A bus that listens in run_dir, with its endpoints.json and an actor that adds."""
    endpoints = endpoints_of(run_dir, node="alpha", epoch=1)
    bus = make("alpha", Listen(endpoints.facts, endpoints.commands))
    write_endpoints(run_dir, endpoints)
    bus.serve("adder", VERBS, add)
    return bus


@pytest.fixture(params=["in-process", "ipc", "tcp"])
def pair(request, run_dir, make, holders):
    if request.param == "in-process":
        bus = make("alpha")
        return Pair(bus, bus, None)
    mine = theirs = None
    key = ""
    if request.param == "ipc":
        listen = Listen([f"ipc://{run_dir}/facts.sock"], [f"ipc://{run_dir}/commands.sock"])
    else:
        listen = Listen(["tcp://127.0.0.1:*"], ["tcp://127.0.0.1:*"], ["tcp://127.0.0.1:*"])
        holders.store("beta")
        mine, theirs, key = holders.security("alpha"), holders.security("beta"), holders.key("alpha")
    here = make("alpha", listen, security=mine)
    peer = Peer("alpha", facts=here._carrier.facts[0], commands=here._carrier.commands[0], key=key)
    return Pair(here, make("beta", Listen(), [peer], security=theirs), "alpha")
