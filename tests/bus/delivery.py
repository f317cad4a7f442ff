"""Processes of the delivery tests: `publish` and `read`, each told what to do by one JSON argument, lines by stdin.

publish: numbered facts at a rate, then stays until its stdin ends. read: counts, and says in JSON what it got.
"""

import itertools
import json
import resource
import sys
import threading
import time
from pathlib import Path

import msgspec

from bus.endpoints import Endpoints
from bus.hub import Bus
from bus.messages.system import EventsLost
from bus.subscriber import Subscriber
from bus.zeromq import Listen, Peer, ZeroMQCarrier
from tests.bus.vocabulary import Kept, Moved, Settled

KINDS = {"moved": Moved, "kept": Kept, "settled": Settled}


class Plan(msgspec.Struct):
    run_dir: str
    total: int
    rate: int = 20_000
    first: int = 0
    kind: str = "moved"
    note: str = "x" * 100
    epoch: int = 1
    how: str = "bus"
    facts: str = "facts.sock"
    replay: str = "replay.sock"
    since: str = "now"
    silence_s: float = 20.0


def say(**what):
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def open_bus(node, listen, peers, plan, journal=None):
    carrier = ZeroMQCarrier(listen, peers, epoch=plan.epoch, node=node, journal=journal)
    return carrier, Bus(node, epoch=plan.epoch, monotonic=time.monotonic, wall=time.time, carrier=carrier)


def publish(plan):
    sockets = [f"ipc://{plan.run_dir}/{name}.sock" for name in ("facts", "commands")]
    journal = Path(plan.run_dir) / "facts.db" if plan.kind == "kept" else None
    carrier, bus = open_bus("alpha", Listen([sockets[0]], [sockets[1]]), (), plan, journal)
    say(up=True)
    sys.stdin.readline()
    kind, began_s, sent = KINDS[plan.kind], time.monotonic(), 0
    while sent < plan.total:
        due = min(plan.total, int((time.monotonic() - began_s) * plan.rate) + 1)
        for step in range(plan.first + sent, plan.first + due):
            bus.publish(kind(subject="web", step=step, **({"note": plan.note} if plan.note else {})), source="x")
        sent = due
        time.sleep(0.001)
    took_s = time.monotonic() - began_s
    while carrier.counters["sent"] + carrier.counters["dropped_out"] < sent:
        time.sleep(0.001)
    say(sent=sent, took_s=took_s, dropped_out=carrier.counters["dropped_out"], rss_kib=rss_kib())
    for line in sys.stdin:
        if line.strip() == "counters":
            say(**carrier.counters, rss_kib=rss_kib())
    bus.close()


def rss_kib():
    """Resident now, where the kernel tells; else the most there ever was."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmRSS"))


class Tally:
    """What came: every step once and one after the other, or what was wrong."""

    def __init__(self):
        self.steps = []
        self.lost = 0
        self.at_s = time.monotonic()

    def take(self, step):
        self.steps.append(step)
        self.at_s = time.monotonic()

    def say(self, **more):
        steps = self.steps
        say(
            got=len(steps),
            first=steps[0] if steps else None,
            last=steps[-1] if steps else None,
            doubled=len(steps) - len(set(steps)),
            unordered=sum(b < a for a, b in itertools.pairwise(steps)),
            missing=(steps[-1] - steps[0] + 1 - len(set(steps))) if steps else 0,
            lost=self.lost,
            **more,
        )


def read(plan):
    """Until every step up to the last came, or nothing more for a while. `total N` says anew how many there are."""
    tally, crowded = Tally(), threading.Event()

    def obey():
        for line in sys.stdin:
            if line.startswith("total "):
                plan.total = int(line.removeprefix("total "))
            tally.at_s = time.monotonic()
            {"crowd\n": crowded.set, "clear\n": crowded.clear}.get(line, lambda: None)()

    threading.Thread(target=obey, daemon=True).start()
    facts, replay = (f"ipc://{plan.run_dir}/{name}" for name in (plan.facts, plan.replay))
    if plan.how == "subscriber":
        read_by_subscriber(plan, tally, Endpoints(node="alpha", facts=(facts,), replay=(replay,)))
    else:
        read_by_bus(plan, tally, Peer("alpha", facts, replay=replay, since=plan.since), crowded)


def done(tally, plan):
    ended = tally.steps and tally.steps[-1] >= plan.first + plan.total - 1
    return ended or (tally.steps and time.monotonic() - tally.at_s > plan.silence_s)


def read_by_subscriber(plan, tally, where):
    with Subscriber(where, [f"test.{plan.kind}"], since=plan.since) as events:
        say(up=True)
        while not done(tally, plan):
            event = events.next(0.2)
            if event is not None:
                tally.take(event.data["step"])
        while event := events.next(0.3):
            tally.take(event.data["step"])
        tally.lost = events.lost
        tally.say(counters=events.counters)


def read_by_bus(plan, tally, peer, crowded):
    carrier, bus = open_bus("beta", Listen(), [peer], plan)

    def note_loss(envelope):
        tally.lost += envelope.data.last_seq - envelope.data.first_seq + 1

    bus.subscribe([EventsLost], note_loss)
    bus.subscribe([KINDS[plan.kind]], lambda envelope: tally.take(envelope.data.step), crowded=crowded.is_set)
    say(up=True)
    lag = 0
    while not done(tally, plan) or crowded.is_set():
        lag = max(lag, max((state.lag[name] for state in carrier.peers() for name in state.lag), default=0))
        time.sleep(0.05)
    time.sleep(0.3)
    tally.say(counters=carrier.counters, lag_max=lag)
    bus.close()


if __name__ == "__main__":
    sys.setswitchinterval(0.0005)
    {"publish": publish, "read": read}[sys.argv[1]](msgspec.json.decode(sys.argv[2], type=Plan))
