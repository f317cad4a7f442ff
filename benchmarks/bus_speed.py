"""Raw pyzmq against our bus, process to process over ipc, in one run: python benchmarks/bus_speed.py [seconds]

Both publish events of the same size and count none that was lost: the publisher stays at most WINDOW events ahead of
the reader. raw: one PUB frame per event, neither encoded nor decoded. ours: a typed fact through Bus and ZeroMQCarrier,
numbered, batched, decoded and validated on the other side. Machines differ and are shared: read the ratio.
"""

import multiprocessing
import statistics
import struct
import sys
import tempfile
import time
from pathlib import Path

import zmq

from bus.codec import encode_batch
from bus.hub import Bus
from bus.message import Stream
from bus.messages import ProbeMeasured
from bus.zeromq import Listen, Peer, ZeroMQCarrier

WINDOW = 20_000
RATE_PER_S = 1_000
SIZE_BYTES = 188
WARM_UP = 300
SWITCH_INTERVAL_S = 0.0005  # as the node sets it


def fact(sent_s):
    return ProbeMeasured(subject="web", probe="liveness", ok=True, latency_s=sent_s)


class RawPublisher:
    def __init__(self, address):
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.PUB)
        self.socket.sndhwm = 0
        self.socket.bind(address)

    def send(self, sent_s):
        self.socket.send(struct.pack("<d", sent_s).ljust(SIZE_BYTES))

    def close(self):
        self.context.destroy(linger=0)


class OurPublisher:
    def __init__(self, address):
        carrier = ZeroMQCarrier(Listen(facts=[address]), epoch=1, node="alpha")
        self.bus = Bus("alpha", epoch=1, monotonic=time.monotonic, wall=time.time, carrier=carrier)

    def send(self, sent_s):
        self.bus.publish(fact(sent_s), source="bench")

    def close(self):
        self.bus.close()


def read_raw(address, take):
    socket = zmq.Context.instance().socket(zmq.SUB)
    socket.rcvhwm = 0
    socket.subscribe(b"")
    socket.connect(address)
    while True:
        take(struct.unpack_from("<d", socket.recv())[0])


def read_ours(address, take):
    carrier = ZeroMQCarrier(Listen(), [Peer("alpha", facts=address)], epoch=1, node="beta")
    bus = Bus("beta", epoch=1, monotonic=time.monotonic, wall=time.time, carrier=carrier)
    bus.subscribe([ProbeMeasured], lambda envelope: take(envelope.data.latency_s))
    while True:
        time.sleep(60)


SYSTEMS = {"raw pyzmq": (RawPublisher, read_raw), "our bus": (OurPublisher, read_ours)}


def read(name, address, received, latencies):
    """The reading process: counts, and keeps how long each event took, in seconds, as long as there is room."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    count = 0

    def take(sent_s):
        nonlocal count
        latencies[count % len(latencies)] = time.monotonic() - sent_s
        count += 1
        received.value = count

    SYSTEMS[name][1](address, take)


def measure(name, seconds):
    """(events per second, p50 and p99 in microseconds at 1,000/s)."""
    spawn = multiprocessing.get_context("spawn")
    received, latencies = spawn.RawValue("q", 0), spawn.RawArray("d", int(RATE_PER_S * seconds) + WARM_UP)
    with tempfile.TemporaryDirectory() as directory:
        address = f"ipc://{Path(directory)}/facts.sock"
        publisher = SYSTEMS[name][0](address)
        reader = spawn.Process(target=read, args=(name, address, received, latencies), daemon=True)
        reader.start()
        while not received.value:  # until the subscription has arrived
            publisher.send(time.monotonic())
            time.sleep(0.01)
        time.sleep(0.5)
        lowest = received.value
        sent, began_s = 0, time.monotonic()
        while time.monotonic() < began_s + seconds:
            for _ in range(100):
                publisher.send(0.0)
            sent += 100
            while sent - (received.value - lowest) > WINDOW:
                time.sleep(0.0002)
        while received.value - lowest < sent:
            time.sleep(0.0002)
        rate = sent / (time.monotonic() - began_s)
        lowest = received.value
        began_s = time.monotonic()
        for number in range(len(latencies)):
            while (left_s := began_s + number / RATE_PER_S - time.monotonic()) > 0:
                time.sleep(left_s)
            publisher.send(time.monotonic())
        while received.value - lowest < len(latencies):
            time.sleep(0.001)
        reader.kill()
        reader.join()
        publisher.close()
    cuts = statistics.quantiles([one * 1e6 for one in latencies], n=100)
    return rate, cuts[49], cuts[98]


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 3.0
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    bus = Bus("alpha", epoch=1, monotonic=time.monotonic, wall=time.time)
    size = len(encode_batch(Stream.SAMPLES, 1, 1, [bus.publish(fact(1.0), source="bench")])[1]) - 1
    print(f"one event: raw {SIZE_BYTES} bytes, ours {size} bytes; over ipc, 1 to 1, none lost")
    rows = {name: measure(name, seconds) for name in SYSTEMS}
    for name, (rate, p50, p99) in rows.items():
        print(f"{name:10} {rate:12,.0f} events/s   at {RATE_PER_S}/s: p50 {p50:6.0f} us  p99 {p99:6.0f} us")
    (raw, raw_p50, _), (ours, ours_p50, _) = rows.values()
    print(f"ours / raw: {ours / raw:.2f} of the events/s, {ours_p50 / raw_p50:.2f} times the p50")


if __name__ == "__main__":
    main()
