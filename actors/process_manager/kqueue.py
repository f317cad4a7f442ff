"""Sees processes end on macOS and the BSDs: one thread waits on a kqueue. I/O.

EVFILT_PROC with NOTE_EXIT tells of any process of ours, child or not; with NOTE_EXITSTATUS (macOS, for processes of the
same user) also how it ended. Source: kqueue(2) of macOS.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
from collections.abc import Hashable
from typing import Any, Final

from actors.process_manager.exits import Exit, Recall, Tell, exit_of, nobody
from actors.process_manager.processes import Processes

NOTE_EXITSTATUS: Final = 0x04000000
"""Not in Python's select; macOS has it since 10.9, others refuse it."""

_DATA_MASK: Final = 0xFFFF


class KqueueWatcher:
    """kqueue: the module, or what stands in for it."""

    def __init__(self, tell: Tell, table: Processes, recall: Recall = nobody, *, kqueue: Any = select) -> None:
        self._tell = tell
        self._table = table
        self._recall = recall
        self._kq = kqueue
        self._queue = kqueue.kqueue()
        self._watched: dict[int, tuple[Hashable, bool, int | None]] = {}
        self._closed = False
        self._wake_read, self._wake_write = os.pipe()
        self._add(self._wake_read, kqueue.KQ_FILTER_READ, 0)
        self._thread = threading.Thread(target=self._run, name="exits", daemon=True)
        self._thread.start()

    def watch(self, pid: int, key: Hashable, *, child: bool) -> None:
        """Tell when the process ends, also when it has ended already."""
        stat = self._table.stat(pid)
        ticks = stat.ticks if stat else None
        self._watched[pid] = (key, child, ticks)
        for notes in (self._kq.KQ_NOTE_EXIT | NOTE_EXITSTATUS, self._kq.KQ_NOTE_EXIT):
            try:
                self._add(pid, self._kq.KQ_FILTER_PROC, notes)
            except ProcessLookupError:
                self._ended(pid, None)
                return
            except OSError:  # not our process to ask the status of, or no such note here
                continue
            return
        self._ended(pid, None)

    def close(self) -> None:
        """End the thread and let go of the descriptors."""
        if self._closed:
            return
        self._closed = True
        os.write(self._wake_write, b"x")
        self._thread.join()
        self._queue.close()
        os.close(self._wake_read)
        os.close(self._wake_write)

    def _add(self, ident: int, kind: int, notes: int) -> None:
        flags = self._kq.KQ_EV_ADD | (self._kq.KQ_EV_ONESHOT if notes else 0)
        self._queue.control([self._kq.kevent(ident, kind, flags, notes)], 0)

    def _run(self) -> None:
        while not self._closed:
            with contextlib.suppress(InterruptedError):
                for event in self._queue.control(None, 64, None):
                    if event.filter == self._kq.KQ_FILTER_PROC and not self._closed:
                        known = event.fflags & NOTE_EXITSTATUS
                        self._ended(event.ident, event.data & _DATA_MASK if known else None)

    def _ended(self, pid: int, status: int | None) -> None:
        found = self._watched.pop(pid, None)
        if found is None:
            return
        key, child, ticks = found
        ended = (_reaped(pid) if child else None) or exit_of(status)
        if ended == Exit():
            ended = self._recall(pid, ticks) or ended
        self._tell(key, ended)


def _reaped(pid: int) -> Exit | None:
    """Wait for a child that is ending; the kernel tells of its end a moment before it can be waited for."""
    try:
        return exit_of(os.waitpid(pid, 0)[1])
    except ChildProcessError:
        return None
