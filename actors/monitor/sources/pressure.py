"""How long work had to wait for CPU, memory or disks, where the kernel counts it (Linux 4.20 with PSI)."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

_METRICS: Final = (
    ("pressure_cpu", "cpu", b"some"),
    ("pressure_memory", "memory", b"some"),
    ("pressure_io", "io", b"some"),
    ("stall_memory", "memory", b"full"),
    ("stall_io", "io", b"full"),
)
"""Metric, file beneath the folder, line. some: at least one task waited; full: all that could have run did."""
_LINE: Final = re.compile(rb"^(some|full) avg10=([0-9.]+) .*total=(\d+)$", re.MULTILINE)


class Pressure:
    """Reads the share of time, in percent. clock: monotonic seconds.

    Source: Documentation/accounting/psi.rst; the share is reckoned from the total between two readings, in the first
    it is the kernel's own of the last 10 s.
    """

    def __init__(self, clock: Callable[[], float], folder: Path = Path("/proc/pressure")) -> None:
        self._clock = clock
        self._folder = folder
        self._before: dict[tuple[str, bytes], tuple[float, int]] = {}
        self._files = sorted({name for _, name, _ in _METRICS}) if folder.is_dir() else []

    def read(self) -> dict[str, float]:
        """pressure_cpu, pressure_memory, pressure_io, stall_memory, stall_io: those that the kernel gives."""
        shares = {(name, kind): share for name in self._files for kind, share in self._shares(name)}
        return {metric: shares[name, kind] for metric, name, kind in _METRICS if (name, kind) in shares}

    def _shares(self, name: str) -> list[tuple[bytes, float]]:
        try:
            data, now_s = (self._folder / name).read_bytes(), self._clock()
        except OSError:  # switched off at boot (psi=0), or not ours to read
            return []
        found = []
        for kind, average, total in _LINE.findall(data):
            before = self._before.get((name, kind))
            self._before[name, kind] = (now_s, int(total))
            share = float(average)
            if before is not None and now_s > before[0]:
                share = (int(total) - before[1]) / 1e4 / (now_s - before[0])
            found.append((kind, min(100.0, max(0.0, share))))
        return found
