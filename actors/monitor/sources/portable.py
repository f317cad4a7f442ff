"""The process table by psutil, for systems without /proc (macOS); works on Linux too, and is slower there."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Collection, Iterable

import psutil

from actors.monitor.sources.table import Stat


class PortableTable:
    """One look: who is whose child; the rest is read when somebody asks for a process."""

    def __init__(self, parents: dict[int, int]) -> None:
        self.pids = parents
        self.children: dict[int, list[int]] = defaultdict(list)
        self.sessions: dict[int, list[int]] = defaultdict(list)
        for pid, parent in parents.items():
            self.children[parent].append(pid)
            try:
                self.sessions[os.getsid(pid)].append(pid)
            except (ProcessLookupError, PermissionError):
                continue

    def read(self, pid: int) -> Stat | None:
        """One process; None when it is gone or not ours to look into."""
        try:
            process = psutil.Process(pid)
            with process.oneshot():
                zombie = process.status() == psutil.STATUS_ZOMBIE
                times = process.cpu_times()
                return Stat(
                    pid=pid,
                    parent=process.ppid(),
                    zombie=zombie,
                    own_s=times.user + times.system,
                    reaped_s=times.children_user + times.children_system,
                    threads=0 if zombie else process.num_threads(),
                    started_s=process.create_time(),
                    memory=0 if zombie else process.memory_info().rss,
                )
        except psutil.ZombieProcess:
            return Stat(pid, 0, zombie=True, own_s=0.0, reaped_s=0.0, threads=0, started_s=0.0, memory=0)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return None


class PortableSource:
    """Reads through psutil. Its clock is that of start times: Unix seconds."""

    tick_s = 0.01

    def now_s(self) -> float:
        """Unix seconds."""
        return time.time()

    def sweep(self, passed: Collection[int] = ()) -> PortableTable:
        """A look at every process of the machine; none is passed over."""
        del passed
        return PortableTable({process.pid: process.info["ppid"] or 0 for process in psutil.process_iter(["ppid"])})

    def near(self, pids: Iterable[int]) -> PortableTable:
        """The same as a sweep: there is nothing cheaper here."""
        del pids
        return self.sweep()

    def descriptors(self, pid: int) -> int | None:
        """Open file descriptors of a process; 0 when it is gone, None when it is not ours to look into."""
        try:
            return int(psutil.Process(pid).num_fds())
        except psutil.AccessDenied:
            return None
        except psutil.NoSuchProcess:
            return 0

    def moved(self, pid: int) -> tuple[int, int] | None:
        """Bytes read from and written to disks by a process; None when unknown, as it always is on macOS."""
        try:
            counters = psutil.Process(pid).io_counters()
        except (AttributeError, psutil.Error):
            return None
        return counters.read_bytes, counters.write_bytes

    def proportional(self, pid: int) -> int | None:
        """Bytes of memory of a process, shared pages by their share; 0 when it is gone, None when unknown."""
        try:
            return getattr(psutil.Process(pid).memory_full_info(), "pss", None)
        except psutil.NoSuchProcess:
            return 0
        except psutil.AccessDenied:
            return None
