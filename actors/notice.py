"""Tells those who run the node how it is: its guard (actors/cli/guard.py) and the service manager. I/O.

systemd's protocol: lines of KEY=VALUE in one datagram to $NOTIFY_SOCKET. Source: sd_notify(3).
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import MutableMapping
from typing import Final

GUARD: Final = "GYROSTAT_GUARD"
_VARIABLES: Final = (GUARD, "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")


class Notice:
    """What is told to whom. watchdog_s: seconds within which alive() is to be said again; None: nobody waits for it."""

    def __init__(self, environ: MutableMapping[str, str]) -> None:
        """Take the variables that are meant for the node out of environ, that no workload inherits them."""
        found = {name: environ.pop(name, "") for name in _VARIABLES}
        self._address = found["NOTIFY_SOCKET"]
        self._guard: int | None = None
        with contextlib.suppress(ValueError, OSError):
            os.set_inheritable(int(found[GUARD]), False)  # noqa: FBT003 - its signature
            self._guard = int(found[GUARD])
        self.watchdog_s: float | None = None
        meant = found["WATCHDOG_PID"] in ("", str(os.getpid()))
        if self._address and meant and found["WATCHDOG_USEC"].isdecimal():
            self.watchdog_s = int(found["WATCHDOG_USEC"]) / 1e6

    def ready(self, status: str) -> None:
        """The node serves."""
        self._to_guard(b"up\n")
        self._send("READY=1", f"STATUS={status}", f"MAINPID={os.getpid()}" if self._guard is None else "")

    def reloading(self) -> None:
        """The config is read again; ready() follows."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}", "STATUS=reads its config again")

    def stopping(self, status: str) -> None:
        """The node was asked to end."""
        self._to_guard(b"down\n")
        self._send("STOPPING=1", f"STATUS={status}")

    def alive(self, status: str) -> None:
        """Its actors answer."""
        self._send("WATCHDOG=1", f"STATUS={status}")

    def _to_guard(self, word: bytes) -> None:
        if self._guard is not None:
            with contextlib.suppress(OSError):
                os.write(self._guard, word)

    def _send(self, *lines: str) -> None:
        if not self._address:
            return
        address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        text = "\n".join(line.replace("\n", " ") for line in lines if line)
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as way:
            way.settimeout(1.0)
            way.sendto(text.encode(), address)
