"""Heartbeats and what is asked again, as docs/wire.md has them: in plain ZeroMQ and MessagePack, at a real node."""

import os
import struct
import tempfile
from pathlib import Path

import msgpack
import pytest
import zmq

from bus.zeromq import Listen
from tests.bus.conftest import PATIENCE_S, add, make_bus, wait_until
from tests.bus.vocabulary import VERBS, Moved, Settled

EPOCH = 9


@pytest.fixture
def node():
    with tempfile.TemporaryDirectory(prefix="gyro-") as directory:
        places = [f"ipc://{Path(directory)}/{name}.sock" for name in ("facts", "commands", "replay")]
        bus = make_bus("alpha", Listen(*[[place] for place in places]), epoch=EPOCH)
        bus.serve("adder", VERBS, add)
        yield bus
        bus.close()


@pytest.fixture
def context():
    made = zmq.Context()
    yield made
    made.destroy(linger=0)


def receive(socket):
    assert socket.poll(int(PATIENCE_S * 1000))
    return socket.recv_multipart()


def ask(context, node, request):
    """The messages of the answer, and the map of its end."""
    with context.socket(zmq.DEALER) as socket:
        socket.connect(node._carrier.replay[0])
        socket.send(msgpack.packb(request))
        found = []
        while (frames := receive(socket))[0] != b"end":
            found.append(frames)
    assert frames[1] == b""
    return found, msgpack.unpackb(frames[2])


def steps(messages):
    """The number and step of every fact."""
    return [
        (number, event["data"]["step"])
        for _, header, body in messages
        for number, event in enumerate(msgpack.unpackb(body), struct.unpack("<BBHQQ", header)[4])
    ]


def publish(node, kind, count, subject="web"):
    before = node._carrier.counters["sent"]
    for step in range(1, count + 1):
        node.publish(kind(subject=subject, step=step), source="x")
    wait_until(lambda: node._carrier.counters["sent"] >= before + count, "the facts to be sent")


def test_a_heartbeat_says_who_is_there_and_how_far_each_stream_is(context, node):
    publish(node, Moved, 5)
    with context.socket(zmq.SUB) as socket:
        socket.subscribe(b"hb.")
        socket.connect(node._carrier.facts[0])
        topic, header, body = receive(socket)
    beat = msgpack.unpackb(body, strict_map_key=False)
    assert topic == b"hb.alpha.%x" % EPOCH
    version, _, count, epoch, _ = struct.unpack("<BBHQQ", header)
    assert (version, count, epoch) == (1, 0, EPOCH)
    assert (beat["node"], beat["epoch"], beat["pid"], beat["targets"]) == ("alpha", EPOCH, os.getpid(), ["adder"])
    assert beat["last"][1] == [EPOCH, 5]
    assert beat["first"][1] == 1
    assert beat["replay"] == node._carrier.replay
    assert beat["draining"] is False


def test_a_range_of_facts_is_had_again_as_it_was_sent(context, node):
    publish(node, Moved, 100)
    found, end = ask(context, node, {"kind": "replay", "stream": 1, "epoch": EPOCH, "first": 10, "last": 12})
    assert {(10, 10), (11, 11), (12, 12)} <= {*steps(found)}
    assert {topic for topic, _, _ in found} == {b"evt.test.moved.alpha.web"}
    assert (end["kind"], end["stream"], end["epoch"], end["gone"]) == ("replay", 1, EPOCH, None)


def test_a_long_range_comes_in_pieces(context, node):
    for step in range(1, 1_501):  # each a message of its own, for each has another topic than the one before
        node.publish(Moved(subject=f"w{step % 2}", step=step), source="x")
    wait_until(lambda: node._carrier.counters["sent"] == 1_500, "the facts to be sent")
    numbers, first, pieces = [], 1, 0
    while first:
        request = {"kind": "replay", "stream": 1, "epoch": EPOCH, "first": first, "last": 1_500}
        found, end = ask(context, node, request)
        numbers += [number for number, _ in steps(found)]
        first, pieces = end["next"], pieces + 1
    assert pieces > 1
    assert numbers == [*range(1, 1_501)]


def test_what_was_never_sent_is_said_to_be_gone(context, node):
    publish(node, Moved, 3)
    found, end = ask(context, node, {"kind": "replay", "stream": 1, "epoch": EPOCH - 1, "first": 1, "last": 3})
    assert (found, end["gone"]) == ([], [1, 3])


def test_a_snapshot_is_the_last_value_of_every_state(context, node):
    publish(node, Settled, 3, "web")
    publish(node, Settled, 2, "db")
    found, end = ask(context, node, {"kind": "snapshot", "stream": 0, "epoch": EPOCH})
    values = {event["subject"]: event["data"]["step"] for _, _, body in found for event in msgpack.unpackb(body)}
    assert values == {"web": 3, "db": 2}
    assert (end["at"], end["next"]) == (5, 0)
