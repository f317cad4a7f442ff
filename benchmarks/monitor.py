"""What a reading costs: ms a cycle and us a workload, beside psutil asked for each process; on real `sleep` processes.

Run: .venv/bin/python benchmarks/monitor.py
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import psutil

from actors.monitor.board import Board
from actors.monitor.sampling import Sampler, Target
from actors.monitor.settings import MonitorSettings
from actors.monitor.sources.host import memory_total
from actors.monitor.sources.portable import PortableSource
from actors.settings import Workload, WorkloadSettings
from bus.messages import ProcessStarted

ROUNDS = 30
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


def take_in(board: Board, sampler: Sampler, targets: list[Target]) -> None:
    """What the actor's thread does with one sample."""
    sample = sampler.sample(targets, everything=True)
    for name, reading in sample.trees.items():
        board.read_workload(name, reading.values, sample.taken_s, 5.0)
    board.host.read(sample.host, sample.taken_s, 5.0)
    board.judge(sample.taken_s)


def measure(count: int, folder: Path) -> None:
    running = [subprocess.Popen([SLEEP, "600"], start_new_session=True) for _ in range(count)]
    try:
        targets = [Target(f"w{index}", each.pid) for index, each in enumerate(running)]
        ours = Sampler(time.monotonic, folder, connections_max=10_000)
        portable = Sampler(time.monotonic, folder, connections_max=10_000, source=PortableSource())
        board = board_of(targets, folder)
        others = len(psutil.pids()) - count
        rows = {
            "psutil, process by process": cost_ms(lambda: by_psutil([each.pid for each in running])),
            "one pass over /proc": cost_ms(lambda: ours.sample(targets, everything=True)),
            "quick look at known members": cost_ms(lambda: ours.sample(targets, everything=False)),
            "fallback (macOS) here": cost_ms(lambda: portable.sample(targets, everything=True)),
            "one pass + judged": cost_ms(lambda: take_in(board, ours, targets)),
        }
    finally:
        for each in running:
            each.kill()
            each.wait()
    print(f"\n{count} workloads, {others} other processes on the machine")
    base_ms = rows["psutil, process by process"][0]
    for name, (wall_ms, cpu_ms) in rows.items():
        share = cpu_ms / 1e3 / MonitorSettings().interval * 100
        print(
            f"  {name:28} {wall_ms:7.2f} ms a cycle {wall_ms * 1e3 / count:7.1f} us a workload"
            f" {wall_ms / base_ms:5.2f} of psutil  {share:5.2f} % of a core at the default interval"
        )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        for workloads in (10, 100):
            measure(workloads, Path(name))
