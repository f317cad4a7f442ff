"""TCP connections of the machine and of single processes, from /proc (Linux only)."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Final

_OPEN: Final = (b"01", b"08")
"""States of a connection that carries data: established, and closed by the other side only."""
_STATES: Final = 1 << 0x01 | 1 << 0x08
_SOCK_DIAG, _BY_FAMILY, _DUMP, _DONE = 4, 20, 0x301, 3
_HEAD, _INODE = struct.Struct("=LHHLL"), struct.Struct("=L")
_ASK_BYTES: Final = 72
_INODE_AT: Final = 84
"""Behind the header and 68 bytes of inet_diag_msg."""
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
    """Inodes of the connections that carry data, of both address families.

    The kernel is asked for these alone: its tables also hold those that were closed a minute ago, thousands at times.
    """
    try:
        return frozenset(b"%d" % inode for family in (socket.AF_INET, socket.AF_INET6) for inode in asked(family))
    except (OSError, AttributeError, struct.error):  # no such socket here, or no such module in the kernel
        return listed_sockets()


def asked(family: int) -> Iterator[int]:
    """Inodes of the connections of one family, by sock_diag. Raises OSError. Source: sock_diag(7), netlink(7)."""
    wanted = struct.pack(
        "=LHHLLBBBBL48x", _ASK_BYTES, _BY_FAMILY, _DUMP, 1, 0, family, socket.IPPROTO_TCP, 0, 0, _STATES
    )
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _SOCK_DIAG) as kernel:
        kernel.settimeout(1.0)
        kernel.sendto(wanted, (0, 0))
        while True:
            data, at = kernel.recv(1 << 16), 0
            while at + _HEAD.size <= len(data):
                size, kind, *_ = _HEAD.unpack_from(data, at)
                if kind == _DONE:
                    return
                if kind != _BY_FAMILY or size < _HEAD.size:
                    raise OSError("the kernel does not give its connections")
                yield _INODE.unpack_from(data, at + _INODE_AT)[0]
                at += (size + 3) & ~3


def listed_sockets() -> frozenset[bytes]:
    """The same from the tables of /proc/net."""
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
            if os.readlink(f"/proc/{pid}/ns/net") != _own_network():
                return None
            if sockets:
                held.update(_sockets_of(pid))
        except (FileNotFoundError, ProcessLookupError):
            continue
        except PermissionError:
            return None
    return len(held & sockets)


@cache
def _own_network() -> str:
    return os.readlink("/proc/self/ns/net")


def _sockets_of(pid: int) -> Iterable[bytes]:
    folder = f"/proc/{pid}/fd".encode()
    for name in os.listdir(folder):
        try:
            link = os.readlink(folder + b"/" + name)
        except _GONE:
            continue
        if link.startswith(b"socket:["):
            yield link[8:-1]
