"""The machine as a whole, and the node's own process, by psutil."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import psutil

from actors.monitor.sources.connections import host_connections

_IDLE = ("idle", "iowait")
_INSIDE_OTHERS = ("guest", "guest_nice")
"""Times that the kernel counts in user and nice as well."""


def memory_total() -> float:
    """Bytes of memory of the machine."""
    return float(psutil.virtual_memory().total)


class HostSource:
    """Reads the machine. state_dir: the directory whose file system is watched; may not exist yet."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir
        self._cpu: tuple[float, float] | None = None

    def read(self) -> dict[str, float]:
        """Read it: cpu in percent of all cores (from the second call on), load1, memory in bytes and so on.

        memory_percent, swap and disk are in percent, memory_total in bytes; connections are there where the kernel
        counts them.
        """
        memory = psutil.virtual_memory()
        values = {
            "load1": psutil.getloadavg()[0],
            "memory": float(memory.total - memory.available),
            "memory_percent": 100.0 * (memory.total - memory.available) / memory.total,
            "memory_total": float(memory.total),
            "swap": float(psutil.swap_memory().percent),
        }
        cpu = self._cpu_percent()
        if cpu is not None:
            values["cpu"] = cpu
        if self._state_dir.exists():
            values["disk"] = float(psutil.disk_usage(str(self._state_dir)).percent)
        connections = host_connections()
        if connections is not None:
            values["connections"] = float(connections)
        return values

    def _cpu_percent(self) -> float | None:
        times: dict[str, float] = psutil.cpu_times()._asdict()
        total_s = sum(seconds for name, seconds in times.items() if name not in _INSIDE_OTHERS)
        busy_s = total_s - sum(times.get(name, 0.0) for name in _IDLE)
        before, self._cpu = self._cpu, (busy_s, total_s)
        if before is None or total_s <= before[1]:
            return None
        return min(100.0, max(0.0, 100.0 * (busy_s - before[0]) / (total_s - before[1])))


class OwnSource:
    """Reads the process this runs in. clock: monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._process = psutil.Process()
        self._before: tuple[float, float] | None = None

    def read(self) -> dict[str, float]:
        """Read it: cpu in percent of one core (from the second call on), resident memory in bytes, threads, fds."""
        now = (self._clock(), time.process_time())
        before, self._before = self._before, now
        values = {
            "memory": float(self._process.memory_info().rss),
            "threads": float(self._process.num_threads()),
            "fds": float(self._process.num_fds()),
        }
        if before is not None and now[0] > before[0]:
            values["cpu"] = max(0.0, 100.0 * (now[1] - before[1]) / (now[0] - before[0]))
        return values
