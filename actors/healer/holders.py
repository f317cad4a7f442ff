"""Processes that hold what a workload needs: a port, a file. Finds them, names them, and ends one that is meant.

Reads the machine's tables; may take tens of milliseconds.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePath
from typing import Final

import msgspec
import psutil

_COMMAND_MAX: Final = 120
_KILLED_WITHIN_S: Final = 5.0
_CLOCK_TICK_S: Final = 0.02
"""Seconds by which two readings of the start of one process may differ."""


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """A process. born_s: its start, Unix seconds, by which it is told from a later one with its pid. pid 0: not seen.

    what: what it holds, in words. command: its command line, shortened.
    """

    pid: int
    born_s: float
    what: str
    command: str


def find_listeners(ports: Sequence[int]) -> list[Holder]:
    """The processes that listen on the first of the ports that is taken; none when none is, or nobody may see it.

    A process of another account may have no pid to see: pid 0.
    """
    try:
        connections = psutil.net_connections("inet")
    except psutil.AccessDenied:  # macOS tells root only
        return []
    taken = [
        (each.laddr.port, each.pid or 0)
        for each in connections
        if each.laddr and each.status in (psutil.CONN_LISTEN, psutil.CONN_NONE)
    ]
    for port in ports:
        pids = sorted({pid for number, pid in taken if number == port})
        if pids:
            return [_holder(pid, f"port {port}") for pid in pids]
    return []


def find_users(path: Path) -> list[Holder]:
    """The processes that have a file open, as far as they may be seen."""
    pids = who_has_open(path)
    return [_holder(pid, path.name) for pid in pids]


def who_has_open(path: Path) -> list[int]:
    """Pids of the processes that have a file open, as far as they may be seen."""
    try:
        wanted = path.stat()
    except OSError:
        return []
    return [pid for pid in psutil.pids() if _has_open(pid, wanted)]


def _has_open(pid: int, wanted: os.stat_result) -> bool:
    try:
        with os.scandir(f"/proc/{pid}/fd") as entries:
            return any(_is(entry, wanted) for entry in entries)
    except OSError:
        return False


def _is(entry: os.DirEntry[str], wanted: os.stat_result) -> bool:
    try:
        return os.path.samestat(entry.stat(), wanted)
    except OSError:  # closed meanwhile
        return False


def who_has_locked(paths: Iterable[Path]) -> set[int]:
    """Pids of the processes with a write lock on one of these files, as the kernel lists them (Linux)."""
    wanted = set()
    for path in paths:
        with contextlib.suppress(OSError):
            found = path.stat()
            wanted.add(f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}")
    pids: set[int] = set()
    with contextlib.suppress(OSError):
        for line in Path("/proc/locks").read_text(encoding="ascii").splitlines():
            words = line.split()
            if "WRITE" in words and wanted.intersection(words):
                pids.update(int(word) for word in words[words.index("WRITE") + 1 :][:1] if word.isdigit())
    return pids


def lineage(pid: int) -> list[psutil.Process]:
    """A process and its ancestors, nearest first; none when it has ended."""
    try:
        process = psutil.Process(pid)
        return [process, *process.parents()]
    except (psutil.Error, ValueError):
        return []


def arguments(process: psutil.Process) -> list[str]:
    """Its command line; empty when it has ended or may not be seen."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def account(process: psutil.Process) -> int:
    """The user it runs as; -1 when it has ended."""
    try:
        return process.uids().effective
    except psutil.Error:
        return -1


def end_process(holder: Holder, grace_s: float) -> bool:
    """End this process and no later one with its pid: TERM, after grace_s seconds KILL; whether it is gone."""
    try:
        meant = os.pidfd_open(holder.pid) if hasattr(os, "pidfd_open") else None
    except OSError:
        return not psutil.pid_exists(holder.pid)
    try:
        for number, patience_s in ((signal.SIGTERM, grace_s), (signal.SIGKILL, _KILLED_WITHIN_S)):
            if not _is_still(holder):
                return True
            with contextlib.suppress(ProcessLookupError, PermissionError):
                for each in (number, signal.SIGCONT):
                    signal.pidfd_send_signal(meant, each) if meant is not None else os.kill(holder.pid, each)
            if _gone_within(holder, meant, patience_s):
                return True
        return False
    finally:
        if meant is not None:
            os.close(meant)


def _gone_within(holder: Holder, meant: int | None, patience_s: float) -> bool:
    if meant is not None:
        return bool(select.select([meant], [], [], patience_s)[0])
    until_s = time.monotonic() + patience_s
    while _is_still(holder) and time.monotonic() < until_s:
        with contextlib.suppress(psutil.Error):
            psutil.Process(holder.pid).wait(_CLOCK_TICK_S)
    return not _is_still(holder)


def _is_still(holder: Holder) -> bool:
    try:
        process = psutil.Process(holder.pid)
        ended = process.status() == psutil.STATUS_ZOMBIE
        return not ended and abs(process.create_time() - holder.born_s) < _CLOCK_TICK_S
    except psutil.Error:
        return False


def _holder(pid: int, what: str) -> Holder:
    born_s, command = 0.0, "a process that may not be seen"
    if pid:
        try:
            process = psutil.Process(pid)
            born_s, words = process.create_time(), process.cmdline() or [process.name()]
            command = shortened(words)
        except psutil.Error:
            command = "ended meanwhile"
    return Holder(pid=pid, born_s=born_s, what=what, command=command)


def shortened(words: Sequence[str]) -> str:
    """A command line for people: on one line, without the directory of its program."""
    text = " ".join(" ".join([PurePath(words[0]).name or words[0], *words[1:]]).split())
    return text if len(text) <= _COMMAND_MAX else f"{text[: _COMMAND_MAX - 3]}..."
