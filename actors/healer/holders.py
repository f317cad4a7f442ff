"""Who listens on a port. Reads the machine's table of connections; may take tens of milliseconds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

import psutil

from actors.healer.remedies import Holder

_COMMAND_MAX = 120


def find_holder(ports: Sequence[int]) -> Holder | None:
    """The first process that listens on one of the ports; None when there is none, or the system does not tell.

    A process of another account may have no pid to see: pid 0.
    """
    try:
        connections = psutil.net_connections("inet")
    except psutil.AccessDenied:  # macOS tells root only
        return None
    listening = {each.laddr.port: each for each in connections if each.laddr and each.status == psutil.CONN_LISTEN}
    for port in ports:
        if (found := listening.get(port)) is not None:
            pid = found.pid or 0
            return Holder(port=port, pid=pid, command=_command(pid) if pid else "a process that may not be seen")
    return None


def _command(pid: int) -> str:
    try:
        process = psutil.Process(pid)
        words = process.cmdline() or [process.name()]
    except psutil.Error:
        return "ended meanwhile"
    words[0] = PurePath(words[0]).name or words[0]
    text = " ".join(words)
    return text if len(text) <= _COMMAND_MAX else f"{text[: _COMMAND_MAX - 3]}..."
