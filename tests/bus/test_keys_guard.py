"""The doors themselves, with bare ZeroMQ sockets of strangers at the other end."""

import contextlib
import json
import logging
import re
import socket as net
import time
from typing import Any

import pytest
import zmq

from bus.access import Caller, Door, Role
from bus.curve import Keys, use_keys
from bus.errors import BusError
from bus.guard import Guard, caller_in
from bus.keys import KeyStore, make_pair
from bus.rejections import TOLD_MAX, Rejection
from bus.security import HANDSHAKE_MS, Security
from tests.bus.conftest import PATIENCE_S, wait_until

COUNT = 1_000
LOCAL = "tcp://127.0.0.1:*"


class House:
    """Two guarded doors and who is known there; pump() does what the I/O thread does."""

    def __init__(self, directory):
        self.store = KeyStore(directory)
        self.public = self.store.new().public
        self.pairs = {name: make_pair() for name in ("wall", "laptop", "beta", "stranger")}
        roles: dict[str, Role] = {"wall": "observer", "laptop": "operator", "beta": "node"}
        for name, role in roles.items():
            self.store.allow(name, self.pairs[name].public, role)
        self.told: list[Rejection] = []
        self.security = Security(self.store, rejected=self.told.append)
        self.context = zmq.Context()
        self.guard = Guard(self.context, self.security, {"facts": [LOCAL], "commands": [LOCAL]})
        doors: tuple[Door, ...] = ("facts", "commands")
        self.doors = {door: self.guard.open(door) for door in doors}
        self.strangers = zmq.Context()
        self.kept = []

    def address(self, door):
        return self.guard.addresses[door][0]

    def pump(self, until=lambda: False, seconds=PATIENCE_S):
        """Serve the handler and the monitors until something is so; whether it is."""
        until_s = time.monotonic() + seconds
        while not until():
            if time.monotonic() > until_s:
                return False
            poller = zmq.Poller()
            readers = dict(self.guard.readers())
            for source in readers:
                poller.register(source, zmq.POLLIN)
            for source, _ in poller.poll(5):
                readers[source]()
        return True

    def open(self, kind):
        socket = self.strangers.socket(kind)
        self.kept.append(socket)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.SNDHWM, 0)
        return socket

    def come(self, kind, door, name=None):
        """A socket of somebody at a door: with the pair of that name, or with no CURVE at all."""
        socket = self.open(kind)
        if name is not None:
            use_keys(socket, self.address(door), self.pairs[name], self.public)
        if kind == zmq.SUB:
            socket.subscribe(b"")
        socket.connect(self.address(door))
        return socket

    def commands(self):
        """What came in at the door of commands: body and who sent it."""
        found = []
        with contextlib.suppress(zmq.Again):
            while True:
                frames = self.doors["commands"].recv_multipart(zmq.NOBLOCK, copy=False)
                found.append((frames[-1].bytes, caller_in(frames[-1])))
        return found

    def await_readers(self, sockets):
        """Until each has heard something: a subscription arrives a little after its connection."""
        for socket in sockets:
            wait_until(lambda socket=socket: (self.doors["facts"].send(b"-"), socket.poll(10))[1])
        self.doors["facts"].send(b"=")
        for socket in sockets:
            wait_until(lambda socket=socket: socket.poll(0) and socket.recv() == b"=")

    def publish(self, readers):
        """COUNT facts, a hundred at a time so that none is beyond a high-water mark; what each reader heard."""
        heard: list[list[int]] = [[] for _ in readers]
        for first in range(0, COUNT, 100):
            for number in range(first, first + 100):
                self.doors["facts"].send(b"%d" % number)
            for steps, reader in zip(heard, readers, strict=True):
                while len(steps) < first + 100 and reader.poll(int(PATIENCE_S * 1000)):
                    steps.append(int(reader.recv()))
        return heard

    def reopen(self):
        closing = self.guard.tick()
        self.doors.update({door: self.guard._sockets[door] for door in closing})
        return closing

    def close(self):
        for door in self.doors:
            self.guard.shut(door)
        self.guard.close()
        self.strangers.destroy(linger=0)
        self.context.destroy(linger=0)


@pytest.fixture
def house(run_dir):
    made = House(run_dir / "keys")
    yield made
    made.close()


def turned_away(house):
    return house.guard.counters["turned_away"]


LEFT = "left without proving a key (no CURVE, or not ours as server)"
STRANGERS = [
    (None, {"no CURVE", "handshake broken (protocol error 0x11000002)", LEFT}),  # as it depends on who sees it first
    ("stranger", {"the key is not allowed here"}),
    ("wall", {"wall is observer, which may not use commands"}),
]


@pytest.mark.parametrize(("name", "why"), STRANGERS)
def test_of_a_thousand_commands_of_one_who_may_not_none_comes_in(house, name, why):
    rogue = house.come(zmq.DEALER, "commands", name)
    for number in range(COUNT):
        rogue.send(b"%d" % number, zmq.NOBLOCK)
    assert house.pump(lambda: house.told)
    house.pump(seconds=0.3)
    assert house.commands() == []
    assert house.told[0].door == "commands"
    # Who leaves before one could look has no address; who proves a key always has one.
    assert house.told[0].address in {"127.0.0.1"} | ({""} if name is None else set())
    assert house.told[0].why in why
    assert bool(house.told[0].key) is (name is not None)
    assert house.guard.counters["let_in"] == 0
    good = house.come(zmq.DEALER, "commands", "laptop")
    good.send(b"good")
    house.pump(lambda: house.doors["commands"].poll(0))
    assert house.commands() == [(b"good", Caller("operator", "laptop"))]


@pytest.mark.parametrize("name", [None, "stranger"])
def test_of_a_thousand_facts_one_who_may_not_hears_none_while_another_hears_all(house, name):
    rogue, good = house.come(zmq.SUB, "facts", name), house.come(zmq.SUB, "facts", "wall")
    assert house.pump(lambda: house.told and house.guard.counters["let_in"] == 1)
    house.await_readers([good])
    assert house.publish([good]) == [list(range(COUNT))]
    assert not rogue.poll(300)


@pytest.mark.parametrize("door", ["facts", "commands"])
def test_when_the_handler_is_dead_nobody_comes_in_not_even_who_may(house, door):
    house.guard.zap.close()
    came = [house.come(zmq.SUB if door == "facts" else zmq.DEALER, door, name) for name in (None, "laptop", "beta")]
    if door == "commands":
        for socket in came:
            for number in range(COUNT):
                socket.send(b"%d" % number, zmq.NOBLOCK)
    watch = house.guard._watches[door]
    dead = {"nobody to ask: the handler is gone", "no handshake in time"}
    wait_until(lambda: watch.read() or dead & {line.why for line in house.told}, "those with keys to be turned away")
    if door == "facts":
        for number in range(COUNT):
            house.doors["facts"].send(b"%d" % number)
        assert not any(socket.poll(100) for socket in came)
        assert not house.doors["facts"].poll(0)
    assert house.commands() == []
    assert house.guard.counters["let_in"] == 0


def test_when_the_handler_hangs_nobody_comes_in_and_the_wait_ends(house):
    asker = house.come(zmq.DEALER, "commands", "laptop")
    asker.send(b"x")
    watch = house.guard._watches["commands"]
    wait_until(lambda: watch.read() or watch.turned_away, "the handshake to be given up")
    assert house.commands() == []
    assert HANDSHAKE_MS <= 5_000
    assert house.pump(lambda: house.doors["commands"].poll(0))  # it asks again, and now there is an answer
    assert [body for body, _ in house.commands()] == [b"x"]


def test_a_handler_that_fails_lets_nobody_in(house, monkeypatch):
    def fail(*_):
        raise ZeroDivisionError

    monkeypatch.setattr("bus.zap.judge", fail)
    rogue = house.come(zmq.DEALER, "commands", "laptop")
    rogue.send(b"x")
    with pytest.raises(ZeroDivisionError):
        house.pump()
    watch = house.guard._watches["commands"]
    wait_until(lambda: watch.read() or watch.turned_away)
    assert house.commands() == []


def test_a_request_that_is_none_is_passed_over(house):
    odd = house.context.socket(zmq.DEALER)
    odd.setsockopt(zmq.LINGER, 0)
    odd.connect("inproc://zeromq.zap.01")
    for frames in ([b""], [b"x"] * 8, [b"", b"1.0"], [b""] * 20):
        odd.send_multipart(frames)
    good = house.come(zmq.DEALER, "commands", "laptop")
    good.send(b"good")
    assert house.pump(lambda: house.doors["commands"].poll(0))
    assert house.commands() == [(b"good", Caller("operator", "laptop"))]
    odd.close(linger=0)


def test_a_revoked_key_is_cut_off_and_the_others_come_back_by_themselves(house):
    sockets = {name: house.come(zmq.SUB, "facts", name) for name in ("wall", "laptop", "beta")}
    asker = house.come(zmq.DEALER, "commands", "laptop")
    asker.send(b"before")
    assert house.pump(lambda: house.guard.counters["let_in"] == 4)
    house.await_readers(sockets.values())
    assert house.pump(lambda: house.doors["commands"].poll(0))
    assert len(house.commands()) == 1
    house.store.revoke("wall")
    assert house.reopen() == {"facts"}  # the door of commands stays as it is: nobody there lost anything
    assert house.pump(lambda: house.guard.counters["let_in"] == 6)
    house.await_readers([sockets["laptop"], sockets["beta"]])
    assert house.publish([sockets["laptop"], sockets["beta"]]) == [list(range(COUNT))] * 2
    assert not sockets["wall"].poll(300)
    asker.send(b"after")
    assert house.pump(lambda: house.doors["commands"].poll(0))
    assert house.commands() == [(b"after", Caller("operator", "laptop"))]


def test_a_revoked_operator_gets_none_of_a_thousand_commands_in(house):
    rogue, other = house.come(zmq.DEALER, "commands", "laptop"), house.come(zmq.DEALER, "commands", "beta")
    for socket in (rogue, other):
        socket.send(b"before")
    assert house.pump(lambda: house.guard.counters["let_in"] == 2)
    wait_until(lambda: house.doors["commands"].poll(0))
    house.commands()
    house.store.revoke("laptop")
    assert house.reopen() == {"facts", "commands"}
    assert house.pump(lambda: house.guard.counters["let_in"] == 3)  # beta is back, with nothing said or done to it
    house.commands()
    again = house.come(zmq.DEALER, "commands", "laptop")
    for number in range(COUNT):
        with contextlib.suppress(zmq.Again):  # ZeroMQ may know already that nobody takes it
            rogue.send(b"rogue %d" % number, zmq.NOBLOCK)
        again.send(b"rogue %d" % number, zmq.NOBLOCK)
        other.send(b"%d" % number, zmq.NOBLOCK)
    found: list[Any] = []

    def all_there():
        found.extend(house.commands())
        return len(found) >= COUNT

    assert house.pump(all_there)
    house.pump(seconds=0.3)
    assert house.commands() == []
    assert {caller for _, caller in found} == {Caller("node", "beta")}
    assert [int(body) for body, _ in found] == list(range(COUNT))


def test_each_rejection_has_one_line_ten_a_minute_and_the_rest_is_counted(house, caplog):
    caplog.set_level(logging.WARNING, "gyrostat.bus")
    for _ in range(25):
        before = turned_away(house)
        came = house.come(zmq.DEALER, "commands", "stranger")
        assert house.pump(lambda before=before: turned_away(house) > before)
        came.close(linger=0)
    lines = [line for line in caplog.messages if line.startswith("peer.rejected")]
    assert len(lines) == len(house.told) == TOLD_MAX
    pattern = r'peer\.rejected address=127\.0\.0\.1 key=[0-9a-f]{12} door=commands why="the key is not .*" untold=0'
    assert all(re.fullmatch(pattern, line) for line in lines)
    assert house.security.rejections.total >= 25


def test_bytes_that_are_no_zeromq_are_turned_away_and_told(house):
    port = int(house.address("facts").rpartition(":")[2])
    with net.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert house.pump(lambda: house.told)
    assert (house.told[0].why, house.told[0].door, house.told[0].key) == ("no ZeroMQ", "facts", "")
    assert house.told[0].address in {"127.0.0.1", ""}  # empty when it was closed before one could look


def test_a_connection_that_says_nothing_is_closed(house):
    port = int(house.address("facts").rpartition(":")[2])
    with net.create_connection(("127.0.0.1", port)) as connection:
        connection.settimeout(PATIENCE_S)
        assert house.pump(lambda: house.told)
        while connection.recv(1024):  # first ZeroMQ's greeting, then the end
            continue
    assert house.told[0].why == "no handshake in time"


def test_a_line_of_the_log_cannot_be_forged_by_what_a_peer_says(house, caplog):
    caplog.set_level(logging.WARNING, "gyrostat.bus")
    house.security.rejected(Rejection(address="10.0.0.1", key="", door="facts", why='x\npeer.rejected "'))
    (line,) = caplog.messages
    assert "\n" not in line
    (why,) = re.findall(r'why=("(?:[^"\\]|\\.)*")', line)
    assert json.loads(why) == 'x\npeer.rejected "'


def test_a_port_that_is_taken_is_one_line_and_nothing_stays_open(house):
    taken = house.address("facts")
    context = zmq.Context()
    guard = Guard(context, house.security, {"facts": [taken]})
    with pytest.raises(BusError, match=f"cannot use {taken}: Address already in use"):
        guard.open("facts")
    guard.close()
    context.term()


def test_a_door_that_cannot_be_opened_at_once_stays_shut_and_is_opened_at_a_later_tick(house, monkeypatch):
    real, left = zmq.Socket.monitor, [2]

    def fail(socket, address, events=0):
        if address is not None and left[0]:  # None ends a monitor
            left[0] -= 1
            raise zmq.ZMQError(zmq.EADDRINUSE)
        return real(socket, address, events)

    monkeypatch.setattr(zmq.Socket, "monitor", fail)
    house.store.revoke("wall")
    assert house.guard.tick() == {"facts"}
    for opened in (False, False, True):
        assert ("facts" in house.guard._sockets) is opened
        assert house.guard.tick() == set()
    house.doors["facts"] = house.guard._sockets["facts"]
    house.come(zmq.SUB, "facts", "beta")
    assert house.pump(lambda: house.guard.counters["let_in"] == 1)


def test_a_door_may_be_opened_anew_many_times(house):
    def opened():
        with contextlib.suppress(BusError):  # the former socket still has the port; tick() tries again as well
            house.doors["facts"] = house.guard.open("facts")
        return "facts" in house.guard._sockets

    for _ in range(100):
        house.guard.shut("facts")
        wait_until(opened, "the door to be open again")
    house.come(zmq.SUB, "facts", "wall")
    assert house.pump(lambda: house.guard.counters["let_in"] == 1)


def test_a_connection_over_tcp_needs_both_keys_and_one_over_ipc_none(house):
    socket = house.open(zmq.SUB)
    pair = house.pairs["wall"]
    with pytest.raises(BusError, match="tcp needs a key pair of our own"):
        use_keys(socket, "tcp://10.0.0.1:5", None, house.public)
    with pytest.raises(BusError, match="tcp needs the public key of the node there"):
        use_keys(socket, "tcp://10.0.0.1:5", pair, "")
    use_keys(socket, "tcp://10.0.0.1:5", pair, house.public)
    assert socket.getsockopt(zmq.MECHANISM) == 2
    use_keys(socket, "ipc:///x", None, "")
    assert socket.getsockopt(zmq.MECHANISM) == 0
    with pytest.raises(BusError, match="this is no key"):
        Keys(pair, "short")


def test_another_node_behind_the_address_gets_nothing_from_us(house):
    """Who knows only where to go, and not the node's key, is not fooled: the client checks the server too."""
    rogue = house.open(zmq.DEALER)
    use_keys(rogue, house.address("commands"), house.pairs["laptop"], make_pair().public)
    rogue.connect(house.address("commands"))
    rogue.send(b"x")
    assert house.pump(lambda: turned_away(house) > 0)
    assert house.commands() == []
