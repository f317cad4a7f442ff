"""The Optimizer with the Monitor itself: real samples of this very process."""

import hashlib
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from actors.monitor.actor import Monitor
from actors.monitor.settings import MonitorSettings
from actors.optimizer.actor import Optimizer
from actors.optimizer.settings import OptimizerSettings
from actors.settings import Seconds
from bus.messages import ExperimentKept, ExperimentStarted, ExperimentUndone, GetHealth, MetricsSampled
from tests.harness import House

ROOT = Path(__file__).resolve().parents[2]
MONITOR = MonitorSettings(interval=Seconds(0.2), interval_min=Seconds(0.1))


def optimizer(cpu_limit, *, every=1.6, window=0.8):
    return OptimizerSettings(
        every=Seconds(every),
        window=Seconds(window),
        samples_min=3,
        interval_min=Seconds(0.1),
        cpu_limit=cpu_limit,
        host_cpu_busy=100.0,  # the machine may be busy with other things
    )


@pytest.fixture
def house(tmp_path):
    opened = House(tmp_path)
    yield opened
    opened.stop()


def in_force(house):
    return house.ask(GetHealth()).sampling_interval_s


def test_a_shorter_interval_is_kept_while_its_measured_cost_is_within_the_limit(house):
    house.start(Monitor, MONITOR)
    house.start(Optimizer, optimizer(cpu_limit=100.0))
    kept = house.wait_for(ExperimentKept)
    assert kept.value == 0.1 == in_force(house)
    house.wait_for(MetricsSampled, lambda fact: fact.scope == "node" and fact.interval_s == 0.1)
    assert kept.before > 0.0
    assert kept.after > 0.0


SPENDERS = 3
"""Threads, so that a machine that is busy with other things gives this process its share all the same."""


class Spenders:
    """Make the shorter interval dear: for each sample of it, spend CPU in this process. end() when done."""

    def __init__(self, bus, seconds):
        self.seconds = seconds
        self.due = threading.Semaphore(0)
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self.spend) for _ in range(SPENDERS)]
        bus.subscribe([MetricsSampled], self.hear)
        for thread in self.threads:
            thread.start()

    def hear(self, envelope):
        if envelope.data.scope == "node" and envelope.data.interval_s < 0.2:
            self.due.release()

    def spend(self):
        block = bytes(1_000_000)
        while not self.stop.is_set():
            if self.due.acquire(timeout=0.1):
                end_s = time.thread_time() + self.seconds
                while time.thread_time() < end_s:
                    hashlib.sha256(block)  # does not keep the interpreter from the others

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join()


def test_an_interval_that_was_measured_to_cost_too_much_is_undone(house):
    spenders = Spenders(house.bus, 0.08)
    try:
        house.start(Monitor, MONITOR)
        house.start(Optimizer, optimizer(cpu_limit=8.0))
        undone = house.wait_for(ExperimentUndone)
    finally:
        spenders.end()
    assert undone.why.endswith("is above 8 %")
    assert undone.after is not None
    assert undone.after > 8.0 > 2 * undone.before
    assert undone.value == 0.2 == in_force(house)


KILLED = """
import os
import signal
import sys
from pathlib import Path

from tests.harness import House
from tests.optimizer.test_real_monitor import MONITOR, Monitor, Optimizer, in_force, optimizer

house = House(Path(sys.argv[1]))
house.start(Monitor, MONITOR)
house.start(Optimizer, optimizer(cpu_limit=100.0))
house.until(lambda: in_force(house) == 0.1)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_an_experiment_that_a_kill_interrupted_is_undone_by_the_next_start(house, tmp_path):
    ended = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], cwd=ROOT, timeout=60, check=False)
    assert ended.returncode == -signal.SIGKILL
    house.start(Monitor, MONITOR)
    assert in_force(house) == 0.1  # the Monitor keeps what it was told
    house.start(Optimizer, optimizer(cpu_limit=100.0, every=60.0))
    undone = house.wait_for(ExperimentUndone)
    assert undone.why == "the Optimizer ended during the experiment"
    assert undone.value == 0.2 == in_force(house)
    assert house.events(ExperimentStarted) == []
