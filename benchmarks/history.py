"""What keeping the past costs: CPU of the writes, bytes on disk, time to bring it back and to tell it; 500 workloads.

Readings as the Monitor takes them, every 10 s over three hours, with the real archive in a temporary directory.
Run: .venv/bin/python benchmarks/history.py
"""

from __future__ import annotations

import contextlib
import random
import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import mean

from actors.monitor.archive import HOUR, Archive, Kept, Key
from actors.monitor.history import History
from actors.monitor.lookback import Window
from actors.monitor.past import Asked, answered, in_minutes, remembered
from bus.messages import GetMetrics

WORKLOADS = 500
STEP_S = 10
WRITE_S = 300
HOURS = 3
T0 = 1_700_006_400.0
STILL = ("availability", "connections", "error_rate", "log_rate", "processes", "pss", "restarts", "threads", "zombies")
EVER = Kept(1e9, 1e9, 1e9, 1e12)


def idle(_: random.Random) -> dict[str, float]:
    """A sleeper: nothing moves."""
    return {**dict.fromkeys(STILL, 1.0), "cpu": 0.0, "memory": 1.7e6, "fds": 3.0}


def busy(chance: random.Random) -> dict[str, float]:
    """A server: nothing stands still but what counts threads and restarts."""
    moving = {
        "cpu": chance.uniform(5, 60),
        "memory": 2e8 + chance.randrange(0, 10**7, 4096),
        "fds": chance.randrange(40),
    }
    service = {"latency": chance.uniform(0.01, 0.1), "log_rate": chance.uniform(0, 50), "error_rate": chance.random()}
    return {**dict.fromkeys(STILL, 1.0), **moving, **service}


def cpu_ms(work: Callable[..., object], *given: object) -> float:
    began_s = time.process_time()
    work(*given)
    return (time.process_time() - began_s) * 1e3


def measure(name: str, read: Callable[[random.Random], dict[str, float]], folder: Path) -> None:
    chance = random.Random(7)  # noqa: S311 - the same figures each time
    keys = [Key("workload", f"w{number}") for number in range(WORKLOADS)]
    past = {key: History(1000, STEP_S) for key in keys}
    archive = Archive(folder / f"{name}.db", lambda: T0, 0.0)
    writes, tidies = [], []
    for now_s in range(STEP_S, HOURS * HOUR + STEP_S, STEP_S):
        for key in keys:
            past[key].add(float(now_s), read(chance).items())
        if now_s % WRITE_S == 0:
            writes.append(cpu_ms(write, archive, past, float(now_s)))
        if now_s % HOUR == 0:
            tidies.append(cpu_ms(archive.tidy, keys, EVER, T0 + now_s + 1))
    share = (sum(writes) + sum(tidies)) / 1e3 / (HOURS * HOUR) * 100
    minutes, hours = kept_bytes(folder / f"{name}.db")
    metrics = len(read(chance))
    daily = 24 / HOURS
    print(f"\n{WORKLOADS} workloads, {name}: {metrics} series each, {metrics * WORKLOADS} in all")
    print(f"  a write each {WRITE_S} s   {mean(writes):8.1f} ms of CPU")
    print(f"  an hour made one row  {mean(tidies):8.1f} ms of CPU, once an hour")
    print(f"  together              {share:8.4f} % of a core")
    print(f"  minutes               {minutes * daily / 1e6:8.1f} MB a day")
    print(f"  hours                 {hours * daily / 1e6:8.1f} MB a day before they become one row")
    since = T0 + HOURS * HOUR - 10_000
    brought = cpu_ms(bring_back, archive, since)
    print(f"  brought back          {brought:8.1f} ms of CPU at the start, {10_000 / HOUR:.1f} hours of every series")
    ask("one series, 3 hours  ", archive, keys[:1], GetMetrics(subjects=["w0"], metrics=["cpu"]))
    ask("all series of one    ", archive, keys[:1], GetMetrics(subjects=["w0"], points=60))
    ask("cpu, memory of 100   ", archive, keys[:100], GetMetrics(metrics=["cpu", "memory"], points=24))
    archive.close()


def kept_bytes(path: Path) -> tuple[int, int]:
    """Of what is kept by the minute in hours that are over, and by the hour."""
    sizes = "SELECT sum(length(body)) FROM piece WHERE grain = ? AND done >= ?"
    with contextlib.closing(sqlite3.connect(path)) as database:
        minutes, hours = (database.execute(sizes, which).fetchone()[0] for which in ((60, 1), (3600, 0)))
    return minutes, hours


def bring_back(archive: Archive, since: float) -> None:
    for _, bands in archive.recent(since):
        remembered(bands, History(1000, STEP_S), T0, HOURS * HOUR)


def write(archive: Archive, past: dict[Key, History], now_s: float) -> None:
    stretches = {key: list(history.after(archive.written_s, now_s)) for key, history in past.items()}
    archive.write(lambda _: in_minutes(stretches, T0), now_s)


def ask(what: str, archive: Archive, keys: list[Key], command: GetMetrics) -> None:
    until = T0 + HOURS * HOUR
    window = Window(until - HOURS * HOUR, until, command.points, 0.05)
    asked = [Asked(key, {}, {}, reaches=False, metrics=[]) for key in keys]
    print(f"  {what} {cpu_ms(lambda: answered(command, asked, archive, window, T0)):8.1f} ms of CPU to tell")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        for kind in (idle, busy):
            measure(kind.__name__, kind, Path(name))
