"""Sends signals to workloads. I/O."""

from __future__ import annotations

import os
import signal


def signal_number(name: str) -> int | None:
    """Give the number of a signal named without or with SIG; None when there is no such signal."""
    found = getattr(signal, f"SIG{name.upper().removeprefix('SIG')}", None)
    return int(found) if isinstance(found, signal.Signals) else None


def signal_names() -> list[str]:
    """Name every signal, without SIG."""
    return sorted(one.name.removeprefix("SIG") for one in signal.Signals)


def signal_group(group: int, name: str) -> None:
    """Signal every process of a group, then let those that were stopped (SIGSTOP) go on, so that they can act on it.

    Nothing when the group is gone, or none of it may be signalled.
    """
    number = signal_number(name)
    for each in (number, signal.SIGCONT):
        if each is not None:
            try:
                os.killpg(group, each)
            except (ProcessLookupError, PermissionError):
                return


def signal_process(pid: int, name: str) -> bool:
    """Signal one process; False when it is gone. Raises ValueError for an unknown signal, PermissionError."""
    number = signal_number(name)
    if number is None:
        raise ValueError(f"unknown signal {name!r}; known: {', '.join(signal_names())}")
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True
