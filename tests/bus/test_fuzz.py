"""Two hundred thousand bad messages and ten thousand bad connections: nothing dies, runs or grows; each is counted."""

import contextlib
import gc
import os
import socket as net
import struct
import sys
import time
from pathlib import Path
from typing import Any

import msgpack
import msgspec
import pytest
import zmq

from bus.client import Client
from bus.codec import decode_command
from bus.endpoints import Endpoints
from bus.errors import MalformedFrame
from bus.heartbeat import decode_heartbeat
from bus.replay import END, End, Request, decode_request, encode_request
from bus.zeromq import Listen, Peer
from tests.bus.conftest import PATIENCE_S, noting, wait_until
from tests.bus.garbage import EPOCH, TOPIC, Garbage, command_frame, fact_frames, heartbeat_frames
from tests.bus.vocabulary import VERBS, Add, Moved, Sum

BODIES = 90_000
HEADERS = 30_000
HEARTBEATS = 10_000
COMMANDS = 60_000
REPLAYS = 10_000
ANSWERS = 10_000
CONNECTIONS = 10_000
OPEN_MAX = 50
"""Connections at a time; fewer than the kernel queues for a listener."""
GROWTH_MAX_BYTES = 50 << 20
STATM = Path("/proc/self/statm")
PAGE = os.sysconf("SC_PAGE_SIZE")


class Turns:
    """The longest turn of the I/O thread without its sleep: seconds on the clock, and of its own processor time."""

    def __init__(self, carrier):
        self.longest_s = self.longest_cpu_s = 0.0
        self.count = 0
        self._slept = 0.0
        self._turn = carrier._thread._turn
        self._wait = carrier._thread._polling.wait
        carrier._thread._turn = self.turn
        carrier._thread._polling.wait = self.wait

    def wait(self, rest_ms):
        began_s = time.perf_counter()
        try:
            return self._wait(rest_ms)
        finally:
            self._slept = time.perf_counter() - began_s

    def turn(self):
        self._slept = 0.0
        began_s, began_cpu_s = time.perf_counter(), time.thread_time()
        try:
            self._turn()
        finally:
            self.count += 1
            self.longest_s = max(self.longest_s, time.perf_counter() - began_s - self._slept)
            self.longest_cpu_s = max(self.longest_cpu_s, time.thread_time() - began_cpu_s)


def memory_bytes():
    """Resident; 0 where the kernel does not tell."""
    gc.collect()
    if not STATM.exists():
        return 0
    return int(STATM.read_text("ascii").split()[1]) * PAGE


def tell(capsys, what, garbage, turns, **figures):
    said = ", ".join(f"{name} {value:,}" for name, value in figures.items())
    kinds = ", ".join(f"{name} {count:,}" for name, count in sorted(garbage.kinds.items()))
    longest = f"{turns.longest_s * 1e3:.1f} ms on the clock, {turns.longest_cpu_s * 1e3:.1f} ms of processor"
    with capsys.disabled():
        sys.stdout.write(f"\nfuzz {what}: {said}; longest of {turns.count:,} turns {longest}\n  {kinds}\n")


def unharmed(carrier):
    counters = carrier.counters
    return carrier._thread.is_alive() and counters["faults"] == counters["receiver_failed"] == 0


class Publisher:
    """A peer whose facts are garbage. It waits for its readers, so that ZeroMQ drops nothing that was sent."""

    def __init__(self, context, run_dir, make, replay=""):
        self.socket = context.socket(zmq.XPUB)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.XPUB_NODROP, 1)
        self.socket.setsockopt(zmq.SNDTIMEO, int(PATIENCE_S * 1000))
        self.socket.bind(f"ipc://{run_dir}/rogue.sock")
        self.replay = context.socket(zmq.ROUTER)
        self.replay.setsockopt(zmq.LINGER, 0)
        if replay:
            self.replay.bind(replay)
        self.heard: list[str] = []
        self.bus = make("victim", Listen(), [Peer("rogue", facts=f"ipc://{run_dir}/rogue.sock", replay=replay)])
        self.carrier = self.bus._carrier
        self.turns = Turns(self.carrier)
        self.bus.subscribe([Moved], self._hear)
        told: set[bytes] = set()
        while not {b"\x01hb.", b"\x01evt."} <= told:
            assert self.socket.poll(int(PATIENCE_S * 1000))
            told.add(self.socket.recv())
        self.sent = 0

    def _hear(self, envelope):
        self.heard.append(envelope.data.note)
        del self.heard[:-1]

    def send(self, frames):
        self.socket.send_multipart(frames)

    def send_good_until_one_arrives(self, note, number):
        """As a publisher does: facts with its own numbers, and heartbeats that say how far it is."""
        until_s = time.monotonic() + PATIENCE_S
        while self.heard != [note]:
            assert time.monotonic() < until_s, f"the good fact {note!r}; {self.carrier.counters}"
            number += 1
            self.send(fact_frames(number, note))
            self.send(heartbeat_frames(number))
            self.sent += 1
            time.sleep(0.05)
        return number

    def accounted(self):
        """Messages with facts, by what became of them."""
        counters = self.carrier.counters
        names = ("malformed", "received", "passed", "stale", "duplicates", "discarded")
        found = {name: counters[name] for name in names}
        peering = next(iter(self.carrier._thread.peers._peerings.values()))
        found["held back"] = sum(line.tracker.held for line in peering.reader._lines.values())
        return found


@pytest.fixture
def context():
    made = zmq.Context()
    yield made
    made.destroy(linger=0)


@pytest.fixture
def rogue(context, run_dir, make):
    """Makes a Publisher, which is kept until the test is over."""
    made = []

    def make_one(replay=""):
        made.append(Publisher(context, run_dir, make, replay))
        return made[-1]

    return make_one


def settle(publisher, garbage, what, before, capsys):
    """All is accounted for, nothing grew, and what the threads did is told."""
    wait_until(lambda: sum(publisher.accounted().values()) >= publisher.sent, "all to be accounted for")
    accounted, growth = publisher.accounted(), memory_bytes() - before
    tell(capsys, what, garbage, publisher.turns, sent=publisher.sent, **accounted, growth_KiB=growth >> 10)
    assert sum(accounted.values()) == publisher.sent
    assert growth < GROWTH_MAX_BYTES
    assert unharmed(publisher.carrier)
    return accounted


def test_bad_bodies_are_counted_and_the_next_good_fact_arrives(rogue, capsys):
    publisher, garbage = rogue(), Garbage(1)
    number = publisher.send_good_until_one_arrives("first", 0)
    before = memory_bytes()
    for _ in range(BODIES):
        number += 1
        publisher.send(garbage.body(number))
        publisher.sent += 1
    publisher.send_good_until_one_arrives("afterwards", number)
    accounted = settle(publisher, garbage, "bodies", before, capsys)
    assert accounted["malformed"] >= garbage.kinds["cut"] + garbage.kinds["declared"] + garbage.kinds["deep"]
    assert accounted["duplicates"] == accounted["stale"] == accounted["discarded"] == 0


def test_bad_headers_topics_and_numbers_of_frames_are_counted_and_the_next_good_fact_arrives(rogue, capsys):
    publisher, garbage = rogue(), Garbage(2)
    number = publisher.send_good_until_one_arrives("first", 0)
    before = memory_bytes()
    for _ in range(HEADERS):
        number += 1
        publisher.send(garbage.header(number))
        publisher.sent += 1
    publisher.send_good_until_one_arrives("afterwards", number)
    accounted = settle(publisher, garbage, "headers", before, capsys)
    kinds = garbage.kinds
    assert accounted["malformed"] >= kinds["random"] + kinds["cut"] + kinds["topic"]


def test_bad_heartbeats_are_counted_and_the_peer_is_still_known(rogue, capsys):
    publisher, garbage = rogue(), Garbage(3)
    number = publisher.send_good_until_one_arrives("first", 0)
    counters = publisher.carrier.counters
    before, known = memory_bytes(), (counters["malformed"], counters["heartbeats"])
    bad = 0
    for _ in range(HEARTBEATS):
        frames = garbage.heartbeat(number)
        bad += not is_heartbeat(frames)
        publisher.send(frames)
    publisher.send_good_until_one_arrives("afterwards", number)
    counters = publisher.carrier.counters
    growth = memory_bytes() - before
    tell(capsys, "heartbeats", garbage, publisher.turns, sent=HEARTBEATS, malformed=bad, growth_KiB=growth >> 10)
    # Each comes in twice: with the facts, and by a socket of its own.
    assert counters["malformed"] - known[0] == 2 * bad
    assert counters["heartbeats"] - known[1] >= HEARTBEATS - bad
    assert growth < GROWTH_MAX_BYTES
    assert unharmed(publisher.carrier)
    assert [state.node for state in publisher.bus.peers()] == ["rogue"]


def test_bad_answers_to_what_is_asked_again_are_counted_and_the_next_good_fact_arrives(rogue, run_dir, capsys):
    publisher = rogue(f"ipc://{run_dir}/rogue-replay.sock")
    replay = publisher.replay
    garbage, before = Garbage(7), memory_bytes()
    number = publisher.send_good_until_one_arrives("first", 0)
    while sum(garbage.kinds.values()) < ANSWERS:
        number += 2
        publisher.send(fact_frames(number))  # the one before is missing
        assert replay.poll(int(PATIENCE_S * 1000)), publisher.carrier.counters
        who, asked = replay.recv_multipart()
        request = decode_request(asked)
        assert (request.first, request.last) == (number - 1, number - 1)
        answers = [garbage.answer(number - 1) for _ in range(50)]
        for answer in answers:
            replay.send_multipart([who, *answer])
        publisher.sent += len(answers) + 1
        end = End(kind="replay", stream=request.stream, epoch=request.epoch, gone=(request.first, request.last))
        replay.send_multipart([who, END, b"", msgspec.msgpack.encode(end)])
    publisher.send_good_until_one_arrives("afterwards", number)
    accounted = settle(publisher, garbage, "answers", before, capsys)
    assert accounted["stale"] == accounted["discarded"] == 0


def is_heartbeat(frames):
    try:
        decode_heartbeat(frames[1], frames[2] if len(frames) == 3 else b"")
    except (MalformedFrame, IndexError):
        return False
    return True


class Asker:
    """A DEALER that sends garbage and throws the answers away."""

    def __init__(self, context, address):
        self.socket = context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.SNDTIMEO, int(PATIENCE_S * 1000))
        self.socket.connect(address)
        self.answers = 0

    def send(self, frames):
        self.socket.send_multipart(frames)
        while self.socket.poll(0):
            self.socket.recv_multipart()
            self.answers += 1

    def ask(self, frame, wanted):
        """The answer to a good request, past those to what was half good."""
        self.socket.send(frame)
        while True:
            assert self.socket.poll(int(PATIENCE_S * 1000)), "the good request is answered"
            frames = self.socket.recv_multipart()
            if wanted(frames):
                return frames


@pytest.fixture
def ask_at(context):
    """Makes an Asker, which is kept until the test is over."""
    made = []

    def make_one(address):
        made.append(Asker(context, address))
        return made[-1]

    return make_one


def may_be_carried_out(frames):
    """The id of a garbage command that is, as it happens, a good one; else nothing."""
    try:
        raw = decode_command(frames[-1])
        msgspec.msgpack.decode(raw.data, type=VERBS[raw.verb])
    except (MalformedFrame, KeyError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError, OverflowError):
        return None
    return raw.id if len(frames) == 1 and raw.target == "adder" else None


def test_bad_commands_are_counted_and_none_is_carried_out(ask_at, run_dir, make, capsys):
    bus = make("alpha", Listen(commands=[f"ipc://{run_dir}/commands.sock"]))
    asked: list[Any] = []
    turns, garbage = Turns(bus._carrier), Garbage(4)
    bus.serve("adder", VERBS, noting(asked))
    asker = ask_at(bus._carrier.commands[0])
    before, good = memory_bytes(), set()
    for number in range(COMMANDS):
        frames = garbage.command(number)
        good.add(may_be_carried_out(frames))
        asker.send(frames)
    last = {**msgpack.unpackb(command_frame(0)), "id": "last"}
    frames = asker.ask(msgpack.packb(last), lambda frames: msgpack.unpackb(frames[-1])["id"] == "last")
    assert msgpack.unpackb(frames[0])["data"] == {"total": 2}
    counters, growth = bus._carrier.counters, memory_bytes() - before
    counted = {name: counters[name] for name in ("malformed", "commands")}
    carried_out = [request.envelope.id for request in asked]
    told = {"sent": COMMANDS + 1, **counted, "carried_out": len(carried_out), "growth_KiB": growth >> 10}
    tell(capsys, "commands", garbage, turns, **told)
    assert sum(counted.values()) == COMMANDS + 1
    assert {*carried_out} <= {*good, "last"}
    assert len({*carried_out}) == len(carried_out)
    assert growth < GROWTH_MAX_BYTES
    assert unharmed(bus._carrier)
    assert not Path("/tmp/gyrostat-was-here").exists()


def test_bad_requests_for_replays_are_counted_and_a_good_one_is_answered(ask_at, run_dir, make, capsys):
    bus = make("alpha", Listen(facts=[f"ipc://{run_dir}/facts.sock"]), epoch=EPOCH)
    turns, garbage = Turns(bus._carrier), Garbage(5)
    for step in range(1, 100):
        bus.publish(Moved(subject="web", step=step), source="x")
    asker = ask_at(bus._carrier.replay[0])
    before = memory_bytes()
    for number in range(REPLAYS):
        asker.send(garbage.replay(number))
    good = Request(kind="replay", stream=1, epoch=EPOCH, first=99, last=99)
    asker.ask(encode_request(good), is_step_99)

    def counted():
        return {name: bus._carrier.counters[name] for name in ("malformed", "replay_requests")}

    wait_until(lambda: sum(counted().values()) >= REPLAYS + 1, "all to be counted")
    growth = memory_bytes() - before
    tell(capsys, "replays", garbage, turns, sent=REPLAYS + 1, **counted(), growth_KiB=growth >> 10)
    assert sum(counted().values()) == REPLAYS + 1
    assert growth < GROWTH_MAX_BYTES
    assert unharmed(bus._carrier)


def is_step_99(frames):
    return frames[0] == TOPIC.replace(b"rogue", b"alpha") and b"\xa4stepc" in frames[-1]


def test_ten_thousand_garbage_connections_are_turned_away_and_an_operator_is_let_in(holders, make, capsys):
    holders.store("laptop", "operator")
    store = holders.store("alpha")
    store.allow("laptop", holders.key("laptop"), "operator")
    anywhere = ["tcp://127.0.0.1:*"]
    bus = make("alpha", Listen(anywhere, anywhere, anywhere), security=holders.security("alpha"))
    asked: list[Any] = []
    carrier, garbage = bus._carrier, Garbage(6)
    bus.serve("adder", VERBS, noting(asked))
    turns, before = Turns(carrier), memory_bytes()
    addresses = [carrier.facts[0], carrier.commands[0], carrier.replay[0]]
    ports = [int(address.rpartition(":")[2]) for address in addresses]
    for begin in range(0, CONNECTIONS, OPEN_MAX):
        visitors = [net.create_connection(("127.0.0.1", ports[begin % 3])) for _ in range(OPEN_MAX)]
        for number, visitor in enumerate(visitors):
            with visitor, contextlib.suppress(OSError):  # it may have been thrown out already
                visitor.sendall(garbage.connection())
                if number % 2:  # leaves without a word: a reset
                    visitor.setsockopt(net.SOL_SOCKET, net.SO_LINGER, struct.pack("ii", 1, 0))
        wait_until(lambda came=begin + OPEN_MAX: carrier.counters["turned_away"] >= came, "them to be turned away")
    assert not asked
    endpoints = Endpoints(node="alpha", commands=(carrier.commands[0],), key=store.own().public)
    with Client(endpoints, source="test", keys=holders.keys("laptop")) as client:
        assert client.ask(Add(left=1, right=2), timeout_s=PATIENCE_S) == Sum(total=3)
    counters, growth = carrier.counters, memory_bytes() - before
    counted = {name: counters[name] for name in ("turned_away", "let_in", "malformed")}
    tell(capsys, "connections", garbage, turns, made=CONNECTIONS, **counted, growth_KiB=growth >> 10)
    assert (counted["turned_away"], counted["let_in"], counted["malformed"]) == (CONNECTIONS, 1, 0)
    assert growth < GROWTH_MAX_BYTES
    assert unharmed(carrier)
