"""What goes over the machine's disks and network, from /proc on Linux and by psutil elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Final

import psutil

from actors.monitor.counting import Counters
from actors.settings.metrics import As

Counts = Mapping[str, tuple[int, int]]
"""Name of a device -> bytes read or received, bytes written or sent."""
_SECTOR: Final = 512
"""Bytes that /proc/diskstats counts in, whatever the device has."""
_READ, _WRITTEN = 5, 9
"""Fields of /proc/diskstats: sectors read and written."""
_IN, _OUT = 0, 8
"""Fields of /proc/net/dev behind the name: bytes received and sent."""


METRICS: Final[Mapping[str, As]] = {"disk_read": "rate", "disk_write": "rate", "net_in": "rate", "net_out": "rate"}


class Traffic:
    """Reads bytes per second between two readings. clock: monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._disks, self._net = (disk_counts, net_counts) if sys.platform == "linux" else (_psutil_disks, _psutil_net)
        self._counters = Counters(METRICS)

    def read(self) -> dict[str, float]:
        """disk_read, disk_write, net_in and net_out, in bytes per second, from the second call on.

        A device that joins counts from its second reading on.
        """
        counts: dict[str, float] = {}
        for read, written, devices in (("disk_read", "disk_write", self._disks()), ("net_in", "net_out", self._net())):
            for name, (first, second) in devices.items():
                counts[f"{read}.{name}"], counts[f"{written}.{name}"] = float(first), float(second)
        values: dict[str, float] = {}
        for key, rate in self._counters.values(counts, self._clock()).items():
            metric = key.partition(".")[0]
            values[metric] = values.get(metric, 0.0) + rate
        return values


def disk_counts() -> Counts:
    """Bytes read from and written to each disk. Source: Documentation/admin-guide/iostats.rst.

    A partition, a loop device or a volume made of disks is none: its bytes count where they go in the end.
    """
    rows = [line.split() for line in _lines("/proc/diskstats")]
    wanted = real_devices("/sys/block", tuple(row[2] for row in rows))
    return {row[2]: (int(row[_READ]) * _SECTOR, int(row[_WRITTEN]) * _SECTOR) for row in rows if row[2] in wanted}


def net_counts() -> Counts:
    """Bytes received and sent by each network interface but loopback. Source: proc_pid_net(5), dev."""
    rows = {
        name.strip(): rest.split()
        for name, colon, rest in (line.partition(":") for line in _lines("/proc/net/dev"))
        if colon
    }
    wanted = real_devices("/sys/class/net", tuple(name for name in rows if name != "lo"))
    return {name: (int(row[_IN]), int(row[_OUT])) for name, row in rows.items() if name in wanted}


@cache
def real_devices(folder: str, names: tuple[str, ...]) -> frozenset[str]:
    """Those with hardware behind them; where none has, as in a container, all that the folder has."""
    there = [name for name in names if (Path(folder) / name).exists()]
    return frozenset(name for name in there if (Path(folder) / name / "device").exists()) or frozenset(there)


def _lines(path: str) -> Iterable[str]:
    try:
        return Path(path).read_text("ascii", "replace").splitlines()
    except OSError:
        return ()


def _psutil_disks() -> Counts:
    found = psutil.disk_io_counters(perdisk=True)
    return {name: (row.read_bytes, row.write_bytes) for name, row in found.items()}


def _psutil_net() -> Counts:
    found = psutil.net_io_counters(pernic=True)
    return {name: (row.bytes_recv, row.bytes_sent) for name, row in found.items() if not name.startswith("lo")}
