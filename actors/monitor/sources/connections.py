"""TCP connections of the machine and of single processes, from /proc (Linux only)."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_OPEN: Final = (b"01", b"08")
"""States of a connection that carries data: established, and closed by the other side only."""
_GONE: Final = (FileNotFoundError, ProcessLookupError, PermissionError)


def host_connections() -> int | None:
    """TCP connections of this network namespace that carry data; None where the kernel does not say.

    Source: Tcp CurrEstab of /proc/net/snmp.
    """
    try:
        lines = Path("/proc/net/snmp").read_bytes().splitlines()
    except OSError:
        return None
    rows = [line.split() for line in lines if line.startswith(b"Tcp:")]
    if len(rows) != 2 or b"CurrEstab" not in rows[0]:  # noqa: PLR2004 - names, then values
        return None
    return int(rows[1][rows[0].index(b"CurrEstab")])


def open_sockets() -> frozenset[bytes]:
    """Inodes of the connections that carry data, of both address families."""
    found: set[bytes] = set()
    for name in ("tcp", "tcp6"):
        try:
            lines = Path(f"/proc/net/{name}").read_bytes().splitlines()[1:]
        except OSError:
            continue
        found.update(fields[9] for fields in map(bytes.split, lines) if fields[3] in _OPEN)
    return frozenset(found)


def held_connections(pids: Iterable[int], sockets: frozenset[bytes]) -> int | None:
    """How many of these sockets the processes hold, each once; None when one of them cannot be looked into.

    A process in another network namespace cannot: its sockets are not in our table.
    """
    held: set[bytes] = set()
    for pid in pids:
        try:
            if os.readlink(f"/proc/{pid}/ns/net") != os.readlink("/proc/self/ns/net"):
                return None
            held.update(_sockets_of(pid))
        except (FileNotFoundError, ProcessLookupError):
            continue
        except PermissionError:
            return None
    return len(held & sockets)


def _sockets_of(pid: int) -> Iterable[bytes]:
    folder = f"/proc/{pid}/fd".encode()
    for name in os.listdir(folder):
        try:
            link = os.readlink(folder + b"/" + name)
        except _GONE:
            continue
        if link.startswith(b"socket:["):
            yield link[8:-1]
