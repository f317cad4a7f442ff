"""The pipe by which the workers of a node say that something has ended; heard in a thread."""

from __future__ import annotations

import contextlib
import os
import select
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

GATHER_S: Final = 0.02
"""Seconds in which further words count as the same one."""


class Hints:
    """tell: called from the thread, at most once in GATHER_S."""

    def __init__(self, path: Path, tell: Callable[[], None]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.mkfifo(path, 0o600)
        self._tell = tell
        self._pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hints", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._over.set()
        with contextlib.suppress(BlockingIOError):
            os.write(self._pipe, b".")
        self._thread.join()
        os.close(self._pipe)

    def _run(self) -> None:
        while not self._over.is_set():
            select.select([self._pipe], [], [])
            with contextlib.suppress(BlockingIOError):
                os.read(self._pipe, 65_536)
            if not self._over.is_set():
                self._tell()
            self._over.wait(GATHER_S)
