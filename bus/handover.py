"""What any thread hands to the I/O thread, and how it wakes that one up, or spares it a fact while it sleeps.

A wake-up costs a fact 20 to 30 us. So while the I/O thread sleeps it lets go of `sockets`, and a thread that publishes
after a pause takes that lock, sends, and gives it back; in a burst it does so for every 64 facts, and the I/O thread
sends the rest. Who does not get the lock at once leaves its fact to whoever has it, or wakes the I/O thread up.
ZeroMQ's sockets may go from thread to thread behind a lock, but may not be used by two at once (zmq_socket(3)).
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, Final

from bus.codec import BATCH_MAX
from bus.envelope import Envelope
from bus.message import Stream

FACTS_MAX: Final = 100_000
"""Facts that wait to be sent; what comes on top is dropped and counted."""
SAMPLES_MAX: Final = 50_000
"""From so many waiting facts on, samples are dropped, so that the others find room."""

APART_S: Final = 0.0001
"""Seconds after a fact sent at once within which the next ones are gathered: in a burst a batch costs a tenth."""

Outgoing = tuple[str, Stream, Envelope[Any]]
Job = Callable[[], None]
Send = Callable[[], None]


class Handover:
    """Two queues into the I/O thread: facts, and jobs to run there. Thread-safe; no method blocks.

    The thread says with `resting` that it is about to sleep, and looks at the queues once more after that; so one
    wake-up is written per sleep, not per fact. sockets: held by whoever uses the doors for facts, which is the I/O
    thread whenever it is awake. send: sends what waits; called with `sockets` held, and never from the main thread,
    where the handler of a signal may raise between two frames.
    """

    def __init__(self) -> None:
        """Open the pipe that wakes the thread."""
        self.facts: deque[Outgoing] = deque()
        self.jobs: SimpleQueue[Job] = SimpleQueue()
        self.resting = False
        self.dropped = 0
        self.sockets = threading.Lock()
        self.send: Send | None = None
        self._sent_s = 0.0
        self._main = threading.main_thread().ident
        self._lock = threading.Lock()
        self._closed = False
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)

    def put_fact(self, topic: str, stream: Stream, envelope: Envelope[Any]) -> None:
        """Queue a fact, or send it; dropped and counted when the queue is full, or closed."""
        facts = self.facts
        waiting = len(facts)
        if (waiting >= SAMPLES_MAX and (stream is Stream.SAMPLES or waiting >= FACTS_MAX)) or self._closed:
            self._drop()
            return
        facts.append((topic, stream, envelope))
        if self.resting:
            if stream is Stream.DURABLE or time.monotonic() - self._sent_s < APART_S or not self._send_here():
                self.wake()
        elif waiting % BATCH_MAX == BATCH_MAX - 1:
            self._send_here()

    def _send_here(self) -> bool:
        """Send what waits, unless the sockets are in use; whether that was done."""
        if threading.get_ident() == self._main or not self.sockets.acquire(blocking=False):
            return False
        try:
            if self.send is None:
                return False
            self.send()
            self._sent_s = time.monotonic()
        finally:
            self.sockets.release()
        return True

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
        return not self.facts and self.jobs.empty()

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
