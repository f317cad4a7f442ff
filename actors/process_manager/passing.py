"""Passes listening sockets to a process as systemd does: from descriptor 3 on, with LISTEN_PID its own pid. I/O.

A shell places one socket: it comes as standard output and is moved, in half a millisecond. A shell cannot name
descriptors above 9, so two and more are placed by a Python program, in six to seven.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from actors.process_manager.gate import find_program

FIRST_FD: Final = 3
HIGH_FD: Final = 300
"""Sockets to be passed lie from here on, so that none is in the place of another, nor of notify.fd."""
_SHELL: Final = 'exec 3>&1 1>&2; LISTEN_PID=$$; export LISTEN_PID; exec "$@"'
_PYTHON: Final = """
import os, sys
for place, fd in enumerate(map(int, sys.argv[1].split(",")), 3):
    os.dup2(fd, place)
    os.close(fd)
os.environ["LISTEN_PID"] = str(os.getpid())
try:
    os.execvp(sys.argv[2], sys.argv[2:])
except OSError as error:
    sys.exit(f"cannot execute {sys.argv[2]}: {error.strerror}")
"""


class Placed(Struct, frozen=True):
    """What Popen is given. pass_fds: descriptors that stay open for it."""

    argv: list[str]
    options: dict[str, Any]
    pass_fds: tuple[int, ...] = ()


def listen_env(sockets: Mapping[str, str]) -> dict[str, str]:
    """The variables that say which descriptors are sockets; LISTEN_PID follows when the pid is known."""
    return {"LISTEN_FDS": str(len(sockets)), "LISTEN_FDNAMES": ":".join(sockets)} if sockets else {}


def placed(argv: list[str], options: dict[str, Any], sockets: Sequence[int]) -> Placed:
    """Give the command that places the sockets and becomes argv; standard output and error are one file.

    Raises: OSError when the program cannot be executed, which later only the log would say.
    """
    if not sockets:
        return Placed(argv, options)
    find_program(argv[0], options["cwd"], options["env"].get("PATH"))
    if len(sockets) == 1:
        return Placed(["/bin/sh", "-c", _SHELL, "sh", *argv], {**options, "stdout": sockets[0]})
    listed = ",".join(map(str, sockets))
    return Placed([_python(options), "-I", "-S", "-c", _PYTHON, listed, *argv], options, tuple(sockets))


def _python(options: Mapping[str, Any]) -> str:
    """An interpreter that the process may execute; that of the node may lie where its user cannot look."""
    return (shutil.which("python3", path="/usr/bin:/usr/local/bin") if "user" in options else None) or sys.executable
