"""Sees processes end, at once: one thread waits on a pidfd each. I/O.

Children are reaped here and nowhere else, so that an exit status is never lost to somebody else's wait. Where there is
no pidfd, a thread looks every POLL_S seconds.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import struct
import sys
import threading
from collections.abc import Callable, Hashable
from typing import Any, Final, Protocol

from msgspec import Struct

from actors.process_manager.processes import Processes

POLL_S: Final = 0.02
"""Seconds between two looks where the kernel cannot tell."""

_PIDFD_INFO: Final = struct.Struct("=QQ12I")
_PIDFD_INFO_EXIT: Final = 1 << 3
_PIDFD_GET_INFO: Final = (3 << 30) | (_PIDFD_INFO.size << 16) | (0xFF << 8) | 11
"""ioctl _IOWR(0xFF, 11, struct pidfd_info). Source: include/uapi/linux/pidfd.h, Linux 6.13; exit code since 6.15."""


class Exit(Struct, frozen=True):
    """How a process ended: one of the two, or neither when the kernel no longer knows. signal: without SIG."""

    exit_code: int | None = None
    signal: str | None = None


Tell = Callable[[Any, Exit], None]

Recall = Callable[[int, int | None], Exit | None]
"""Gives how a process, named by pid and start ticks, ended, when somebody else saw it."""


def nobody(_pid: int, _ticks: int | None) -> Exit | None:
    """Nobody else sees exits."""
    return None


class ExitWatcher(Protocol):
    """Calls tell(key, exit) once for each watched process, from its own thread."""

    def watch(self, pid: int, key: Hashable, *, child: bool) -> None:
        """Tell when the process ends, also when it has ended already. child: ours to reap."""

    def close(self) -> None:
        """Tell nothing more; safe to call twice."""


class PidfdWatcher:
    """Linux 5.3 and later."""

    def __init__(self, tell: Tell, table: Processes, recall: Recall = nobody) -> None:
        self._tell = tell
        self._table = table
        self._recall = recall
        self._watched: dict[int, tuple[int, Hashable, bool, int | None]] = {}
        self._poll: PollWatcher | None = None
        self._epoll = select.epoll()
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._epoll.register(self._wake, select.EPOLLIN)
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="exits", daemon=True)
        self._thread.start()

    def watch(self, pid: int, key: Hashable, *, child: bool) -> None:
        """Tell when the process ends."""
        try:
            fd = os.pidfd_open(pid)
        except ProcessLookupError:
            self._tell(key, Exit())
            return
        except OSError:  # no descriptor left, or not allowed
            self._poll = self._poll or PollWatcher(self._tell, self._table, self._recall)
            self._poll.watch(pid, key, child=child)
            return
        stat = None if child else self._table.stat(pid)
        self._watched[fd] = (pid, key, child, stat.ticks if stat else None)
        self._epoll.register(fd, select.EPOLLIN)

    def close(self) -> None:
        """End the thread and let go of the descriptors."""
        if self._closed:
            return
        self._closed = True
        if self._poll is not None:
            self._poll.close()
        os.eventfd_write(self._wake, 1)
        self._thread.join()
        for fd in (*self._watched, self._wake):
            os.close(fd)
        self._watched.clear()
        self._epoll.close()

    def _run(self) -> None:
        while not self._closed:
            for fd, _ in self._epoll.poll():
                if fd != self._wake and not self._closed:
                    self._ended(fd)

    def _ended(self, fd: int) -> None:
        pid, key, child, ticks = self._watched.pop(fd)
        self._epoll.unregister(fd)
        ended = (_reap(os.P_PIDFD, fd) if child else None) or seen_exit(self._table, pid, fd)
        if ended == Exit():
            ended = self._recall(pid, ticks) or ended
        self._tell(key, ended)
        os.close(fd)


class PollWatcher:
    """macOS, and kernels that do not let us open a pidfd."""

    def __init__(self, tell: Tell, table: Processes, recall: Recall = nobody) -> None:
        self._tell = tell
        self._table = table
        self._recall = recall
        self._watched: dict[int, tuple[Hashable, bool, int | None]] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="exits", daemon=True)
        self._thread.start()

    def watch(self, pid: int, key: Hashable, *, child: bool) -> None:
        """Tell when the process ends."""
        stat = self._table.stat(pid)
        self._watched[pid] = (key, child, stat.ticks if stat else None)

    def close(self) -> None:
        """End the thread."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(POLL_S):
            for pid, (key, child, ticks) in list(self._watched.items()):
                ended = self._look(pid, child, ticks)
                if ended is not None:
                    del self._watched[pid]
                    self._tell(key, ended)

    def _look(self, pid: int, child: bool, ticks: int | None) -> Exit | None:  # noqa: FBT001
        if child:
            ended = reap(pid)
            if ended is not None:
                return ended
        stat = self._table.stat(pid)
        if stat is None or stat.zombie or stat.ticks != ticks:
            if stat is not None and stat.zombie and stat.ticks == ticks and stat.status is not None:
                return exit_of(stat.status)
            return self._recall(pid, ticks) or Exit()
        return None


def exit_watcher(tell: Tell, table: Processes, recall: Recall = nobody) -> ExitWatcher:
    """Give the one that serves on this machine."""
    if hasattr(select, "kqueue"):
        from actors.process_manager.kqueue import KqueueWatcher  # noqa: PLC0415 - only where there is such

        return KqueueWatcher(tell, table, recall)
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):
        return PollWatcher(tell, table, recall)
    return PidfdWatcher(tell, table, recall)


def reap(pid: int) -> Exit | None:
    """Take the exit of a child that has ended; None when it lives or is no child of ours."""
    return _reap(getattr(os, "P_PID", 1), pid)


def _reap(kind: int, number: int) -> Exit | None:
    try:
        if not hasattr(os, "waitid"):  # Python 3.11 and 3.12 on macOS; there are no pidfds there either
            pid, status = os.waitpid(number, os.WNOHANG)
            return exit_of(status) if pid else None
        result = os.waitid(kind, number, os.WEXITED | os.WNOHANG)
    except ChildProcessError:
        return None
    if result is None or result.si_pid == 0:
        return None
    if result.si_code == os.CLD_EXITED:
        return Exit(exit_code=result.si_status)
    return Exit(signal=signal_name(result.si_status))


def seen_exit(table: Processes, pid: int, pidfd: int) -> Exit:
    """How a process that is no child of ours ended.

    A zombie shows its status to those who may trace it; once its parent has reaped it, the pidfd does (Linux 6.15).
    """
    stat = table.stat(pid)
    if stat is not None and stat.zombie:
        return exit_of(stat.status)
    return exit_of(pidfd_status(pidfd))


def pidfd_status(pidfd: int) -> int | None:
    """Give the wait status of a reaped process; None when it is not reaped, or the kernel does not keep it."""
    if sys.platform != "linux":
        return None
    import fcntl  # noqa: PLC0415 - the one use

    buffer = bytearray(_PIDFD_INFO.pack(_PIDFD_INFO_EXIT, *[0] * 13))
    with contextlib.suppress(OSError):
        fcntl.ioctl(pidfd, _PIDFD_GET_INFO, buffer)
        fields = _PIDFD_INFO.unpack(buffer)
        if fields[0] & _PIDFD_INFO_EXIT:
            return int(fields[-1])
    return None


def exit_of(status: int | None) -> Exit:
    """Split a wait status."""
    if status is None:
        return Exit()
    if os.WIFSIGNALED(status):
        return Exit(signal=signal_name(os.WTERMSIG(status)))
    return Exit(exit_code=os.WEXITSTATUS(status))


def signal_name(number: int) -> str:
    """Give the name without SIG; the number of one that has none."""
    try:
        return signal.Signals(number).name.removeprefix("SIG")
    except ValueError:
        return str(number)
