"""Our bus beside raw pyzmq, with the harness of shared/bench/bus: python benchmarks/bus_peers.py [seconds] [rounds]

BENCH_BUS names the harness's folder; without it, ../shared/bench/bus beside the checkout.

Rows of one measure take turns, round by round, and the medians are compared, so that what else the machine does meets
all of them. Redis, NATS and MQTT are run when their servers are installed.
Raw sends constant bytes and decodes nothing; ours is typed, numbered, kept for replay, decoded and validated. None is
lost in any row: the publisher stays at most 20,000 events ahead of the slowest reader. Every publisher is a thread
beside the main one, as an actor is. zmq_msgspec_ipc is pyzmq with typed events and nothing else. Read the ratios.
"""

import importlib.util
import multiprocessing
import os
import shutil
import statistics
import sys
import tempfile
import threading
import time
from functools import partial
from pathlib import Path

HARNESS = Path(os.environ.get("BENCH_BUS") or Path(__file__).resolve().parents[2] / "shared" / "bench" / "bus")
sys.path[:0] = [str(HARNESS), str(Path(__file__).resolve().parent.parent), str(Path(__file__).resolve().parent)]

import adapters  # noqa: E402
import bench  # noqa: E402
import bus_adapters  # noqa: E402, F401 - adds our rows
import zmq  # noqa: E402

from bus.client import Client  # noqa: E402
from bus.endpoints import Endpoints  # noqa: E402
from bus.hub import Bus  # noqa: E402
from bus.message import Command, Done  # noqa: E402
from bus.zeromq import Listen, ZeroMQCarrier  # noqa: E402


class Ping(Command, frozen=True, kw_only=True):
    target = "bench"
    verb = "ping"
    note: str = ""


SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 1.5
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 5
LATENCY_EVENTS = 3_000
COMMANDS = 3_000
SUBSCRIBERS = 10

# Row: expected events per second, to size a run.
RATES = {
    "zmq_raw_ipc": 1_000_000,
    "zmq_raw_tcp": 1_000_000,
    "zmq_msgspec_ipc": 500_000,
    "ours_carrier": 700_000,
    "ours_durable": 400_000,
    "ours_curve": 600_000,
    "ours_actors": 400_000,
    "nats_core": 200_000,
    "nats_jetstream_file": 40_000,
    "redis_pubsub": 18_000,
    "mqtt_qos1": 11_000,
}
PEERS = {
    "nats_core": ("nats-server", "nats"),
    "nats_jetstream_file": ("nats-server", "nats"),
    "redis_pubsub": ("redis-server", "redis"),
    "mqtt_qos1": ("mosquitto", "paho"),
}
# Measure: our row, the row of raw, what the ratio has to be.
RATE_GOALS = [
    ("reliable facts", "ours_carrier", "zmq_raw_ipc", 0.8),
    ("durable topics, committed first", "ours_durable", "zmq_raw_ipc", 0.18),
    ("CURVE, against ours without", "ours_curve", "ours_carrier", 0.6),
    ("actor to actor in another process", "ours_actors", "zmq_raw_ipc", 0.47),
]
LATENCY_GOALS = [
    ("reliable facts", "ours_carrier", 1.3, 1.5),
    ("actor to actor in another process", "ours_actors", 2.0, None),
    ("durable topics", "ours_durable", None, None),
]


publish_in_main = bench.pub_proc


def publish(*given):
    """In the publishing process: the harness's publisher, in a thread."""
    thread = threading.Thread(target=publish_in_main, args=given)
    thread.start()
    thread.join()


def missing(name):
    """What a peer lacks to be run, or nothing."""
    server, package = PEERS[name]
    if shutil.which(server) is None:
        return f"{server} is not installed"
    return f"Python package {package} is not installed" if importlib.util.find_spec(package) is None else ""


def rounds(names, measure):
    """Name: the results of every round in which nothing was lost."""
    found = {name: [] for name in names}
    for _ in range(ROUNDS):
        for name in names:
            result = measure(adapters.ALL[name], name)
            if result and not result["lost"]:
                found[name].append(result)
    return found


def rates(names, subscribers=1):
    def measure(kind, name):
        number = int(RATES[name] * SECONDS / (1 if subscribers == 1 else 4)) // 64 * 64
        return bench.run(kind, subscribers, number)

    return {
        name: statistics.median([one["rate"] for one in got if "rate" in one] or [0.0])
        for name, got in rounds(names, measure).items()
    }


def latencies(names):
    got = rounds(names, lambda kind, _: bench.run(kind, 1, LATENCY_EVENTS, rate=1000))
    return {
        name: tuple(statistics.median([one[key] for one in ok if key in one] or [0.0]) for key in ("p50_us", "p99_us"))
        for name, ok in got.items()
    }


def raw_server(address, up):
    socket = zmq.Context().socket(zmq.ROUTER)
    socket.bind(address)
    up.set()
    while True:
        who, body = socket.recv_multipart()
        socket.send_multipart([who, body])


def our_server(directory, up):
    sys.setswitchinterval(0.0005)
    carrier = ZeroMQCarrier(Listen(commands=[f"ipc://{directory}/commands.sock"]), epoch=1, node="alpha")
    bus = Bus("alpha", epoch=1, monotonic=time.monotonic, wall=time.time, carrier=carrier)
    bus.serve("bench", {"ping": Ping}, lambda request: request.answer(Done()))
    up.set()
    time.sleep(3600)


def raw_ask(socket, body):
    socket.send(body)
    socket.recv()


def timed(ask):
    taken = []
    for number in range(COMMANDS + 200):
        began_s = time.perf_counter()
        ask()
        if number >= 200:
            taken.append((time.perf_counter() - began_s) * 1e6)
    cuts = statistics.quantiles(taken, n=100)
    return cuts[49], cuts[98]


def command_latencies():
    """p50 and p99 in microseconds: raw DEALER/ROUTER with 200 bytes, and Client.ask of a typed command."""
    spawn = multiprocessing.get_context("spawn")
    found = {"raw": [], "ours": []}
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as directory:
            Path(directory).chmod(0o700)
            for name, server in (("raw", raw_server), ("ours", our_server)):
                up = spawn.Event()
                address = f"ipc://{directory}/raw.sock"
                process = spawn.Process(target=server, args=(address if name == "raw" else directory, up), daemon=True)
                process.start()
                up.wait()
                if name == "raw":
                    context = zmq.Context()
                    socket = context.socket(zmq.DEALER)
                    socket.connect(address)
                    found[name].append(timed(partial(raw_ask, socket, bytes(200))))
                    context.destroy(linger=0)
                else:
                    endpoints = Endpoints(node="alpha", commands=(f"ipc://{directory}/commands.sock",))
                    with Client(endpoints) as client:
                        found[name].append(timed(lambda: client.ask(Ping(note="x" * 100))))
                process.kill()
                process.join()
    return {name: tuple(statistics.median(column) for column in zip(*got, strict=True)) for name, got in found.items()}


def verdict(good):
    return "met" if good else "MISSED"


def show_rates(peers):
    print(f"\nevents/s, 1 to 1, ipc (CURVE: tcp), median of {ROUNDS} rounds of about {SECONDS:g} s; none lost")
    ours = ["ours_carrier", "ours_durable", "ours_curve", "ours_actors"]
    found = rates(["zmq_raw_ipc", "zmq_raw_tcp", "zmq_msgspec_ipc", *ours, *peers])
    for name, rate in found.items():
        print(f"  {name:24} {rate:12,.0f}")
    for what, ours, other, goal in RATE_GOALS:
        ratio = found[ours] / (found[other] or 1)
        print(f"  {what:36} {ratio:5.2f} of {other:14} goal {goal:4.2f}  {verdict(ratio >= goal)}")
    for name, times in (("nats_core", 4), ("redis_pubsub", 50)):
        if found.get(name):
            ratio = found["ours_carrier"] / found[name]
            print(f"  {'reliable facts':36} {ratio:5.1f} x  {name:14} goal {times}  {verdict(ratio >= times)}")
    if found.get("nats_jetstream_file"):
        ratio = found["ours_durable"] / found["nats_jetstream_file"]
        print(f"  {'durable topics':36} {ratio:5.1f} x  JetStream file goal 5  {verdict(ratio >= 5)}")


def show_fan(peers):
    print(f"\n1 to {SUBSCRIBERS} subscribers, published/s")
    found = rates(["zmq_raw_ipc", "ours_carrier", *[name for name in peers if name == "nats_core"]], SUBSCRIBERS)
    for name, rate in found.items():
        print(f"  {name:24} {rate:12,.0f}   delivered/s {rate * SUBSCRIBERS:12,.0f}")
    ratio = found["ours_carrier"] / (found["zmq_raw_ipc"] or 1)
    print(f"  {'deliveries':36} {ratio:5.2f} of zmq_raw_ipc    goal 0.80  {verdict(ratio >= 0.8)}")
    if found.get("nats_core"):
        ratio = found["ours_carrier"] / found["nats_core"]
        print(f"  {'deliveries':36} {ratio:5.1f} x  nats_core      goal 6     {verdict(ratio >= 6)}")


def show_latencies(peers):
    print(f"\nlatency at 1,000/s, microseconds, p50 / p99, median of {ROUNDS} rounds of {LATENCY_EVENTS} events")
    found = latencies(["zmq_raw_ipc", "zmq_msgspec_ipc", "ours_carrier", "ours_actors", "ours_durable", *peers])
    for name, (p50, p99) in found.items():
        print(f"  {name:24} {p50:8.0f} / {p99:8.0f}")
    raw = found["zmq_raw_ipc"]
    for what, ours, goal_50, goal_99 in LATENCY_GOALS:
        for which, goal in enumerate((goal_50, goal_99)):
            if goal is not None:
                ratio, name = found[ours][which] / (raw[which] or 1), ("p50", "p99")[which]
                print(f"  {what:36} {name} {ratio:5.2f} x raw   goal {goal:4.2f}  {verdict(ratio <= goal)}")


def show_commands():
    print("\ncommands over ipc, microseconds, p50 / p99")
    found = command_latencies()
    for name, (p50, p99) in found.items():
        print(f"  {name:24} {p50:8.0f} / {p99:8.0f}")
    ratio, goal = found["ours"][0] / found["raw"][0], 200 / 77
    print(f"  {'p50':36} {ratio:5.2f} x raw   goal {goal:4.2f} (200 us when raw is 77)  {verdict(ratio <= goal)}")


def main():
    bench.pub_proc = publish
    peers = [name for name in PEERS if not missing(name)]
    print(
        f"Python {sys.version.split()[0]}, pyzmq {zmq.__version__}, libzmq {zmq.zmq_version()}, {os.cpu_count()} cores"
    )
    print(f"load before: {os.getloadavg()[0]:.1f}")
    for name in PEERS:
        if name not in peers:
            print(f"not run: {name}: {missing(name)}")
    show_rates(peers)
    show_fan(peers)
    show_latencies(peers)
    show_commands()
    print(f"\nload after: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
