"""Where a Subscriber's facts come from, over real sockets: publishers come and go, and none is read twice."""

import time

import msgspec
import pytest
import zmq

from bus import feeds
from bus.carrier import Peer
from bus.codec import HEADER, VERSION, decode_batch, encode_batch
from bus.envelope import RawEnvelope
from bus.errors import BusError
from bus.feeds import PlainFeed, WholeFeed
from bus.heartbeat import Address, Heartbeat, encode_heartbeat
from bus.message import Stream
from bus.sockets import open_door
from bus.zeromq import Listen
from tests.bus.conftest import wait_until
from tests.bus.vocabulary import Moved, Settled

TOPIC = b"evt.test.moved.alpha.web"


class Tool:
    """What reads a feed: it may let events wait."""

    def __init__(self):
        self.ids: list[str] = []
        self.waiting = 0

    def deliver(self, message, skip):
        _, header, body = message
        self.ids += [raw.id for raw in decode_batch(header, body)[skip:]]
        self.waiting += header.count - skip

    def read(self, feed, until):
        """As a Subscriber does it, which takes what waits."""

        def step():
            feed.tick()
            feed.wait(0.01)
            self.waiting = 0
            return until()

        wait_until(step)


@pytest.fixture
def tool():
    return Tool()


@pytest.fixture
def whole(tool):
    made = []

    def make_one(since="now", keys=None):
        made.append(WholeFeed(keys, tool.deliver, lambda: tool.waiting, since))
        return made[-1]

    yield make_one
    for feed in made:
        feed.close()


@pytest.fixture
def plain(tool):
    feed = PlainFeed(None, tool.deliver, [b"evt."])
    yield feed
    feed.close()


class Mouth:
    """A publisher that says what it is told to."""

    def __init__(self, address):
        self.context = zmq.Context()
        self.socket = open_door(self.context, "facts")
        self.socket.bind(address)
        self.number = 0

    def heard_by(self, readers, prefix):
        frames: list[bytes] = []

        def subscribed():
            if self.socket.poll(0):
                frames.append(self.socket.recv())
            return frames.count(b"\x01" + prefix) >= readers

        wait_until(subscribed)

    def say(self, *frames):
        self.socket.send_multipart(frames)

    def fact(self):
        self.number += 1
        raw = RawEnvelope(id=f"alpha.1/{self.number}", source="alpha/x", type="test.moved.v1", time=0.0, subject="web")
        self.say(TOPIC, *encode_batch(Stream.FACTS, 1, self.number, [raw]))

    def beat(self, **what):
        last = {int(stream): (1, self.number if stream is Stream.FACTS else 0) for stream in Stream}
        self.say(*encode_heartbeat(Heartbeat(node="alpha", epoch=1, last=last, **what)))

    def close(self):
        self.socket.close(linger=0)
        self.context.term()


@pytest.fixture
def mouth(run_dir):
    one = Mouth(f"ipc://{run_dir}/facts.sock")
    yield one
    one.close()


@pytest.fixture
def other(run_dir):
    one = Mouth(f"ipc://{run_dir}/other")
    yield one
    one.close()


def listen_in(run_dir, name):
    where = run_dir / name
    where.mkdir(mode=0o700)
    return Listen([f"ipc://{where}/facts.sock"], [f"ipc://{where}/commands.sock"])


def peer_of(bus):
    return Peer("", bus._carrier.facts[0])


def publish(bus, begin, end):
    return [bus.publish(Moved(subject="web", step=step), source="x").id for step in range(begin, end)]


# -- whole streams


def test_a_process_that_another_one_is_connected_to_is_read_too_and_each_once(run_dir, make, tool, whole):
    alpha = make("alpha", listen_in(run_dir, "a"))
    beta = make("beta", listen_in(run_dir, "b"), [Peer("alpha", alpha._carrier.facts[0])])
    feed = whole()
    feed.connect([peer_of(beta)])
    tool.read(feed, lambda: feed.nodes == ["alpha", "beta"])
    feed.connect([peer_of(beta), peer_of(alpha)])  # named now: the one that was found is parted from
    tool.read(feed, lambda: not feed._found and all(reader.beat for reader in feed._readers))
    wanted = publish(alpha, 0, 50) + publish(beta, 0, 50)
    tool.read(feed, lambda: len(set(tool.ids)) >= 100)
    assert sorted(tool.ids) == sorted(wanted)
    assert [one for one in tool.ids if one in wanted[:50]] == wanted[:50]
    assert (feed.lost, feed.losses) == (0, [])
    feed.connect([])
    assert not feed._named


def test_while_too_many_wait_nothing_is_read_and_afterwards_all_of_it(run_dir, make, tool, whole, monkeypatch):
    monkeypatch.setattr(feeds, "QUEUE_MAX", 100)
    alpha = make("alpha", listen_in(run_dir, "a"))
    feed = whole(since="start")
    feed.connect([peer_of(alpha)])
    tool.read(feed, lambda: feed.nodes)
    wanted = publish(alpha, 0, 5_000)

    def fill():
        feed.tick()
        feed.wait(0.01)
        return feed.counters["pauses"]

    wait_until(fill)
    held = len(tool.ids)
    for _ in range(20):  # the tool takes nothing
        feed.tick()
        feed.wait(0.001)
    assert 100 <= len(tool.ids) == held < 5_000
    tool.read(feed, lambda: len(tool.ids) >= 5_000)
    assert tool.ids == wanted
    tool.read(feed, lambda: feed.lag == 0)


def test_what_is_gone_for_good_is_told(mouth, tool, whole, run_dir):
    feed = whole()
    feed.connect([Peer("", f"ipc://{run_dir}/facts.sock")])
    mouth.heard_by(1, b"evt.")
    mouth.beat()
    mouth.fact()
    mouth.number += 3  # lost on their way, and it has no address to ask at
    mouth.fact()
    mouth.beat()
    tool.read(feed, lambda: len(tool.ids) == 2)
    assert tool.ids == ["alpha.1/1", "alpha.1/5"]
    assert [(lost.node, lost.stream, lost.first, lost.last) for lost in feed.losses] == [("alpha", Stream.FACTS, 2, 4)]
    assert (feed.lost, feed.counters["gaps"]) == (3, 1)


def test_odd_addresses_in_a_heartbeat_are_passed_over_and_the_publisher_is_read_on(
    mouth, tool, whole, run_dir, holders
):
    feed = whole(keys=holders.keys("tool"))
    feed.connect([Peer("", f"ipc://{run_dir}/facts.sock")])
    odd = ["", "x", "ipc://", "ipc:///", "ipc://" + "n" * 5_000, "ipc:///nul\0", "tcp://", "tcp://no port", "tcp://1:x"]
    found = [Address(node=f"n{number}", facts=facts) for number, facts in enumerate(odd)]
    found += [Address(node="k", facts=f"tcp://127.0.0.1:{1 + n}", key=key) for n, key in enumerate(("", "s", "é" * 40))]
    found.append(Address(node="r", facts="tcp://127.0.0.1:9", replay="rubbish", key="#" * 40))
    mouth.heard_by(1, b"evt.")
    mouth.beat(peers=tuple(found))
    mouth.fact()
    tool.read(feed, lambda: tool.ids)
    for _ in range(3):
        feed.tick()
    assert feed.nodes == ["alpha"]
    assert [reader.peer.node for reader in feed._found.values()] == []


def test_no_more_processes_are_followed_than_is_bounded(mouth, tool, whole, run_dir, monkeypatch):
    monkeypatch.setattr(feeds, "NODES_MAX", 3)
    feed = whole()
    feed.connect([Peer("", f"ipc://{run_dir}/facts.sock")])
    others = [Mouth(f"ipc://{run_dir}/other-{number}") for number in range(5)]
    mouth.heard_by(1, b"evt.")
    mouth.beat(peers=tuple(Address(node=f"n{each}", facts=f"ipc://{run_dir}/other-{each}") for each in range(5)))
    tool.read(feed, lambda: len(feed._found) == 2)
    for _ in range(3):
        feed.tick()
    assert len(feed._readers) == 3
    for one in others:
        one.close()


def test_an_address_that_cannot_be_is_refused_and_the_others_stay(mouth, tool, whole, run_dir):
    feed = whole()
    good = Peer("", f"ipc://{run_dir}/facts.sock")
    with pytest.raises(BusError, match="tcp needs a key pair"):
        feed.connect([good, Peer("", "tcp://127.0.0.1:1")])
    mouth.heard_by(1, b"evt.")
    mouth.fact()
    mouth.beat()
    tool.read(feed, lambda: tool.ids == ["alpha.1/1"])
    feed.close()
    feed.close()


# -- a plain subscription


def read_plain(feed, tool, count):
    wait_until(lambda: feed.wait(0.01) or len(tool.ids) >= count)


def test_a_plain_feed_gives_what_comes_and_counts_what_does_not_decode(mouth, tool, plain, run_dir):
    plain.connect([Peer("", f"ipc://{run_dir}/facts.sock")])
    mouth.heard_by(1, b"evt.")
    mouth.fact()
    for frames in ([TOPIC], [TOPIC, b"short", b""], [TOPIC, b"x" * 20, b""], [TOPIC, b"a", b"b", b"c", b"d"]):
        mouth.say(*frames)
    mouth.fact()
    read_plain(plain, tool, 2)
    assert tool.ids == ["alpha.1/1", "alpha.1/2"]
    assert plain.counters["malformed"] == 4
    assert (plain.lost, plain.lag, plain.nodes) == (None, None, [])
    plain.tick()


def test_a_plain_feed_that_could_not_connect_to_one_is_not_connected_twice_to_the_others(mouth, tool, plain, run_dir):
    good, bad = Peer("", f"ipc://{run_dir}/facts.sock"), Peer("", "tcp://127.0.0.1:1")
    for _ in range(3):
        with pytest.raises(BusError):
            plain.connect([good, bad])
    plain.connect([good])
    mouth.heard_by(1, b"evt.")
    until_s = time.monotonic() + 0.3  # more connections than one would show by now; it is no proof, the count below is
    while time.monotonic() < until_s:
        plain.wait(0.01)
    for _ in range(5):
        mouth.fact()
    read_plain(plain, tool, 5)
    assert tool.ids == [f"alpha.1/{number}" for number in range(1, 6)]


def test_a_publisher_that_is_no_longer_named_is_read_no_more(mouth, other, tool, plain, run_dir):
    here, there = Peer("", f"ipc://{run_dir}/facts.sock"), Peer("", f"ipc://{run_dir}/other")
    plain.connect([here, there])
    mouth.heard_by(1, b"evt.")
    other.heard_by(1, b"evt.")
    plain.connect([there])
    wait_until(lambda: plain.wait(0.01) or mouth.socket.poll(0))
    assert mouth.socket.recv() == b"\x00evt."
    mouth.fact()
    other.number = 10
    other.fact()
    read_plain(plain, tool, 1)
    assert tool.ids == ["alpha.1/11"]


# -- a bus that reads


def test_a_state_that_came_before_its_subscriber_and_could_not_go_on_yet_is_given_to_it(mouth, make, run_dir):
    there = make("beta", Listen(), [Peer("alpha", f"ipc://{run_dir}/facts.sock")])
    heard: list[int] = []
    there.subscribe([Moved], lambda _: None)
    mouth.heard_by(1, b"evt.")
    envelope = {"id": "alpha.1/1", "source": "alpha/x", "type": "test.settled.v1", "time": 0.0, "subject": "web"}
    body = msgspec.msgpack.encode([{**envelope, "data": {"subject": "web", "step": 7}}])
    mouth.say(b"evt.test.settled.alpha.web", HEADER.pack(VERSION, Stream.STATE, 1, 1, 1), body)
    (peering,) = there._carrier._thread.peers._peerings.values()  # it has said nothing yet, so the fact is held back
    wait_until(lambda: any(line.tracker.held for line in list(peering.reader._lines.values())))
    there.subscribe([Settled], lambda envelope: heard.append(envelope.data.step))
    last = {int(stream): (1, int(stream is Stream.STATE)) for stream in Stream}

    def told():
        mouth.say(*encode_heartbeat(Heartbeat(node="alpha", epoch=1, last=last)))
        return heard

    wait_until(lambda: "evt.test.settled." in there._carrier._thread.peers._prefixes)
    wait_until(told)
    assert heard == [7]
