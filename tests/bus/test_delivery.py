"""Nothing is lost, doubled or out of order, between real processes, whatever happens to one of them or to the link.

The scenarios wait for most of their time, so two are played at once; each test judges what one of them gave.
"""

import json
import os
import select
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.bus.conftest import PATIENCE_S, open_files, wait_until
from tests.bus.delivery import Plan

ROOT = Path(__file__).resolve().parents[2]
HOWS = ("bus", "subscriber")
AT_ONCE = 2


class Program:
    """One process of tests/bus/delivery.py; it is up when this returns."""

    def __init__(self, role, plan):
        argv = [sys.executable, "-m", "tests.bus.delivery", role, msgspec.json.encode(plan).decode()]
        self.process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert self.hear() == {"up": True}

    def hear(self):
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"it ended with {self.process.wait(PATIENCE_S)}"
        return json.loads(line)

    def tell(self, line="go"):
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def stop(self):
        os.kill(self.process.pid, signal.SIGSTOP)

    def go_on(self):
        os.kill(self.process.pid, signal.SIGCONT)

    def kill(self):
        self.process.kill()
        self.process.wait(PATIENCE_S)

    def end(self):
        if self.process.poll() is None:
            self.go_on()
            self.process.kill()
        self.process.communicate()


class Stage:
    """A directory and the processes in it; all end with it."""

    def __init__(self):
        self.run_dir = Path(tempfile.mkdtemp(prefix="gyro-"))
        self.programs = []
        self.cuts = []

    def run(self, role, **plan):
        self.programs.append(Program(role, Plan(run_dir=str(self.run_dir), **plan)))
        return self.programs[-1]

    def read(self, **plan):
        """One reader of each kind."""
        return {how: self.run("read", how=how, since="start", **plan) for how in HOWS}

    def link(self):
        self.cuts.append(Cut(self.run_dir, ["facts.sock", "replay.sock"]))
        return self.cuts[-1]

    def interrupt(self):
        """From another thread: whoever waits for a process finds it ended."""
        for program in self.programs:
            program.process.kill()

    def end(self):
        for one in [*self.programs, *self.cuts]:
            one.end()
        shutil.rmtree(self.run_dir)


class Cut:
    """A link that can be cut: a proxy between unix sockets, which forwards nothing while it is cut, then hangs up."""

    def __init__(self, run_dir, names):
        self.lines = []
        self.threads = []
        self.cut = threading.Event()
        self.closed = threading.Event()
        for name in names:
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(f"{run_dir}/far-{name}")
            listener.listen(16)
            self._start(self._listen, listener, f"{run_dir}/{name}")

    def _start(self, target, *args):
        self.threads.append(threading.Thread(target=target, args=args))
        self.threads[-1].start()

    def _listen(self, listener, to):
        with listener:
            while not self.closed.is_set():
                if self.cut.is_set() or not select.select([listener], [], [], 0.05)[0]:
                    self.closed.wait(0.01)
                    continue
                near = listener.accept()[0]
                far = socket.socket(socket.AF_UNIX)
                try:
                    far.connect(to)
                except OSError:
                    near.close()
                    far.close()
                    continue
                self._start(self._carry, near, far)

    def _carry(self, near, far):
        was_cut = False
        with near, far:
            while not self.closed.is_set():
                if self.cut.is_set():
                    was_cut = True
                    self.closed.wait(0.01)
                    continue
                if was_cut:
                    return  # what was on its way is gone with the connection
                for one in select.select([near, far], [], [], 0.05)[0]:
                    data = one.recv(65_536)
                    if not data or self.cut.is_set():
                        if not data:
                            return
                        continue
                    (far if one is near else near).sendall(data)

    def end(self):
        self.closed.set()
        for thread in self.threads:
            thread.join()


SCENARIOS: list[Callable[[Stage], Any]] = []


def scenario(play):
    """The longest come first; test_<name> judges it."""
    SCENARIOS.append(play)
    return play


@pytest.fixture(autouse=True, scope="module")
def nothing_is_left():
    """Of all scenarios, as they are played beside one another."""
    before = open_files()
    yield
    wait_until(lambda: len(open_files()) <= len(before), "sockets and files to be closed")


@pytest.fixture(scope="module")
def played(request):
    """What a scenario gave; only those are played whose tests are run."""
    wanted = {item.originalname for item in request.session.items if item.path == request.path}
    stages: list[Stage] = []

    def play(one):
        stage = Stage()
        stages.append(stage)
        try:
            return one(stage)
        finally:
            stage.end()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        futures = {one: pool.submit(play, one) for one in SCENARIOS if f"test_{one.__name__}" in wanted}
        yield lambda one: futures[one].result()
        for future in futures.values():
            future.cancel()
        for stage in stages:
            stage.interrupt()


def perfect(told, first, total):
    """The counts by which delivery is judged."""
    counts = {key: told[key] for key in ("got", "first", "last", "missing", "doubled", "unordered", "lost")}
    of = os.environ.get("PYTEST_CURRENT_TEST", "").partition("::")[2].partition(" ")[0]
    sys.stdout.write(f"{of}: {', '.join(f'{key} {count:,}' for key, count in counts.items())}\n")
    assert counts == {
        "got": total,
        "first": first,
        "last": first + total - 1,
        "missing": 0,
        "doubled": 0,
        "unordered": 0,
        "lost": 0,
    }, told
    return told


def settle(seconds):
    """Let a fault last; nothing is concluded from it."""
    threading.Event().wait(seconds)


@scenario
def a_link_cut_for_six_seconds_at_5_000_a_second_loses_nothing(stage):
    total = 45_000
    publisher = stage.run("publish", total=total, rate=5_000)
    wire = stage.link()
    readers = stage.read(total=total, facts="far-facts.sock", replay="far-replay.sock")
    publisher.tell()
    settle(1.0)
    wire.cut.set()
    settle(6.0)
    wire.cut.clear()
    return total, publisher.hear(), {how: reader.hear() for how, reader in readers.items()}


@pytest.mark.parametrize("how", HOWS)
def test_a_link_cut_for_six_seconds_at_5_000_a_second_loses_nothing(played, how):
    total, sent, told = played(a_link_cut_for_six_seconds_at_5_000_a_second_loses_nothing)
    assert sent["sent"] == total
    perfect(told[how], 0, total)
    assert told[how]["counters"]["replayed"] > 0  # the fault was real


@scenario
def a_reader_that_is_crowded_costs_the_publisher_no_speed_and_little_memory_and_gets_all_later(stage):
    total, rate = 80_000, 20_000
    publisher = stage.run("publish", total=total, rate=rate, note="x" * 300)
    reader = stage.run("read", total=total, how="bus", since="start")
    publisher.tell()
    settle(0.5)
    reader.tell("crowd")
    sent = publisher.hear()
    settle(2.0)
    reader.tell("clear")
    return total, sent, reader.hear()


def test_a_reader_that_is_crowded_costs_the_publisher_no_speed_and_little_memory_and_gets_all_later(played):
    total, sent, told = played(
        a_reader_that_is_crowded_costs_the_publisher_no_speed_and_little_memory_and_gets_all_later
    )
    assert (sent["sent"], sent["dropped_out"]) == (total, 0)
    perfect(told, 0, total)
    assert told["counters"]["pauses"] > 0
    assert told["lag_max"] > 0


@scenario
def what_a_slow_reader_finds_gone_from_the_ring_is_reported_and_the_publisher_stays_bounded(stage):
    note, total = "x" * 8_000, 40_000  # 320 MB: five times the ring
    publisher = stage.run("publish", total=total, rate=8_000, note=note)
    reader = stage.run("read", total=total, how="bus", since="start")
    publisher.tell()
    settle(0.3)
    reader.tell("crowd")
    sent = publisher.hear()
    publisher.tell("counters")
    counters = publisher.hear()
    reader.tell("clear")
    return total, sent, counters, reader.hear()


def test_what_a_slow_reader_finds_gone_from_the_ring_is_reported_and_the_publisher_stays_bounded(played):
    total, sent, counters, told = played(
        what_a_slow_reader_finds_gone_from_the_ring_is_reported_and_the_publisher_stays_bounded
    )
    assert (sent["sent"], sent["dropped_out"]) == (total, 0)
    assert told["doubled"] == told["unordered"] == 0
    assert told["lost"] > 0
    assert told["missing"] == told["lost"]
    assert told["last"] == total - 1
    assert counters["ring_bytes"] <= 64 << 20
    assert counters["rss_kib"] < (64 + 64 + 80) << 10  # ring, a full high-water mark, the interpreter


@scenario
def a_reader_stopped_for_three_seconds_at_20_000_a_second_misses_nothing(stage):
    total = 110_000
    publisher = stage.run("publish", total=total)
    readers = stage.read(total=total)
    publisher.tell()
    settle(1.0)
    for reader in readers.values():
        reader.stop()
    settle(3.0)
    for reader in readers.values():
        reader.go_on()
    return total, publisher.hear(), {how: reader.hear() for how, reader in readers.items()}


@pytest.mark.parametrize("how", HOWS)
def test_a_reader_stopped_for_three_seconds_at_20_000_a_second_misses_nothing(played, how):
    total, sent, told = played(a_reader_stopped_for_three_seconds_at_20_000_a_second_misses_nothing)
    assert (sent["sent"], sent["dropped_out"]) == (total, 0)
    perfect(told[how], 0, total)
    assert told[how]["counters"]["replayed"] > 0  # the fault was real


@scenario
def a_publisher_killed_with_its_reader_behind_gives_all_durable_facts_after_its_restart(stage):
    first = stage.run("publish", kind="kept", total=10_000_000, rate=10_000)
    readers = stage.read(kind="kept", total=10_000_000)
    first.tell()
    settle(1.0)
    for reader in readers.values():
        reader.stop()
    settle(2.0)
    first.kill()
    for reader in readers.values():
        reader.go_on()
    committed, more = committed_in(stage.run_dir), 5_000
    second = stage.run("publish", kind="kept", total=more, first=committed, epoch=2)
    second.tell()
    sent = second.hear()
    for reader in readers.values():
        reader.tell(f"total {committed + more}")
    return committed, more, sent, {how: reader.hear() for how, reader in readers.items()}


@pytest.mark.parametrize("how", HOWS)
def test_a_publisher_killed_with_its_reader_behind_gives_all_durable_facts_after_its_restart(played, how):
    committed, more, sent, told = played(
        a_publisher_killed_with_its_reader_behind_gives_all_durable_facts_after_its_restart
    )
    assert sent["sent"] == more
    perfect(told[how], 0, committed + more)
    assert told[how]["counters"]["replayed"] > 0


def committed_in(run_dir):
    """How many facts the journal of the dead publisher holds."""
    database = sqlite3.connect(f"file:{run_dir}/facts.db?mode=ro", uri=True)
    (count,) = database.execute("SELECT SUM(count) FROM messages").fetchone()
    database.close()
    return count


@scenario
def a_late_joiner_gets_all_from_the_start_when_it_asks_for_it(stage):
    total = 60_000
    publisher = stage.run("publish", total=total)
    publisher.tell()
    settle(1.5)
    readers = [stage.run("read", total=total, how="subscriber", since="start") for _ in range(2)]
    return total, publisher.hear(), [reader.hear() for reader in readers]


def test_a_late_joiner_gets_all_from_the_start_when_it_asks_for_it(played):
    total, sent, told = played(a_late_joiner_gets_all_from_the_start_when_it_asks_for_it)
    assert sent["sent"] == total
    for one in told:
        perfect(one, 0, total)


@scenario
def a_joiner_gets_the_last_state_and_then_every_later_one(stage):
    total = 40_000
    publisher = stage.run("publish", total=total, kind="settled", note="")
    publisher.tell()
    settle(0.5)
    readers = [stage.run("read", total=total, kind="settled", how=how) for how in HOWS]
    return total, publisher.hear(), [reader.hear() for reader in readers]


def test_a_joiner_gets_the_last_state_and_then_every_later_one(played):
    total, sent, told = played(a_joiner_gets_the_last_state_and_then_every_later_one)
    assert sent["sent"] == total
    for one in told:
        perfect(one, one["first"], total - one["first"])
        assert one["first"] > 0
        assert one["counters"]["snapshots"] == 1
