"""Holds listening sockets while no node does. A program of its own, run as a file; needs only the standard library.

It is started by the first node that listens for a workload, and outlives it. A client says one line per connection on
its unix socket: `names`, `keep ADDRESS` with the descriptor, `take ADDRESS` which gives it, `drop ADDRESS`, `end`.
It ends when it is told to, holds nothing after a drop, or its socket is gone from the file system.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
from pathlib import Path

_PATIENCE_S = 2.0
_LOOK_S = 5.0
_LINE_BYTES = 4096


def serve(door: socket.socket, path: Path) -> None:
    """Serve until told to end, or until nobody can find the door any more."""
    held: dict[str, int] = {}
    door.settimeout(_LOOK_S)
    while True:
        try:
            link, _ = door.accept()
        except TimeoutError:
            if path.exists():
                continue
            return
        with link:
            link.settimeout(_PATIENCE_S)
            try:
                going_on = _answer(link, held)
            except OSError:  # the client is gone, or said nothing in time
                continue
            if not going_on:
                return


def _answer(link: socket.socket, held: dict[str, int]) -> bool:
    """Do what one client asks; whether to go on."""
    line, fds, _, _ = socket.recv_fds(link, _LINE_BYTES, 1)
    verb, _, address = line.decode().rstrip("\n").partition(" ")
    if verb == "names":
        link.sendall(json.dumps(list(held)).encode())
    elif verb == "keep" and fds:
        _close(held.pop(address, None))
        held[address] = fds[0]
        link.sendall(b"kept")
    elif verb == "take" and address in held:
        socket.send_fds(link, [b"take"], [held[address]])
    elif verb == "drop":
        _close(held.pop(address, None))
        link.sendall(b"dropped")
        return bool(held)
    elif verb == "end":
        link.sendall(b"ended")
        return False
    return True


def _close(fd: int | None) -> None:
    if fd is not None:
        os.close(fd)


def main() -> None:
    """The door is an inherited descriptor; its path is removed at the end, when it is still ours."""
    fd, path = int(sys.argv[1]), Path(sys.argv[2])
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with socket.socket(fileno=fd) as door:
        own = path.stat().st_ino
        serve(door, path)
        with contextlib.suppress(OSError):
            if path.stat().st_ino == own:
                path.unlink()


if __name__ == "__main__":
    main()
