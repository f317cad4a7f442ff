"""Our bus as rows of the harness in shared/bench/bus: imported by bus_peers.py, with the harness on the path.

ours_carrier: typed envelopes handed to the carrier, numbered, kept in the ring, batched; read by the bus's own reader,
decoded and validated. ours_durable: the same, committed to the journal first. ours_curve: the same over tcp with keys.
ours_actors: Bus.publish in one process, Bus.subscribe into the inbox of a thread in another.
"""

import contextlib
import queue
import sys
import time
from functools import partial
from pathlib import Path

import adapters
import msgspec
import zmq

from bus.carrier import Peer
from bus.curve import use_keys
from bus.envelope import Envelope
from bus.hub import Bus
from bus.keys import KeyStore
from bus.kit import READER_COUNTERS, Kit, Wishes
from bus.message import Fact, Stream
from bus.polling import Polling
from bus.reader import Reader
from bus.security import Security
from bus.sockets import attach, open_socket
from bus.zeromq import Listen, ZeroMQCarrier

TOPIC = "evt.process.state.node1.web-01"
KEYS = ("alpha", "beta")


class State(Fact, frozen=True, kw_only=True):
    """As many bytes as the harness's own event, envelope and all."""

    kind = "process.state"
    pid: int
    state: str
    cpu: float
    rss: int
    sent_ns: int = 0


class Kept(State, frozen=True, kw_only=True):
    stream = Stream.DURABLE


class Time:
    """Stands where the harness has a codec: an event is an envelope, or a number already."""

    name = "ours"

    @staticmethod
    def time(event):
        return event.data.sent_ns or int(event.time * 1e9)


class Idle:
    """A receiver for a process that only publishes."""

    targets = ()

    def __getattr__(self, _name):
        return lambda *_: False


class Ours(adapters.Adapter):
    codec_name = "raw"
    batched = True
    kind = State
    warm = 1.5

    def setup(self):
        self.codec = Time()
        self.keys = {}
        self.place = Path(self.tmp)
        self.address = f"ipc://{self.place}/facts.sock"
        self.replay = f"ipc://{self.place}/replay.sock"

    def security(self, _who):
        return None

    def carrier(self):
        listen = Listen([self.address], replay=[self.replay])
        journal = self.place / "facts.db" if self.kind is Kept else None
        return ZeroMQCarrier(listen, epoch=1, node="node1", journal=journal, security=self.security("alpha"))

    def pub(self):
        sys.setswitchinterval(0.0005)
        return CarrierPublisher(self)

    def sub(self):
        return Reading(self)


class CarrierPublisher:
    def __init__(self, adapter):
        self.carrier = adapter.carrier()
        self.carrier.start(Idle())
        self._send = self.carrier.send
        self.kind = adapter.kind
        self.type = adapter.kind.type_name()
        self.stream = adapter.kind.stream
        # One for all, as the harness's own typed rows do; what differs is the envelope.
        self.data = self.kind(subject="web-01", pid=31337, state="running", cpu=12.5, rss=123456789)

    def send(self, i, t):
        self._send(
            TOPIC,
            self.stream,
            Envelope(
                id=f"node1.1/{i}",
                source="node1/process_manager",
                type=self.type,
                time=t / 1e9,
                subject="web-01",
                correlationid="",
                causationid="",
                data=self.data,
            ),
        )

    def flush(self):
        pass

    def close(self):
        self.carrier.close()


class Reading:
    """What the I/O thread of a carrier does, in the main thread."""

    def __init__(self, adapter):
        context = zmq.Context()
        self.found = []
        self.polling = Polling()
        security = adapter.security("beta")
        self.counters = dict.fromkeys(READER_COUNTERS, 0)

        def connect(socket, address, peer):
            use_keys(socket, address, security.own if security else None, peer.key)
            attach(socket.connect, socket, address)

        kit = Kit(partial(open_socket, context), connect, self.polling, time.monotonic, self.counters)
        decode = msgspec.msgpack.Decoder(list[Envelope[adapter.kind]]).decode

        def deliver(message, skip):
            self.found += decode(message[2])[skip:] if skip else decode(message[2])

        wishes = Wishes(lambda _: True, deliver, lambda _: None, lambda: False)
        peer = Peer("node1", adapter.address, replay=adapter.replay, key=adapter.keys.get("alpha", ""))
        self.reader = Reader(peer, kit, wishes)
        self.reader.want_facts()
        self.tick_s = 0.0

    def recv(self):
        while not self.found:
            for read in self.polling.wait(500):
                read()
            if time.monotonic() > self.tick_s:
                self.reader.tick()
                self.tick_s = time.monotonic() + 0.5
        found, self.found[:] = self.found[:], []
        return found


class OursCarrier(Ours):
    name = "ours_carrier"


class OursDurable(Ours):
    name = "ours_durable"
    kind = Kept


class OursCurve(Ours):
    name = "ours_curve"

    def setup(self):
        super().setup()
        self.address, self.replay = (f"tcp://127.0.0.1:{adapters.free_port()}" for _ in range(2))
        self.stores = {who: KeyStore(self.place / who) for who in KEYS}
        for store in self.stores.values():
            store.new()
        self.keys = {who: store.own().public for who, store in self.stores.items()}
        self.stores["alpha"].allow("beta", self.keys["beta"], "node")

    def security(self, who):
        return Security(self.stores[who])


class OursActors(Ours):
    name = "ours_actors"

    def pub(self):
        sys.setswitchinterval(0.0005)
        return BusPublisher(self)

    def sub(self):
        sys.setswitchinterval(0.0005)
        return Inbox(self)


class BusPublisher:
    def __init__(self, adapter):
        self.bus = Bus("node1", epoch=1, monotonic=time.monotonic, wall=time.time, carrier=adapter.carrier())
        self.publish = self.bus.publish

    def send(self, _i, t):
        self.publish(
            State(subject="web-01", pid=31337, state="running", cpu=12.5, rss=123456789, sent_ns=t),
            source="process_manager",
        )

    def flush(self):
        pass

    def close(self):
        self.bus.close()


class Inbox:
    """An actor's side: a SimpleQueue that the bus puts into and a thread takes from."""

    def __init__(self, adapter):
        carrier = ZeroMQCarrier(Listen(), [Peer("node1", adapter.address, replay=adapter.replay)], epoch=1, node="beta")
        self.bus = Bus("beta", epoch=1, monotonic=time.monotonic, wall=time.time, carrier=carrier)
        self.inbox = queue.SimpleQueue()
        self.bus.subscribe([State], self.inbox.put)

    def recv(self):
        first = self.inbox.get()
        found = [first]
        get = self.inbox.get_nowait
        with contextlib.suppress(queue.Empty):
            found += [get() for _ in range(self.inbox.qsize())]
        return found


for each in (OursCarrier, OursDurable, OursCurve, OursActors):
    adapters.ALL[each.name] = each
