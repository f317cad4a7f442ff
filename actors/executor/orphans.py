"""What a dead worker left running: found by the name of the worker in its environment, and killed."""

from __future__ import annotations

import contextlib
import os
import signal

import psutil

WORKER = "GYROSTAT_TASK_WORKER"
"""Environment variable of a worker, inherited by everything that its tasks start."""
_ROUNDS_MAX = 20


def kill_orphans(worker: str) -> list[int]:
    """Kill every process that a worker or its tasks started, this one excepted; their pids.

    Looks again until there is none, as one may start another meanwhile.
    """
    killed: list[int] = []
    for _ in range(_ROUNDS_MAX):
        found = [process for process in psutil.process_iter() if process.pid != os.getpid() and _is_of(process, worker)]
        if not found:
            break
        for process in found:
            with contextlib.suppress(psutil.Error):
                process.send_signal(signal.SIGKILL)  # psutil sees first that the pid is still the same process
                killed.append(process.pid)
        psutil.wait_procs(found, timeout=0.2)
    return killed


def _is_of(process: psutil.Process, worker: str) -> bool:
    try:
        return process.environ().get(WORKER) == worker and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, OSError):
        return False
