"""What HTTP costs, on a real node: from start to the first /health, /status with 100 workloads, followers of /events.

Each figure is taken at the node's own process; who asks is another one, on the same machine.

Run: .venv/bin/python benchmarks/gateway.py [WORKLOADS]     default: 100
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from statistics import median

import psutil

STARTS = 7
ASK_S = 5.0
FOLLOW_S = 15.0
FOLLOWERS = 200
HALF_OPEN = 300
CONNECTIONS = 4
CHATTY = 20
"""Workloads with a probe each second, so that there is something to tell followers."""
GYROSTAT = str(Path(sys.executable).with_name("gyrostat"))


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def node(folder: Path, workloads: int, port: int) -> Iterator[tuple[subprocess.Popen[bytes], float]]:
    """A node; with when it was started."""
    lines = ["actors:", f"  gateway: {{port: {port}}}", "workloads:"]
    for number in range(workloads):
        probe = ', probes: {work: {exec: ["true"], every: 1s}}' if number < CHATTY and workloads > CHATTY else ""
        lines.append(f'  w{number}: {{command: [sleep, "100000"]{probe}}}')
    (folder / "gyrostat.yaml").write_text("\n".join(lines) + "\n", "utf-8")
    began_s = time.perf_counter()
    found = subprocess.Popen(
        [GYROSTAT, "up"], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        yield found, began_s
    finally:
        found.send_signal(signal.SIGTERM)
        found.wait(60)


def until_healthy(port: int, began_s: float) -> float:
    """Seconds from the start to the first 200."""
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port)) as one:
                one.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                if one.recv(12) == b"HTTP/1.1 200":
                    return time.perf_counter() - began_s
        except OSError:
            pass
        time.sleep(0.002)


def settled(port: int, workloads: int) -> None:
    while True:
        asked = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        asked.request("GET", "/workloads")
        rows = json.loads(asked.getresponse().read())["workloads"]
        asked.close()
        if sum(row["process"]["state"] == "ready" for row in rows) == workloads:
            return
        time.sleep(0.2)


async def _ask(port: int, path: str, until_s: float) -> tuple[int, int]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 24)
    asked, size = 0, 0
    while time.perf_counter() < until_s:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0])
        await reader.readexactly(size)
        asked += 1
    writer.close()
    return asked, size


def ask(port: int, path: str, answer) -> None:
    async def run() -> tuple[float, int]:
        until_s = time.perf_counter() + ASK_S
        done = await asyncio.gather(*(_ask(port, path, until_s) for _ in range(CONNECTIONS)))
        return sum(asked for asked, _ in done) / ASK_S, done[0][1]

    answer.send(asyncio.run(run()))


def follow(port: int, answer) -> None:
    async def one(events: list[int]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 24)
        writer.write(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        while True:
            heard = (await reader.read(1 << 16)).count(b"\nid: ")
            events[0] += heard

    async def run() -> int:
        events = [0]
        tasks = [asyncio.ensure_future(one(events)) for _ in range(FOLLOWERS)]
        await asyncio.sleep(2)
        answer.send("there")
        events[0] = 0
        await asyncio.sleep(FOLLOW_S)
        for task in tasks:
            task.cancel()
        return events[0]

    answer.send(asyncio.run(run()))


def elsewhere(function, *args):
    ours, theirs = get_context("spawn").Pipe()
    process = get_context("spawn").Process(target=function, args=(*args, theirs))
    process.start()
    return process, ours


def cpu_over(pid: int, seconds: float) -> float:
    """Percent of a core."""
    times = psutil.Process(pid).cpu_times()
    time.sleep(seconds)
    after = psutil.Process(pid).cpu_times()
    return (after.user + after.system - times.user - times.system) / seconds * 100


def livez_ms(port: int, times: int) -> list[float]:
    found = []
    for _ in range(times):
        began_s = time.perf_counter()
        asked = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        asked.request("GET", "/livez")
        assert asked.getresponse().read()
        asked.close()
        found.append((time.perf_counter() - began_s) * 1000)
    return found


def measure_starts() -> None:
    found, cpu = [], []
    for _ in range(STARTS):
        with tempfile.TemporaryDirectory(prefix="gyrostat-http-") as folder:
            port = free_port()
            with node(Path(folder), 2, port) as (process, began_s):
                found.append(until_healthy(port, began_s) * 1000)
                times = psutil.Process(process.pid).cpu_times()
                cpu.append((times.user + times.system) * 1000)
    print(
        f"up -> first /health 200: median {median(found):.0f} ms, best {min(found):.0f} ms, worst {max(found):.0f} ms"
        f" of {STARTS}; processor time of the node until then {median(cpu):.0f} ms"
    )


def measure_serving(workloads: int) -> None:
    with tempfile.TemporaryDirectory(prefix="gyrostat-http-") as folder:
        port = free_port()
        with node(Path(folder), workloads, port) as (process, began_s):
            until_healthy(port, began_s)
            settled(port, workloads)
            for path in ("/status", "/health", "/metrics"):
                asker, answer = elsewhere(ask, port, path)
                rate, size = answer.recv()
                asker.join()
                print(f"{path} with {workloads} workloads: {rate:,.0f} requests/s of {size:,} bytes")
            alone = cpu_over(process.pid, FOLLOW_S)
            follower, answer = elsewhere(follow, port)
            answer.recv()
            together = cpu_over(process.pid, FOLLOW_S - 1)
            events = answer.recv() / FOLLOWERS / FOLLOW_S
            follower.join()
            print(
                f"{FOLLOWERS} followers, {events:.0f} facts/s each: {together - alone:+.1f} % of a core"
                f" ({alone:.1f} without, {together:.1f} with)"
            )
            measure_half_open(port)


def measure_half_open(port: int) -> None:
    before = livez_ms(port, 50)
    half = [socket.create_connection(("127.0.0.1", port)) for _ in range(HALF_OPEN)]
    for one in half:
        one.sendall(b"GET /status HTTP/1.1\r\nHost: loc")
    during = livez_ms(port, 50)
    for one in half:
        one.close()
    print(f"/livez: median {median(before):.1f} ms, with {HALF_OPEN} half-open connections {median(during):.1f} ms")


if __name__ == "__main__":
    os.environ.pop("GYROSTAT_CONFIG", None)
    measure_starts()
    measure_serving(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
