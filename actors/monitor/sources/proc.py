"""The process table of Linux: one /proc/<pid>/stat per process, read directly.

Its resident set is the same figure as that of statm, so that nothing else is read per member but the number of
descriptors. A process that did nothing since the last look reads the same, byte by byte: it is not parsed again.
Source: proc_pid_stat(5), proc_pid_io(5), proc_pid_smaps(5); the size of /proc/<pid>/fd since Linux 6.2.
"""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Collection, Iterable
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


class Seen:
    """What one process read at the last look. stat: None when it was gone already."""

    __slots__ = ("raw", "session", "stat")

    def __init__(self, pid: int, raw: bytes) -> None:
        fields = raw[raw.rindex(b")") + 2 :].split(b" ", _RSS + 1)
        state = fields[_STATE]
        self.raw = raw
        self.session = int(fields[_SESSION])
        self.stat: Stat | None = None
        if state in b"Xx":
            return
        self.stat = Stat(
            pid=pid,
            parent=int(fields[_PARENT]),
            zombie=state == b"Z",
            own_s=(int(fields[_UTIME]) + int(fields[_STIME])) * _TICK_S,
            reaped_s=(int(fields[_CUTIME]) + int(fields[_CSTIME])) * _TICK_S,
            threads=int(fields[_THREADS]),
            started_s=int(fields[_START]) * _TICK_S,
            memory=int(fields[_RSS]) * _PAGE,
        )


class ProcTable:
    """One look. before: what was seen at the last one."""

    def __init__(self, before: dict[int, Seen]) -> None:
        self.pids: dict[int, Seen] = {}
        self.children: dict[int, list[int]] = defaultdict(list)
        self.sessions: dict[int, list[int]] = defaultdict(list)
        self._before = before

    def take(self, pid: int) -> bool:
        """Read one process; False when it is gone."""
        raw = read_file(f"/proc/{pid}/stat")
        if not raw:
            return False
        seen = self._before.get(pid)
        if seen is None or seen.raw != raw:
            seen = Seen(pid, raw)
        self.pids[pid] = seen
        if seen.stat is not None:
            self.children[seen.stat.parent].append(pid)
        self.sessions[seen.session].append(pid)
        return True

    def read(self, pid: int) -> Stat | None:
        """One process of the look; None when it is gone. The very same as before while the process does nothing."""
        seen = self.pids.get(pid)
        return None if seen is None else seen.stat


class ProcSource:
    """Reads /proc. Its clock counts seconds since boot, suspended time included, as start times do."""

    tick_s = _TICK_S

    def __init__(self) -> None:
        self._seen: dict[int, Seen] = {}

    def now_s(self) -> float:
        """Seconds since boot."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def sweep(self, passed: Collection[int] = ()) -> ProcTable:
        """A look at every process of the machine, but for those that may be passed over."""
        table = ProcTable(self._seen)
        for name in os.listdir("/proc"):
            if name[0] in "123456789" and (pid := int(name)) not in passed:
                table.take(pid)
        self._seen = table.pids
        return table

    def near(self, pids: Iterable[int]) -> ProcTable:
        """A look at these processes and what they have started since."""
        table = ProcTable(self._seen)
        tried: set[int] = set()
        waiting = list(pids)
        while waiting:
            pid = waiting.pop()
            if pid not in tried and table.take(pid):
                waiting.extend(children_of(pid))
            tried.add(pid)
        self._seen.update(table.pids)
        return table

    def descriptors(self, pid: int) -> int | None:
        """Open file descriptors of a process; 0 when it is gone, None when it is not ours to look into."""
        try:
            return os.stat(f"/proc/{pid}/fd").st_size or len(os.listdir(f"/proc/{pid}/fd"))
        except PermissionError:
            return None
        except (FileNotFoundError, ProcessLookupError):
            return 0

    def moved(self, pid: int) -> tuple[int, int] | None:
        """Bytes read from and written to disks by a process and the children it waited for; None when unknown."""
        fields = dict(line.split(b": ") for line in read_file(f"/proc/{pid}/io").splitlines())
        try:
            return int(fields[b"read_bytes"]), int(fields[b"write_bytes"])
        except KeyError:
            return None

    def proportional(self, pid: int) -> int | None:
        """Bytes of memory of a process, shared pages by their share; 0 when it is gone, None when unknown."""
        data = read_file(f"/proc/{pid}/smaps_rollup", size=4096)
        _, found, rest = data.partition(b"\nPss:")
        if found:
            return int(rest.split(None, 1)[0]) * 1024
        return None if os.path.exists(f"/proc/{pid}") else 0


def children_of(pid: int) -> list[int]:
    """What the threads of a process have started and not yet waited for; none where the kernel does not say."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except _GONE:
        return []
    found: list[int] = []
    for thread in threads:
        data = read_file(f"/proc/{pid}/task/{thread}/children", size=_CHILDREN_BYTES)
        found += map(int, data[: data.rfind(b" ") + 1].split())
    return found


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
