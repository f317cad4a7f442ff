"""Waits for the end of a process that is not our child. Touches the kernel."""

from __future__ import annotations

import contextlib
import os
import select
import threading
import time
from collections.abc import Iterator
from typing import Final

LOOK_S: Final = 0.02
"""Seconds between two looks where the kernel cannot tell of the end by itself."""


def wait_ended(pid: int, timeout_s: float) -> bool:
    """Wait until a process has ended; False when it lives after timeout_s seconds. A zombie has ended."""
    with _handle(pid) as handle:
        if handle is not None:
            poll = select.poll()
            poll.register(handle, select.POLLIN)
            return bool(poll.poll(timeout_s * 1000))
    return _look_until(pid, time.monotonic() + timeout_s)


@contextlib.contextmanager
def _handle(pid: int) -> Iterator[int | None]:
    """A pidfd, where there are such; None where there are none, or no process of that id."""
    opened = getattr(os, "pidfd_open", None)
    try:
        handle = opened(pid) if opened is not None else None
    except OSError:
        handle = None
    try:
        yield handle
    finally:
        if handle is not None:
            os.close(handle)


def _look_until(pid: int, end_s: float) -> bool:
    nobody = threading.Event()
    while lives(pid):
        if time.monotonic() >= end_s:
            return False
        nobody.wait(LOOK_S)
    return True


def lives(pid: int) -> bool:
    """Whether a process is there, and is no zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:  # noqa: PTH123 - no path is built
            return file.read().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except OSError:
        return True
