"""The Optimizer with the Monitor itself: real samples of this very process."""

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
MONITOR = MonitorSettings(interval=Seconds(0.4), interval_min=Seconds(0.1))


def optimizer(cpu_limit, *, every=3.2, window=1.6):
    return OptimizerSettings(
        every=Seconds(every),
        window=Seconds(window),
        samples_min=3,
        interval_min=Seconds(0.2),
        cpu_limit=cpu_limit,
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
    assert kept.value == 0.2 == in_force(house)
    house.wait_for(MetricsSampled, lambda fact: fact.scope == "node" and fact.interval_s == 0.2)
    assert kept.before > 0.0
    assert kept.after > 0.0


def burn(bus, stop, seconds):
    """Make the shorter interval dear: spend CPU in this process for each sample of it."""
    due = threading.Semaphore(0)

    def hear(envelope):
        if envelope.data.scope == "node" and envelope.data.interval_s < 0.4:
            due.release()

    def spend():
        while not stop.is_set():
            if due.acquire(timeout=0.1):
                end_s = time.thread_time() + seconds
                while time.thread_time() < end_s:
                    pass

    bus.subscribe([MetricsSampled], hear)
    thread = threading.Thread(target=spend)
    thread.start()
    return thread


def test_an_interval_that_was_measured_to_cost_too_much_is_undone(house):
    stop = threading.Event()
    thread = burn(house.bus, stop, 0.15)
    try:
        house.start(Monitor, MONITOR)
        house.start(Optimizer, optimizer(cpu_limit=10.0))
        undone = house.wait_for(ExperimentUndone)
    finally:
        stop.set()
        thread.join()
    assert undone.why.endswith("is above 10 %")
    assert undone.after is not None
    assert undone.after > 10.0 > 2 * undone.before
    assert undone.value == 0.4 == in_force(house)


TO_BE_KILLED = """
import sys
import threading
from pathlib import Path

from tests.harness import House
from tests.optimizer.test_real_monitor import MONITOR, Monitor, Optimizer, in_force, optimizer

house = House(Path(sys.argv[1]))
house.start(Monitor, MONITOR)
house.start(Optimizer, optimizer(cpu_limit=100.0))
house.until(lambda: in_force(house) == 0.2)
print("changed", flush=True)
threading.Event().wait(60)
"""


def test_an_experiment_that_a_kill_interrupted_is_undone_by_the_next_start(house, tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", TO_BE_KILLED, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE
    ) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == b"changed\n"
        finally:
            child.send_signal(signal.SIGKILL)
    house.start(Monitor, MONITOR)
    assert in_force(house) == 0.2  # the Monitor keeps what it was told
    house.start(Optimizer, optimizer(cpu_limit=100.0, every=60.0))
    undone = house.wait_for(ExperimentUndone)
    assert undone.why == "the Optimizer ended during the experiment"
    assert undone.value == 0.4 == in_force(house)
    assert house.events(ExperimentStarted) == []
