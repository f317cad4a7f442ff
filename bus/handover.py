"""What any thread hands to the I/O thread, and how it wakes that one up."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, Final

from bus.envelope import Envelope
from bus.message import Stream

FACTS_MAX: Final = 100_000
"""Facts that wait to be sent; what comes on top is dropped and counted."""
SAMPLES_MAX: Final = 50_000
"""From so many waiting facts on, samples are dropped, so that the others find room."""

Outgoing = tuple[str, Stream, Envelope[Any]]
Job = Callable[[], None]


class Handover:
    """Two queues into the I/O thread: facts, and jobs to run there. Thread-safe; no method blocks.

    The thread says with `resting` that it is about to sleep, and looks at the queues once more after that; so one
    wake-up is written per sleep, not per fact.
    """

    def __init__(self) -> None:
        """Open the pipe that wakes the thread."""
        self.facts: SimpleQueue[Outgoing] = SimpleQueue()
        self.jobs: SimpleQueue[Job] = SimpleQueue()
        self.resting = False
        self.dropped = 0
        self._lock = threading.Lock()
        self._closed = False
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)

    def put_fact(self, topic: str, stream: Stream, envelope: Envelope[Any]) -> None:
        """Queue a fact; dropped and counted when the queue is full, or closed."""
        waiting = self.facts.qsize()
        if waiting >= SAMPLES_MAX and (stream is Stream.SAMPLES or waiting >= FACTS_MAX):
            self._drop()
            return
        if self._closed:
            self._drop()
            return
        self.facts.put((topic, stream, envelope))
        if self.resting:
            self.wake()

    def put_job(self, job: Job) -> bool:
        """Queue something to run in the I/O thread; False when that has ended."""
        with self._lock:
            if self._closed:
                return False
            self.jobs.put(job)
        if self.resting:
            self.wake()
        return True

    def wake(self) -> None:
        """End the thread's sleep."""
        self.resting = False
        with self._lock:
            if not self._closed:
                with suppress(BlockingIOError):  # the pipe is full of wake-ups already
                    os.write(self._write, b"\0")

    def empty(self) -> bool:
        """Whether nothing waits."""
        return self.facts.empty() and self.jobs.empty()

    def fileno(self) -> int:
        """What becomes readable on a wake-up."""
        return self._read

    def clear(self) -> None:
        """Take the wake-ups back. Only from the I/O thread."""
        with suppress(BlockingIOError):
            os.read(self._read, 4096)

    def close(self) -> None:
        """Take nothing more. What waits can still be taken out."""
        with self._lock:
            if not self._closed:
                self._closed = True
                os.close(self._read)
                os.close(self._write)

    def _drop(self) -> None:
        with self._lock:
            self.dropped += 1
