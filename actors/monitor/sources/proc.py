"""The process table of Linux: one /proc/<pid>/stat per process, read directly.

Its resident set is the same figure as that of statm, so that nothing else is read per member but the number of
descriptors. Source: proc_pid_stat(5); the size of /proc/<pid>/fd since Linux 6.2.
"""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from actors.monitor.sources.table import Stat

_TICK_S: Final = 1.0 / os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_GONE: Final = (FileNotFoundError, ProcessLookupError, PermissionError)
_CHILDREN_BYTES: Final = 65_536
_STATE, _PARENT, _SESSION, _UTIME, _STIME, _CUTIME, _CSTIME, _THREADS, _START, _RSS = (
    0,
    1,
    3,
    11,
    12,
    13,
    14,
    17,
    19,
    21,
)
"""Fields of /proc/<pid>/stat, counted from behind the name."""


class ProcTable:
    """One look; the fields stay as bytes until somebody asks for a process."""

    def __init__(self) -> None:
        self.children: dict[int, list[int]] = defaultdict(list)
        self.sessions: dict[int, list[int]] = defaultdict(list)
        self._fields: dict[int, list[bytes]] = {}

    def take(self, pid: int) -> bool:
        """Read one process; False when it is gone."""
        data = read_file(f"/proc/{pid}/stat")
        if not data:
            return False
        fields = data[data.rindex(b")") + 2 :].split(b" ", _RSS + 1)
        self._fields[pid] = fields
        self.children[int(fields[_PARENT])].append(pid)
        self.sessions[int(fields[_SESSION])].append(pid)
        return True

    def read(self, pid: int) -> Stat | None:
        """One process of the look; None when it is gone."""
        fields = self._fields.get(pid)
        if fields is None or fields[_STATE] in b"Xx":
            return None
        return Stat(
            pid=pid,
            parent=int(fields[_PARENT]),
            zombie=fields[_STATE] == b"Z",
            own_s=(int(fields[_UTIME]) + int(fields[_STIME])) * _TICK_S,
            reaped_s=(int(fields[_CUTIME]) + int(fields[_CSTIME])) * _TICK_S,
            threads=int(fields[_THREADS]),
            started_s=int(fields[_START]) * _TICK_S,
            memory=int(fields[_RSS]) * _PAGE,
        )


class ProcSource:
    """Reads /proc. Its clock counts seconds since boot, suspended time included, as start times do."""

    tick_s = _TICK_S

    def now_s(self) -> float:
        """Seconds since boot."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def sweep(self) -> ProcTable:
        """A look at every process of the machine."""
        table = ProcTable()
        for name in os.listdir("/proc"):
            if name[0] in "123456789":
                table.take(int(name))
        return table

    def near(self, pids: Iterable[int]) -> ProcTable:
        """A look at these processes and what their main threads have started since."""
        table = ProcTable()
        seen: set[int] = set()
        waiting = list(pids)
        while waiting:
            pid = waiting.pop()
            if pid not in seen and table.take(pid):
                waiting.extend(children_of(pid))
            seen.add(pid)
        return table

    def descriptors(self, pid: int) -> int | None:
        """Open file descriptors of a process; 0 when it is gone, None when it is not ours to look into."""
        try:
            return os.stat(f"/proc/{pid}/fd").st_size or len(os.listdir(f"/proc/{pid}/fd"))
        except PermissionError:
            return None
        except (FileNotFoundError, ProcessLookupError):
            return 0


def children_of(pid: int) -> list[int]:
    """What the main thread of a process has started and not yet waited for; none where the kernel does not say."""
    data = read_file(f"/proc/{pid}/task/{pid}/children", size=_CHILDREN_BYTES)
    return [int(word) for word in data[: data.rfind(b" ") + 1].split()]


def read_file(path: str, *, size: int = 1024) -> bytes:
    """The first bytes of a file of /proc in one read; empty when the process is gone or not ours to look into."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.read(descriptor, size)
        finally:
            os.close(descriptor)
    except _GONE:
        return b""
