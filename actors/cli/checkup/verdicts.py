"""What the numbers of a machine mean for a node. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from actors.cli.checkup.finding import Finding, bad, ok, warn
from actors.cli.paint import size

FILES_NODE: Final = 128
"""Descriptors of the node itself: databases, sockets, the inboxes of the bus, HTTP."""
FILES_WORKLOAD: Final = 8
"""Descriptors of one workload: its log, its pidfd, its notify socket, a probe."""
FREE_BAD_BYTES: Final = 50_000_000
"""Under this a database may not be able to write its next page."""
FREE_WARN: Final = 0.05
INODES_BAD: Final = 1000
MEMORY_WARN: Final = 0.05
CLOCK_APART_S: Final = 2.0
"""Seconds by which the clock of a file system may differ; ages of files are told from both."""
REMOTE: Final = frozenset(("nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "ceph", "glusterfs", "afs"))
"""File systems on which the locks of SQLite cannot be relied on."""


def python(version: tuple[int, int, int], missing: list[str]) -> Finding:
    """The interpreter and the packages of a node. missing: packages that are not installed."""
    told = f"Python {'.'.join(map(str, version))}"
    if version < (3, 11):
        return bad("python", told, "install Python 3.11 or newer, and make the environment anew")
    if missing:
        return bad("python", f"{told}, without {', '.join(missing)}", f"pip install {' '.join(missing)}")
    return ok("python", told)


def files(soft: int, hard: int, workloads: int) -> Finding:
    """The limit of open files. soft, hard: -1 for none."""
    needed = FILES_NODE + FILES_WORKLOAD * workloads
    told = f"{_limit(soft)} open files, {_limit(hard)} at most; the node needs about {needed}"
    if soft == -1 or soft >= needed:
        return ok("open files", told)
    if hard == -1 or hard >= needed:
        cure = f"ulimit -n {needed} before the start, or LimitNOFILE={needed} in the unit"
        return bad("open files", told, cure)
    return bad("open files", told, f"raise the hard limit: nofile in /etc/security/limits.conf, to {needed} or more")


def processes(limit: int, running: int, wanted: int) -> Finding:
    """The limit of processes of this account. limit: -1 for none. running: now. wanted: by the config."""
    told = f"{_limit(limit)} processes may run, {running} do"
    if limit != -1 and running + wanted > limit:
        return bad("processes", told, "raise nproc in /etc/security/limits.conf, or TasksMax= in the unit")
    return ok("processes", told)


def disk(place: str, free: int, total: int, inodes: int, logs: int) -> Finding:
    """Space in the state directory, in bytes. inodes: that are free, -1 when there is no such thing. logs: at most."""
    told = f"{size(free)} of {size(total)} free in {place}"
    if free < FREE_BAD_BYTES:
        return bad("disk", told, "make room, or give node.state_dir another file system")
    if 0 <= inodes < INODES_BAD:
        return bad("disk", f"{told}, {inodes} inodes", "delete small files, or give node.state_dir another file system")
    if logs > free:
        cure = "lower log.max_size or log.keep of the workloads, or make room"
        return warn("disk", f"{told}; the logs may take {size(logs)}", cure)
    if total and free / total < FREE_WARN:
        return warn("disk", told, "make room before it is full")
    return ok("disk", told)


def memory(available: int, total: int) -> Finding:
    """Memory of the machine, in bytes."""
    told = f"{size(available)} of {size(total)} available"
    if total and available / total < MEMORY_WARN:
        return warn("memory", told, "end what is not needed; the kernel ends processes when there is none left")
    return ok("memory", told)


def file_system(place: str, kind: str) -> Finding:
    """What the state directory lies on."""
    if kind in REMOTE:
        cure = "give node.state_dir a local file system; its databases need locks that hold"
        return bad("file system", f"{place} is on {kind}", cure)
    return ok("file system", f"{place} is on {kind or 'an unknown file system'}")


def clock(synchronized: bool | None, apart_s: float, year: int, newest: int) -> Finding:  # noqa: FBT001 - as told
    """The wall clock. synchronized: None when the kernel does not say. apart_s: by which files are newer than now.

    newest: the year in which this program was made, or a later one.
    """
    if year < newest:
        return bad("clock", f"it is {year} by this clock", "set the clock: timedatectl set-ntp true")
    if abs(apart_s) > CLOCK_APART_S:
        told = f"files in the state directory are {apart_s:+.1f} s off the clock"
        return bad("clock", told, "set the clock of the server that the directory is on")
    if synchronized is False:
        cure = "run chrony or systemd-timesyncd, here or on the host: timedatectl set-ntp true"
        return warn("clock", "is not synchronized by this kernel's account", cure)
    return ok("clock", "synchronized" if synchronized else "plausible")


def groups(version: int, writable: Sequence[str], wanted: Sequence[str]) -> Finding:
    """Control groups. version: 0 for none. writable: controllers that can be used. wanted: by limits of the config."""
    lacking = [name for name in wanted if name not in writable]
    told = f"version {version}, can limit {', '.join(writable) or 'nothing'}" if version else "none"
    if lacking:
        cure = "as a service: Delegate=yes (gyrostat service install sets it); in a container: mount /sys/fs/cgroup rw"
        if "memory" in lacking:
            cure += "; without, memory_max is looked after by restarts"
        return warn("control groups", f"{told}; the config limits {' and '.join(lacking)}", cure)
    return ok("control groups", told if writable or not version else f"{told}; no limit of the config needs more")


def secret(path: str, mode: int) -> Finding | None:
    """A file that only its owner may read; None when that is so."""
    if mode & 0o077:
        return bad("permissions", f"others can use {path} (mode {mode & 0o777:04o})", f"chmod 600 {path}")
    return None


def _limit(number: int) -> str:
    return "unlimited" if number == -1 else str(number)
