"""The kernel's process table: who is there, whose child, since when, with what environment. I/O.

Linux is read from /proc; elsewhere psutil serves behind the same functions.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, Protocol

import psutil
from msgspec import Struct

TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
_MARK: Final = b"GYROSTAT_"


class Stat(Struct, frozen=True):
    """One process. ticks: its start, in clock ticks since boot (elsewhere: of Unix time). status: of a zombie."""

    pid: int
    zombie: bool
    parent: int
    group: int
    session: int
    ticks: int
    status: int | None = None


class Processes(Protocol):
    """The process table. Every question about a process that is gone or not ours to see gives None or nothing."""

    def pids(self) -> list[int]:
        """Every process."""

    def stat(self, pid: int) -> Stat | None:
        """What the kernel keeps of it."""

    def environ(self, pid: int) -> dict[str, str]:
        """Its environment at exec, as far as it can be read."""

    def marks(self, pid: int) -> dict[str, str]:
        """What the node put into its environment; nothing for most of a machine's processes, and that quickly."""

    def argv(self, pid: int) -> list[str]:
        """Its program and arguments."""

    def cwd(self, pid: int) -> str | None:
        """Its directory, with links resolved."""

    def uid(self, pid: int) -> int | None:
        """Its real user id."""

    def program(self, pid: int) -> str | None:
        """The file it executes."""

    def age_s(self, stat: Stat) -> float:
        """Seconds since it started."""

    def uptime_s(self) -> float:
        """Now, in seconds on the scale of `ticks`."""

    def boot(self) -> str:
        """Names this boot of the machine: processes of another are all gone."""


class ProcFs:
    """Linux, from a /proc."""

    def __init__(self, root: str = "/proc") -> None:
        self._root = root

    def pids(self) -> list[int]:
        """Every process."""
        return [int(name) for name in os.listdir(self._root) if name.isdecimal()]  # noqa: PTH208 - names only

    def stat(self, pid: int) -> Stat | None:
        """What the kernel keeps of it."""
        raw = self._read(pid, "stat")
        # The name stands in parentheses and may hold anything, parentheses too.
        fields = raw[raw.rfind(b")") + 2 :].split()
        if len(fields) < 20:  # noqa: PLR2004 - starttime is field 22, two stand before the parenthesis closes
            return None
        zombie = fields[0] in (b"Z", b"X", b"x")
        status = int(fields[49]) if zombie and len(fields) > 49 else None  # noqa: PLR2004 - exit_code is field 52
        return Stat(pid, zombie, int(fields[1]), int(fields[2]), int(fields[3]), int(fields[19]), status)

    def environ(self, pid: int) -> dict[str, str]:
        """Its environment at exec."""
        return _pairs(self._read(pid, "environ").split(b"\0"))

    def marks(self, pid: int) -> dict[str, str]:
        """What the node put into its environment."""
        raw = self._read(pid, "environ")
        return _pairs(part for part in raw.split(b"\0") if part.startswith(_MARK)) if _MARK in raw else {}

    def argv(self, pid: int) -> list[str]:
        """Its program and arguments."""
        raw = self._read(pid, "cmdline")
        return [os.fsdecode(part) for part in raw.removesuffix(b"\0").split(b"\0")] if raw else []

    def cwd(self, pid: int) -> str | None:
        """Its directory."""
        return self._link(pid, "cwd")

    def program(self, pid: int) -> str | None:
        """The file it executes."""
        return self._link(pid, "exe")

    def uid(self, pid: int) -> int | None:
        """Its real user id."""
        for line in self._read(pid, "status").splitlines():
            if line.startswith(b"Uid:"):
                return int(line.split()[1])
        return None

    def age_s(self, stat: Stat) -> float:
        """Seconds since it started."""
        return max(0.0, self.uptime_s() - stat.ticks / TICKS_PER_S)

    def uptime_s(self) -> float:
        """Seconds since boot."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def boot(self) -> str:
        """The kernel's random id of this boot."""
        return Path(self._root, "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()

    def _read(self, pid: int, name: str) -> bytes:
        try:
            fd = os.open(f"{self._root}/{pid}/{name}", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return b""
        try:
            found = b""
            while chunk := os.read(fd, 65536):
                found += chunk
        except OSError:
            return b""
        finally:
            os.close(fd)
        return found

    def _link(self, pid: int, name: str) -> str | None:
        try:
            return os.readlink(f"{self._root}/{pid}/{name}")  # noqa: PTH115 - a sweep asks thousands of times
        except OSError:
            return None


class PsutilProcesses:
    """Where there is no /proc. Ticks are hundredths of Unix seconds."""

    def pids(self) -> list[int]:
        """Every process."""
        return psutil.pids()

    def stat(self, pid: int) -> Stat | None:
        """What the kernel keeps of it."""
        with contextlib.suppress(psutil.Error, OSError):
            process = psutil.Process(pid)
            zombie = process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
            ticks = int(process.create_time() * TICKS_PER_S)
            return Stat(pid, zombie, process.ppid(), os.getpgid(pid), os.getsid(pid), ticks)
        return None

    def environ(self, pid: int) -> dict[str, str]:
        """Its environment at exec."""
        with contextlib.suppress(psutil.Error, OSError):
            return psutil.Process(pid).environ()
        return {}

    def marks(self, pid: int) -> dict[str, str]:
        """What the node put into its environment."""
        return {name: value for name, value in self.environ(pid).items() if name.startswith(_MARK.decode())}

    def argv(self, pid: int) -> list[str]:
        """Its program and arguments."""
        with contextlib.suppress(psutil.Error, OSError):
            return psutil.Process(pid).cmdline()
        return []

    def cwd(self, pid: int) -> str | None:
        """Its directory."""
        with contextlib.suppress(psutil.Error, OSError):
            return psutil.Process(pid).cwd()
        return None

    def program(self, pid: int) -> str | None:
        """The file it executes."""
        with contextlib.suppress(psutil.Error, OSError):
            return psutil.Process(pid).exe()
        return None

    def uid(self, pid: int) -> int | None:
        """Its real user id."""
        with contextlib.suppress(psutil.Error, OSError):
            return int(psutil.Process(pid).uids().real)
        return None

    def age_s(self, stat: Stat) -> float:
        """Seconds since it started."""
        return max(0.0, self.uptime_s() - stat.ticks / TICKS_PER_S)

    def uptime_s(self) -> float:
        """Unix seconds."""
        return time.time()  # noqa: TID251 - the scale of psutil's start times

    def boot(self) -> str:
        """The time of boot, to ten seconds: it is computed from two clocks."""
        return f"boot-{round(psutil.boot_time() / 10)}"


def process_table() -> Processes:
    """Give the one that serves on this machine."""
    return ProcFs() if Path("/proc/self/stat").exists() else PsutilProcesses()


def members(table: Processes, group: int) -> Iterator[Stat]:
    """Give every process of a group that is not a zombie."""
    for pid in table.pids():
        stat = table.stat(pid)
        if stat is not None and stat.group == group and not stat.zombie:
            yield stat


def _pairs(parts: Iterable[bytes]) -> dict[str, str]:
    pairs = (part.partition(b"=") for part in parts if part)
    return {os.fsdecode(key): os.fsdecode(value) for key, _, value in pairs}
