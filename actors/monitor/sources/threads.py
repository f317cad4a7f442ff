"""Threads for readings that may wait: made when there is work, gone when idle; one that hangs keeps nobody up."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Final

IDLE_S: Final = 30.0
"""Seconds a thread waits for more work; readings come again after some ten."""


class Threads:
    """Runs each work at once in a thread of its own. How many there may be is for the caller to say.

    They are daemons: the process can end while one hangs. A work must not raise.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._works: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._idle = self._waiting = self._numbers = 0
        self._closed = False

    def submit(self, work: Callable[[], None]) -> None:
        """Have it done; nothing happens after close()."""
        with self._lock:
            if self._closed:
                return
            self._waiting += 1
            spare = self._waiting <= self._idle
            if not spare:
                self._idle += 1
                self._numbers += 1
            self._works.put(work)
        if not spare:
            threading.Thread(target=self._serve, name=f"{self._name}-{self._numbers}", daemon=True).start()

    def close(self) -> None:
        """Let idle threads go now, and the others when they have done what they are at."""
        with self._lock:
            self._closed = True
            for _ in range(self._idle):
                self._works.put(None)

    def _serve(self) -> None:
        while True:
            try:
                work = self._works.get(timeout=IDLE_S)
            except Empty:
                with self._lock:
                    if self._waiting >= self._idle:
                        continue  # one is just coming
                    self._idle -= 1
                    return
            if work is None:
                return
            with self._lock:
                self._idle -= 1
                self._waiting -= 1
            work()
            with self._lock:
                if self._closed:
                    return
                self._idle += 1
