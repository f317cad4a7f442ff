"""Lets a process wait before its program begins, until it has its limits: precedence, rlimits, control group. I/O.

The process starts as /bin/sh, which reads a line from the node and then becomes the program; pid and token are the same
before and after. When the node dies in between, the shell reads the end of its input and ends: no program was begun.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import resource
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from msgspec import Struct

from actors.settings.limits import UNLIMITED, Limits, ionice_of, rlimit_of

_IOPRIO_SET: Final = {"x86_64": 251, "aarch64": 30, "riscv64": 30, "ppc64le": 273, "s390x": 282}
"""Number of the system call, which the C library has no function for. Source: asm/unistd.h of each."""

_ULIMITS: Final = {
    "nofile": ("n", 1), "cpu": ("t", 1), "stack": ("s", 1024), "as": ("v", 1024), "data": ("d", 1024),
    "memlock": ("l", 1024),
}  # fmt: skip
"""Option of ulimit, and bytes of its unit, where every shell means the same."""

_IOPRIO_WHO_PROCESS: Final = 1
_IOPRIO_CLASS_SHIFT: Final = 13
NOT_BEGUN: Final = 125
"""Exit code of a gate that was never opened."""


class Extras(Struct, frozen=True, kw_only=True):
    """What one incarnation is given beyond its launch.

    env: variables. notify_fd: descriptor of the node that becomes `fd` of the process. cgroups: directories of its
    control groups.
    """

    env: Mapping[str, str] = {}
    fd: int = 3
    notify_fd: int | None = None
    cgroups: list[str] = []
    sockets: Sequence[int] = ()
    """Listening sockets of the node, passed as systemd does; see passing.py."""


def needed(limits: Limits, extras: Extras) -> bool:
    """Tell whether the program has to wait for something."""
    return limits != Limits(memory_max=limits.memory_max, cpu_quota=limits.cpu_quota) or (
        extras.notify_fd is not None or bool(extras.cgroups)
    )


def behind(argv: list[str], extras: Extras) -> list[str]:
    """Give the command that waits at the gate and then becomes argv."""
    opened = "" if extras.notify_fd is None else f"exec {min(extras.fd, 9)}<>/dev/fd/{extras.notify_fd}; "
    return [
        "/bin/sh",
        "-c",
        f'read -r own || exit {NOT_BEGUN}; eval "$own" || exit {NOT_BEGUN}; {opened}exec "$@" </dev/null',
        "sh",
        *argv,
    ]


def find_program(name: str, cwd: str, path: str | None) -> None:
    """See that the program can be executed, as the shell could only say so in the log.

    Raises: OSError as exec would.
    """
    if "/" in name:
        place = os.path.join(cwd, name)  # noqa: PTH118
        if not os.path.exists(place):  # noqa: PTH110
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
        if not os.access(place, os.X_OK) or os.path.isdir(place):  # noqa: PTH112
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), name)
    elif shutil.which(name, path=path) is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)


def confine(pid: int, limits: Limits, cgroups: list[str]) -> str:
    """Put the limits on a process that waits; give what opens the gate: the limits that it has to set itself.

    A node without CAP_SYS_RESOURCE, as root in a container is, may not limit a process of another user; that can
    lower its own limits.
    Raises: OSError whose text names the limit.
    """
    own: list[str] = []
    for directory in cgroups:
        _name("its control group", partial(join, directory, pid))
    for name, text in limits.rlimits.items():
        try:
            _name(f"limits.rlimits.{name}", partial(set_rlimit, pid, name, text))
        except PermissionError:
            if name not in _ULIMITS:
                raise
            own.append(ulimit(name, text))
        else:
            if name == "stack":  # an exec that is not over puts back the one it began with (Linux, finalize_exec)
                own.append(ulimit(name, text))
    if limits.nice is not None:
        _name("limits.nice", partial(os.setpriority, os.PRIO_PROCESS, pid, limits.nice))
    if limits.ionice is not None:
        _name("limits.ionice", partial(set_ionice, pid, limits.ionice))
    return " && ".join(own) or ":"


def _name(what: str, act: Callable[[], Any]) -> None:
    try:
        act()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise OSError(getattr(error, "errno", None) or errno.EINVAL, f"{what}: {reason}") from None


def join(directory: str, pid: int) -> None:
    """Put a process into a control group. Raises OSError."""
    with open(f"{directory}/cgroup.procs", "w", encoding="ascii") as file:  # noqa: PTH123
        file.write(str(pid))


def set_rlimit(pid: int, name: str, text: str) -> None:
    """Limit a process. Raises OSError, ValueError."""
    number = getattr(resource, f"RLIMIT_{name.upper()}", None)
    if number is None or not hasattr(resource, "prlimit"):
        raise ValueError("this system has no such limit")
    soft, hard = (resource.RLIM_INFINITY if one == UNLIMITED else one for one in rlimit_of(name, text))
    resource.prlimit(pid, number, (soft, hard))


def ulimit(name: str, text: str) -> str:
    """Give the words by which a shell limits itself, soft limit first."""
    letter, unit = _ULIMITS[name]
    words = ["unlimited" if one == UNLIMITED else str(one // unit) for one in rlimit_of(name, text)]
    return f"ulimit -S{letter} {words[0]} && ulimit -H{letter} {words[1]}"


def set_ionice(pid: int, text: str) -> None:
    """Set the precedence for the disk. Raises OSError, ValueError."""
    number = _IOPRIO_SET.get(platform.machine()) if sys.platform == "linux" else None
    if number is None:
        raise ValueError("this system has no such precedence")
    kind, level = ionice_of(text)
    libc = ctypes.CDLL(None, use_errno=True)
    value = kind << _IOPRIO_CLASS_SHIFT | level
    if libc.syscall(number, _IOPRIO_WHO_PROCESS, pid, value) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
