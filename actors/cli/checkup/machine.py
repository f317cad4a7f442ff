"""Looks at the machine: interpreter, limits, memory, control groups, clock."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from actors.cli.checkup import verdicts
from actors.cli.checkup.finding import Finding, ok, warn

if TYPE_CHECKING:
    from actors.settings import Settings

MADE: Final = 2026
"""The year of this program."""
STA_UNSYNC: Final = 0x0040
"""Source: adjtimex(2)."""
_TIMEX_BYTES: Final = 512
"""More than struct timex has on any Linux; `status` is its fifth field."""


def look(settings: Settings | None) -> Iterator[Finding]:
    """Everything about the machine itself. settings: None when the config cannot be read."""
    workloads = len(settings.workloads) if settings is not None else 0
    yield verdicts.python(sys.version_info[:3], missing_packages())
    yield from _limits(workloads)
    yield _memory()
    if sys.platform == "linux":
        yield _groups(settings)
        yield _pidfd()
        yield from _namespaces()


def missing_packages() -> list[str]:
    """Packages a node needs that are not installed."""
    from importlib.metadata import PackageNotFoundError, requires, version

    try:
        needed = [line for line in requires("gyrostat") or () if "extra ==" not in line]
    except PackageNotFoundError:
        return []
    missing = []
    for line in needed:
        name = line.split(";")[0].split(">")[0].split("=")[0].split("[")[0].strip()
        try:
            version(name)
        except PackageNotFoundError:
            missing.append(name)
    return missing


def synchronized() -> bool | None:
    """Whether the kernel says that its clock is kept by somebody; None when it does not say."""
    if sys.platform != "linux":
        return None
    import ctypes

    buffer = (ctypes.c_long * (_TIMEX_BYTES // ctypes.sizeof(ctypes.c_long)))()
    try:
        if ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(buffer)) < 0:
            return None
    except (OSError, AttributeError):
        return None
    status = ctypes.c_int.from_buffer(buffer, 4 * ctypes.sizeof(ctypes.c_long)).value
    return not status & STA_UNSYNC


def _limits(workloads: int) -> Iterator[Finding]:
    import resource

    yield verdicts.files(*resource.getrlimit(resource.RLIMIT_NOFILE), workloads)
    limit = resource.getrlimit(resource.RLIMIT_NPROC)[0] if os.geteuid() else -1  # root is not held to it
    yield verdicts.processes(limit, _own_processes(), workloads)


def _own_processes() -> int:
    import psutil

    ours = os.geteuid()
    found = (process.info["uids"] for process in psutil.process_iter(["uids"]))
    return sum(uids is not None and uids.effective == ours for uids in found)


def _memory() -> Finding:
    import psutil

    found = psutil.virtual_memory()
    return verdicts.memory(found.available, found.total)


def _groups(settings: Settings | None) -> Finding:
    from actors.process_manager.cgroups import hierarchies
    from actors.process_manager.settings import ProcessManagerSettings

    own = settings.actors.get("process_manager") if settings is not None else None
    said = own.settings if own is not None and isinstance(own.settings, ProcessManagerSettings) else None
    parent = said.cgroup_parent if said is not None else None
    found = [] if said is not None and said.cgroups == "never" else hierarchies("/proc", parent)
    usable = [name for one in found if os.access(one.base, os.W_OK) for name in one.controllers]
    wanted: set[str] = set()
    for workload in settings.workloads.values() if settings is not None else ():
        wanted |= {"memory"} if workload.spec.limits.memory_max else set()
        wanted |= {"cpu"} if workload.spec.limits.cpu_quota else set()
    shown = [name for name in ("memory", "cpu") if name in usable]
    return verdicts.groups(found[0].version if found else 0, shown, sorted(wanted))


def _pidfd() -> Finding:
    """Whether the end of a process can be waited for without a look every so often."""
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError) as error:
        cure = "use Linux 5.3 or newer, or let pidfd_open through in the container's seccomp profile"
        return warn("kernel", f"no pidfd_open ({error}); the end of an adopted process is seen late", cure)
    return ok("kernel", f"{os.uname().sysname} {os.uname().release}, with pidfd_open")


def _namespaces() -> Iterator[Finding]:
    """What keeps a node from seeing processes."""
    for line in Path("/proc/self/mounts").read_text("utf-8", "replace").splitlines():
        _, place, _, options, *_ = line.split()
        hidden = [word for word in options.split(",") if word.startswith("hidepid=") and word[8:] not in {"0", "off"}]
        if place == "/proc" and hidden and os.geteuid():
            cure = "run the node as root, or mount /proc with gid= of a group it is in"
            yield warn("processes seen", f"/proc has {hidden[0]}: processes of others are not seen", cure)
