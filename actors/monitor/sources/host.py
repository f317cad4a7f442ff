"""The machine as a whole: directly from /proc on Linux, by psutil elsewhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import psutil

from actors.monitor.sources.connections import host_connections
from actors.monitor.sources.pressure import Pressure
from actors.monitor.sources.traffic import Traffic

_IDLE = ("idle", "iowait")
_INSIDE_OTHERS = ("guest", "guest_nice")
"""Times that the kernel counts in user and nice as well."""


def memory_total() -> float:
    """Bytes of memory of the machine."""
    return float(psutil.virtual_memory().total)


class HostSource:
    """Reads the machine. state_dir: the directory whose file system is watched; may not exist yet. clock: monotonic."""

    def __init__(self, state_dir: Path, clock: Callable[[], float]) -> None:
        self._state_dir = state_dir
        self._cpu: tuple[float, float] | None = None
        self._traffic = Traffic(clock)
        self._pressure = Pressure(clock)

    def read(self) -> dict[str, float]:
        """Read it: cpu in percent of all cores, load1, memory in bytes and so on.

        memory_percent, swap, disk, inodes and what Pressure reads are in percent, memory_total in bytes, what Traffic
        reads in bytes per second; connections and fds are there where the kernel counts them. What is counted between
        two readings is there from the second on.
        """
        values = {"load1": os.getloadavg()[0], **memory_values(), **self._disk()}
        cpu = self._cpu_percent()
        if cpu is not None:
            values["cpu"] = cpu
        connections = host_connections()
        if connections is not None:
            values["connections"] = float(connections)
        fds = open_files()
        if fds is not None:
            values["fds"] = float(fds)
        return {**values, **self._pressure.read(), **self._traffic.read()}

    def _disk(self) -> dict[str, float]:
        """Percent used of the space and inodes that an ordinary user can have; not every file system counts inodes."""
        try:
            found = os.statvfs(self._state_dir)
        except FileNotFoundError:
            return {}
        space = found.f_blocks - found.f_bfree + found.f_bavail
        inodes = found.f_files - found.f_ffree + found.f_favail
        values = {}
        if space > 0:
            values["disk"] = 100.0 * (found.f_blocks - found.f_bfree) / space
        if found.f_files > 0 and inodes > 0:
            values["inodes"] = 100.0 * (found.f_files - found.f_ffree) / inodes
        return values

    def _cpu_percent(self) -> float | None:
        times: dict[str, float] = psutil.cpu_times()._asdict()
        total_s = sum(seconds for name, seconds in times.items() if name not in _INSIDE_OTHERS)
        busy_s = total_s - sum(times.get(name, 0.0) for name in _IDLE)
        before, self._cpu = self._cpu, (busy_s, total_s)
        if before is None or total_s <= before[1]:
            return None
        return min(100.0, max(0.0, 100.0 * (busy_s - before[0]) / (total_s - before[1])))


def memory_values() -> dict[str, float]:
    """Bytes of memory used and in all, percent used of memory and of swap."""
    if sys.platform == "linux":
        total, available, swap_total, swap_free = _meminfo()
        swap = 100.0 * (swap_total - swap_free) / swap_total if swap_total else 0.0
    else:
        memory = psutil.virtual_memory()
        total, available, swap = float(memory.total), float(memory.available), float(psutil.swap_memory().percent)
    used = total - available
    return {"memory": used, "memory_percent": 100.0 * used / total, "memory_total": total, "swap": swap}


def _meminfo() -> tuple[float, float, float, float]:
    """Bytes of memory in all and available, of swap in all and free. Source: proc_meminfo(5)."""
    found = dict(line.split(b":", 1) for line in Path("/proc/meminfo").read_bytes().splitlines())
    wanted = (b"MemTotal", b"MemAvailable", b"SwapTotal", b"SwapFree")
    total, available, swap_total, swap_free = (1024.0 * int(found[name].split()[0]) for name in wanted)
    return total, available, swap_total, swap_free


def open_files() -> int | None:
    """Open files of the machine; None where the kernel does not say. Source: proc_sys_fs(5), file-nr."""
    try:
        return int(Path("/proc/sys/fs/file-nr").read_bytes().split()[0])
    except OSError:
        return None
