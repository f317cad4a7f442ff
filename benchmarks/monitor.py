"""What measuring costs, on real `sleep` processes: a cycle beside psutil asked for each process, a point of detectors.

For reference also what supervisord does once a second: it asks each child whether it has ended, and measures nothing.

Run: .venv/bin/python benchmarks/monitor.py [WORKLOADS ...]     default: 10 100 500
"""

from __future__ import annotations

import math
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import psutil

from actors.monitor.anomaly import AnomalyDetector
from actors.monitor.board import Board
from actors.monitor.drift import DriftDetector
from actors.monitor.forecast import Forecaster
from actors.monitor.sampling import Sample, Sampler
from actors.monitor.settings import MonitorSettings
from actors.monitor.sources.host import memory_total
from actors.monitor.sources.portable import PortableSource
from actors.monitor.sources.trees import Target
from actors.settings import Workload, WorkloadSettings
from bus.messages import ProcessStarted

ROUNDS = 20
INTERVAL_S = 10.0
"""Seconds between two readings, for the share of a core."""
POINTS = 20_000
SLEEP = shutil.which("sleep") or "sleep"


def by_psutil(pids: list[int]) -> None:
    """The same readings, asked of psutil process by process, as its documentation shows."""
    psutil.virtual_memory()
    psutil.swap_memory()
    psutil.cpu_times()
    psutil.disk_usage("/")
    for pid in pids:
        main = psutil.Process(pid)
        for process in [main, *main.children(recursive=True)]:
            with process.oneshot():
                process.cpu_times()
                process.memory_info()
                process.num_threads()
                process.num_fds()
                process.status()


def like_supervisord(running: list[subprocess.Popen[bytes]], *, turns: int) -> None:
    """A loop that polls its children, as supervisord does once a second."""
    for _ in range(turns):
        for each in running:
            each.poll()


def cost_ms(work: Callable[[], object]) -> tuple[float, float]:
    """Median wall and mean CPU milliseconds of one call."""
    work()
    walls = []
    cpu_s = time.process_time()
    for _ in range(ROUNDS):
        began_s = time.perf_counter()
        work()
        walls.append(time.perf_counter() - began_s)
    return median(walls) * 1e3, (time.process_time() - cpu_s) / ROUNDS * 1e3


def board_of(targets: list[Target], folder: Path) -> Board:
    board = Board("bench", MonitorSettings(), memory_total(), 0.0)
    spec = WorkloadSettings(command=["sleep", "600"])
    names = [target.name for target in targets]
    made = {name: Workload(name=name, config_name=name, mode="live", spec=spec, cwd=folder, env={}) for name in names}
    board.refit(made, MonitorSettings(), 0.0)
    board.set_limits(0.0)
    for target in targets:
        started = ProcessStarted(subject=target.name, pid=target.pid, incarnation=1, reason="", revision="")
        board.members[target.name].life.started(started, 0.0)
        board.members[target.name].life.ready(target.pid, 0.0)
    return board


class Cycle:
    """A reading of everything and what the actor's thread does with it, INTERVAL_S after the last."""

    def __init__(self, board: Board, sampler: Sampler, targets: list[Target]) -> None:
        self.board, self.sampler, self.targets = board, sampler, targets
        self.at_s = time.monotonic()
        self.facts = 0

    def __call__(self) -> None:
        sample = self.sampler.sample(self.targets, everything=True)
        self.take_in(sample)

    def take_in(self, sample: Sample) -> None:
        self.at_s += INTERVAL_S
        facts = []
        for name, reading in sample.trees.items():
            facts += self.board.read_workload(name, reading.values, self.at_s, INTERVAL_S)
        facts += self.board.host.read(sample.host, self.at_s, INTERVAL_S)
        facts += self.board.judge(self.at_s)
        self.facts = len(facts)


def measure(count: int, folder: Path) -> None:
    running = [subprocess.Popen([SLEEP, "600"], start_new_session=True) for _ in range(count)]
    try:
        targets = [Target(f"w{index}", each.pid) for index, each in enumerate(running)]
        ours = Sampler(time.monotonic, folder, connections_max=10_000)
        portable = Sampler(time.monotonic, folder, connections_max=10_000, source=PortableSource())
        cycle = Cycle(board_of(targets, folder), ours, targets)
        others = len(psutil.pids()) - count
        rows = {
            "psutil, process by process": cost_ms(lambda: by_psutil([each.pid for each in running])),
            "one pass over /proc": cost_ms(lambda: ours.sample(targets, everything=True)),
            "quick look at known members": cost_ms(lambda: ours.sample(targets, everything=False)),
            "fallback (macOS) here": cost_ms(lambda: portable.sample(targets, everything=True)),
            "one pass + judged": cost_ms(cycle),
            "like supervisord, 10 turns": cost_ms(lambda: like_supervisord(running, turns=10)),
        }
    finally:
        for each in running:
            each.kill()
            each.wait()
    print(f"\n{count} workloads, {others} other processes on the machine; {cycle.facts} facts in the last cycle")
    base_ms = rows["psutil, process by process"][0]
    for name, (wall_ms, cpu_ms) in rows.items():
        print(
            f"  {name:28} {wall_ms:7.2f} ms a cycle {wall_ms * 1e3 / count:7.1f} us a workload"
            f" {wall_ms / base_ms:5.2f} of psutil  {cpu_ms / 1e3 / INTERVAL_S * 100:5.3f} % of a core"
            f" every {INTERVAL_S:g} s"
        )


def measure_detectors() -> None:
    """Microseconds a point of each detector, on a noisy wave."""
    points = [(10.0 * at, 50.0 + 20.0 * math.sin(at / 500) + at * 7919 % 101 / 20) for at in range(POINTS)]
    print(f"\ndetectors, mean of {POINTS} points")
    for name, detector in (
        ("AnomalyDetector", AnomalyDetector()),
        ("Forecaster", Forecaster(100.0)),
        ("DriftDetector", DriftDetector()),
    ):
        began_s = time.thread_time()
        for at_s, value in points:
            detector.update(at_s, value)
        print(f"  {name:28} {(time.thread_time() - began_s) / POINTS * 1e6:7.2f} us a point")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        for workloads in [int(word) for word in sys.argv[1:]] or [10, 100, 500]:
            measure(workloads, Path(name))
    measure_detectors()
