"""The worker processes of one node: started, started again when they die, and told to stop.

Each is a fresh interpreter in a session of its own. Its input is a pipe from here, whose end, also by the death of the
node, tells it to stop.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import IO, Final

from msgspec import Struct

from actors.executor.orphans import WORKER
from actors.executor.room import BETWEEN
from actors.settings.doubling import doubled

BACKOFF_FIRST_S: Final = 0.1
BACKOFF_MAX_S: Final = 10.0
STEADY_S: Final = 5.0
"""Seconds after which a worker that lived is no failed start."""
SAID_LINES: Final = 5


class Ended(Struct, frozen=True):
    """A worker ended that was not told to. slot: its place in the pool. retry_s: seconds until its successor starts."""

    slot: int
    name: str
    exit_code: int
    retry_s: float
    said: str


class Pool:
    """tell: called from other threads when a worker ended, and with every line that one says."""

    def __init__(self, node: str, make_order: Callable[[str], bytes], tell: Callable[[Ended | str], None]) -> None:
        """make_order: the first line for a worker of that name."""
        self._node = node
        self._make_order = make_order
        self._tell = tell
        self._lock = threading.Lock()
        self._slots: dict[int, subprocess.Popen[bytes]] = {}
        self._quick: dict[int, int] = {}
        self._closing: set[int] = set()
        """Pids of those that were told to stop."""

    @property
    def pids(self) -> list[int]:
        """Of those that live."""
        with self._lock:
            return [process.pid for process in self._slots.values() if process.poll() is None]

    def start(self, slot: int) -> None:
        """Start the worker of a place, unless it has one. Raises: OSError."""
        with self._lock:
            if slot in self._slots:
                return
            name = f"{self._node}{BETWEEN}{secrets.token_hex(6)}"
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "actors.executor.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env={**os.environ, WORKER: name},
                start_new_session=True,
            )
            self._slots[slot] = process
        with contextlib.suppress(BrokenPipeError):  # it is dead already, and its end will be seen
            _input(process).write(self._make_order(name))
            _input(process).flush()
        threading.Thread(target=self._attend, args=(slot, name, process), name=f"worker {slot}", daemon=True).start()

    def stop(self) -> None:
        """Tell all to stop and do not wait: each ends within its order's time, and its lock shows until then."""
        with self._lock:
            processes, self._slots = list(self._slots.values()), {}
            self._closing.update(process.pid for process in processes)
        for process in processes:
            _close_input(process)

    def _attend(self, slot: int, name: str, process: subprocess.Popen[bytes]) -> None:
        """Hear what it says until it ends."""
        began_s = time.monotonic()
        said: deque[str] = deque(maxlen=SAID_LINES)
        with process.stderr or contextlib.nullcontext(()) as lines:
            for line in lines:
                said.append(line.decode("utf-8", "replace").rstrip())
                self._tell(said[-1])
        code = process.wait()
        _close_input(process)
        with self._lock:
            if process.pid in self._closing:
                self._closing.discard(process.pid)
                return
            if self._slots.get(slot) is process:
                del self._slots[slot]
            quick = 0 if time.monotonic() - began_s >= STEADY_S else self._quick.get(slot, 0) + 1
            self._quick[slot] = quick
        retry_s = 0.0 if quick <= 1 else doubled(BACKOFF_FIRST_S, quick - 2, BACKOFF_MAX_S)
        self._tell(Ended(slot, name, code, retry_s, "; ".join(said)))


def _input(process: subprocess.Popen[bytes]) -> IO[bytes]:
    if process.stdin is None:
        raise ValueError("started without an input")
    return process.stdin


def _close_input(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        _input(process).close()
