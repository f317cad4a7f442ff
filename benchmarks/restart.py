"""From SIGKILL of a child to its successor running: a bare Python pidfd loop against the node's ProcessManager.

    .venv/bin/python benchmarks/restart.py [--kills 60] [--actors process_manager|all]

Both watch the same program side by side and are asked in turn, at random phases, so that what else the machine does
hits both alike. The successor stamps CLOCK_MONOTONIC as the first thing it does and writes it to a FIFO; the time
runs from just before kill(2). The program is written in C where there is a compiler, else in Python (slower to start,
so that the ratio comes out smaller). `all` runs the whole node, with the bus over ZeroMQ and every actor. Ends with
two ways to spawn, for the choice made in actors/process_manager/spawn.py.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import select
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from actors.base import NodeView
from actors.clock import RealClock
from actors.intensity import Intensity
from actors.process_manager.actor import ProcessManager
from actors.settings import RestartPolicy, Seconds, Workload, WorkloadSettings
from actors.shell import Child
from actors.supervisor import start_shell
from bus.hub import Bus

CHILD_C = r"""
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>
int main(int argc, char **argv) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    char line[99];
    int n = snprintf(line, 99, "%d %lld\n", (int)getpid(), (long long)t.tv_sec * 1000000000LL + t.tv_nsec);
    int fd = open(argv[1], O_RDWR | O_CLOEXEC);
    if (argc < 2 || fd < 0 || write(fd, line, n) != n) return 1;
    close(fd);
    for (;;) pause();
}
"""
CHILD_PY = """
import os, signal, sys, time
ns = time.monotonic_ns()
fd = os.open(sys.argv[1], os.O_RDWR)
os.write(fd, b"%d %d\\n" % (os.getpid(), ns))
os.close(fd)
signal.pause()
"""
BARE_LOOP = """
import os, select, signal, sys
argv = sys.argv[1:]
epoll = select.epoll()
while True:
    pid = os.posix_spawn(argv[0], argv, os.environ, setsigdef=[signal.SIGPIPE], setpgroup=0)
    fd = os.pidfd_open(pid)
    epoll.register(fd, select.EPOLLIN)
    epoll.poll()
    epoll.unregister(fd)
    os.close(fd)
    os.waitpid(pid, 0)
"""
SETTLED_S = 0.1


def build_child(folder: Path) -> tuple[list[str], str]:
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler:
        source = folder / "child.c"
        source.write_text(CHILD_C)
        static = subprocess.run(
            [compiler, "-O2", "-static", "-o", folder / "child", source], capture_output=True, check=False
        )
        if static.returncode:
            subprocess.run([compiler, "-O2", "-o", folder / "child", source], check=True)
        return [str(folder / "child")], "C"
    script = folder / "child.py"
    script.write_text(CHILD_PY)
    return [sys.executable, "-I", "-S", str(script)], "Python"


class Reports:
    """What children write to one FIFO: their pid, and when they came to life."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = path
        self._fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)

    def next(self, timeout_s: float = 30.0) -> tuple[int, int]:
        if not select.select([self._fd], [], [], timeout_s)[0]:
            sys.exit(f"nothing came to life within {timeout_s} s: {self.path}")
        pid, ns = os.read(self._fd, 4096).split()[-2:]
        return int(pid), int(ns)


def serve_process_manager(state_dir: Path, argv: list[str]) -> None:

    sys.setswitchinterval(0.0005)  # as actors.node does
    restart = RestartPolicy(stable_after=Seconds(0), start_limit=1_000_000)
    spec = WorkloadSettings(command=argv, restart=restart)
    workload = Workload(name="child", config_name="child", mode="live", spec=spec, cwd=state_dir, env={})
    clock = RealClock()
    bus = Bus("bench", epoch=1, monotonic=clock, wall=clock.wall)
    view = NodeView(name="bench", mode="live", state_dir=state_dir, run_dir=state_dir, workloads={"child": workload})
    start_shell(Child(ProcessManager, ProcessManager.Settings()), view, bus=bus, clock=clock, intensity=Intensity())
    signal.pause()


def serve_node(state_dir: Path, argv: list[str]) -> None:
    from actors.node import Node, load_node  # noqa: PLC0415 - the whole of it, only when it is measured

    config = state_dir / "gyrostat.yaml"
    restart = {"stable_after": 0, "start_limit": 1_000_000}
    config.write_text(
        json.dumps({"node": {"name": "bench"}, "workloads": {"child": {"command": argv, "restart": restart}}})
    )

    def load():
        return load_node(config, os.environ)

    with Node(*load(), load) as node:
        node.start()
        signal.pause()


def measure(reports: Reports, pid: int) -> tuple[int, float]:
    begun_ns = time.monotonic_ns()
    os.kill(pid, signal.SIGKILL)
    pid, ns = reports.next()
    return pid, (ns - begun_ns) / 1e6


def quantiles(times_ms: list[float]) -> str:
    ordered = sorted(times_ms)
    p95 = ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))]
    return f"median {statistics.median(ordered):.2f} ms, p95 {p95:.2f} ms (n = {len(ordered)})"


def spawn_ways(argv: list[str], reports: Reports, rounds: int) -> None:
    def popen() -> int:
        child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, cwd="/", env=os.environ, start_new_session=True)
        child.returncode = 0
        return child.pid

    def posix_spawn() -> int:
        return os.posix_spawn(argv[0], argv, os.environ, setsid=True, setsigmask=[])

    ways = {"subprocess.Popen": popen, "os.posix_spawn": posix_spawn}
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            begun_ns = time.monotonic_ns()
            pid = way()
            times[name].append((reports.next()[1] - begun_ns) / 1e6)
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    for name, found in times.items():
        print(f"{name + ' to running:':28} {quantiles(found)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--actors", choices=["process_manager", "all"], default="process_manager")
    parser.add_argument("--serve", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve = {"process_manager": serve_process_manager, "all": serve_node}[options.actors]
        serve(Path(options.serve[0]), options.serve[1:])
        return
    folder = Path(tempfile.mkdtemp(prefix="gyrostat-bench-"))
    child, language = build_child(folder)
    names = ("bare pidfd loop", "ProcessManager" if options.actors == "process_manager" else "whole node")
    reports = {name: Reports(folder / f"fifo{number}") for number, name in enumerate(names)}
    state = folder / "state"
    state.mkdir()
    bare = [sys.executable, "-I", "-S", "-c", BARE_LOOP]
    ours = [sys.executable, "-P", __file__, "--actors", options.actors, "--serve", str(state)]
    supervisors: list[subprocess.Popen[bytes]] = []
    pids: dict[str, int] = {}
    try:
        for name, argv in zip(names, (bare, ours), strict=True):
            supervisors.append(subprocess.Popen([*argv, *child, str(reports[name].path)]))
            pids[name] = reports[name].next()[0]
        times: dict[str, list[float]] = {name: [] for name in names}
        for _ in range(options.kills):
            for name in names:
                time.sleep(SETTLED_S + random.uniform(0, 0.1))  # noqa: S311
                pids[name], took_ms = measure(reports[name], pids[name])
                times[name].append(took_ms)
        machine = f"Python {sys.version.split()[0]}, {os.cpu_count()} CPUs"
        print(f"SIGKILL of a {language} child -> its successor runs, {machine}")
        for name in names:
            print(f"{name + ':':28} {quantiles(times[name])}")
        ratio = statistics.median(times[names[1]]) / statistics.median(times[names[0]])
        print(f"{'ratio of medians:':28} {ratio:.2f}")
        spawn_ways([*child, str(reports[names[0]].path)], reports[names[0]], options.kills)
    finally:
        for supervisor in supervisors:
            supervisor.kill()
            supervisor.wait()
        for pid in pids.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
