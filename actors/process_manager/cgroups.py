"""Control groups of workloads, version 2 and 1, where the kernel lets the node make them. I/O.

A group is made beneath the node's own, so that whatever the node is held to holds for its workloads. Which there are is
read from the file system each time, so that a new node finds those of the one before it.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final, Protocol

from msgspec import Struct

from actors.process_manager.settings import ProcessManagerSettings
from actors.settings.limits import Limits, cpu_cores

PERIOD_US: Final = 100_000
"""Microseconds over which a share of processor time is dealt out; the kernel's own default."""

CONTROLLERS: Final = ("memory", "cpu")


class Warns(Protocol):
    """The operation log, as far as it is needed."""

    def warning(self, event: str, **pairs: str) -> None:
        """Something is not as it should be."""


class Hierarchy(Struct, frozen=True):
    """One tree of groups. version: 1 or 2. base: directory of the node's own group. controllers: what it limits."""

    version: int
    base: str
    controllers: frozenset[str]


class Groups:
    """Makes, finds and removes the groups of workloads."""

    def __init__(self, node: str, settings: ProcessManagerSettings, log: Warns, proc: str = "/proc") -> None:
        self._folder = f"gyrostat-{node}"
        self._node = node
        self._use = settings.cgroups
        self._log = log
        self._hierarchies = [] if self._use == "never" else hierarchies(proc, settings.cgroup_parent)
        self._told: set[str] = set()
        self._without: set[str] = set()
        """Workloads that were seen to have no group."""
        self._proc = proc

    def make(self, name: str, limits: Limits) -> list[str]:
        """Make the groups of a workload with its limits; what cannot be had is logged once. Gives the directories."""
        self._without.discard(name)
        wanted = [one for one, said in zip(CONTROLLERS, (limits.memory_max, limits.cpu_quota), strict=True) if said]
        found: list[str] = []
        for controller in wanted:
            self._try(name, f"limits.{controller}", partial(self._limited, name, controller, limits), found)
        if self._use == "always" and not found and self._hierarchies:
            first = self._hierarchies[0]
            self._try(name, "cgroups: always", partial(self._directory, first, name, None), found)
        return list(dict.fromkeys(found))

    def has(self, name: str, controller: str) -> bool:
        """Tell whether a workload is in a group that can limit this."""
        place = self._of(controller)
        return place is not None and os.path.isdir(self._path(place, name))  # noqa: PTH112

    def directories(self, name: str) -> list[str]:
        """Give the groups that a workload has."""
        if name in self._without:
            return []
        paths = [self._path(one, name) for one in self._hierarchies]
        found = [path for path in paths if os.path.isdir(path)]  # noqa: PTH112 - asked on the way of every stop
        if not found:
            self._without.add(name)
        return found

    def note_missing(self, names: Iterable[str]) -> None:
        """See by one look at each hierarchy which of these have no group, so that nobody asks for theirs."""
        there: set[str] = set()
        for one in self._hierarchies:
            with contextlib.suppress(OSError):
                there.update(os.listdir(f"{one.base}/{self._folder}"))  # noqa: PTH208 - names only
        self._without.update(name for name in names if name not in there)

    def kills(self, name: str) -> int | None:
        """Processes that the kernel ended for want of memory in a workload's group; None: it has none that counts."""
        place = self._of("memory")
        return _kills_in(self._path(place, name), place.version) if place is not None else None

    def kills_around(self) -> int | None:
        """The same of the node's own group, else of the machine; None when nobody counts."""
        place = self._of("memory")
        count = _kills_in(place.base, place.version) if place is not None else None
        return _count(f"{self._proc}/vmstat") if count is None else count

    def remove(self, name: str) -> None:
        """Remove the groups of a workload that is down; one that is not empty stays."""
        for path in self.directories(name):
            for folder, _, _ in os.walk(path, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(folder)  # noqa: PTH106
            with contextlib.suppress(OSError):
                os.rmdir(os.path.dirname(path))  # noqa: PTH106, PTH120 - the last one takes the folder along

    def _try(self, name: str, what: str, make: Callable[[], str], found: list[str]) -> None:
        try:
            directory = make()
        except OSError as error:
            if f"{name} {what}" not in self._told:
                self._told.add(f"{name} {what}")
                why = f"{error.strerror}: {error.filename}" if error.filename else error.strerror
                self._log.warning("limit.not_by_cgroup", workload=name, limit=what, error=str(why))
            return
        found.append(directory)

    def _limited(self, name: str, controller: str, limits: Limits) -> str:
        place = self._of(controller)
        if place is None:
            raise OSError(errno.ENOTSUP, f"no control group of this machine limits {controller}")
        directory = self._directory(place, name, controller)
        for file, text in settings_of(place.version, controller, limits):
            with open(f"{directory}/{file}", "w", encoding="ascii") as out:  # noqa: PTH123
                out.write(text)
        return directory

    def _directory(self, place: Hierarchy, name: str, controller: str | None) -> str:
        path = self._path(place, name)
        parent = os.path.dirname(path)  # noqa: PTH120
        os.makedirs(parent, exist_ok=True)  # noqa: PTH103
        if place.version == 2 and controller is not None:  # noqa: PLR2004
            for folder in (place.base, parent):
                self._enable(folder, controller, own=folder == place.base)
        os.makedirs(path, exist_ok=True)  # noqa: PTH103
        return path

    def _enable(self, folder: str, controller: str, *, own: bool) -> None:
        """Let the groups below limit this. A group with processes may not: the node moves into one below its own."""
        try:
            _hand_down(folder, controller)
        except OSError as error:
            if not own or error.errno != errno.EBUSY:
                raise
            leaf = f"{folder}/{self._folder}.node"
            os.makedirs(leaf, exist_ok=True)  # noqa: PTH103
            with open(f"{folder}/cgroup.procs", encoding="ascii") as file:  # noqa: PTH123
                pids = file.read().split()
            for pid in pids:
                with contextlib.suppress(ProcessLookupError), open(f"{leaf}/cgroup.procs", "w") as out:  # noqa: PTH123
                    out.write(pid)
            _hand_down(folder, controller)

    def _of(self, controller: str) -> Hierarchy | None:
        return next((one for one in self._hierarchies if controller in one.controllers), None)

    def _path(self, place: Hierarchy, name: str) -> str:
        return f"{place.base}/{self._folder}/{name}"


def _hand_down(folder: str, controller: str) -> None:
    with open(f"{folder}/cgroup.subtree_control", "r+", encoding="ascii") as file:  # noqa: PTH123
        if controller not in file.read().split():
            file.write(f"+{controller}")


def _kills_in(directory: str, version: int) -> int | None:
    return _count(f"{directory}/{'memory.events' if version == 2 else 'memory.oom_control'}")  # noqa: PLR2004


def _count(path: str) -> int | None:
    """Give what stands after oom_kill."""
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123
            words = file.read().split()
        return int(words[words.index(b"oom_kill") + 1])
    except (OSError, ValueError):
        return None


def settings_of(version: int, controller: str, limits: Limits) -> list[tuple[str, str]]:
    """Give file and text of each limit."""
    if controller == "memory":
        file = "memory.max" if version == 2 else "memory.limit_in_bytes"  # noqa: PLR2004
        return [(file, str(int(limits.memory_max or 0)))]
    quota = round(cpu_cores(limits.cpu_quota or "") * PERIOD_US)
    if version == 2:  # noqa: PLR2004
        return [("cpu.max", f"{quota} {PERIOD_US}")]
    return [("cpu.cfs_period_us", str(PERIOD_US)), ("cpu.cfs_quota_us", str(quota))]


def hierarchies(proc: str, parent: str | None) -> list[Hierarchy]:
    """Give the trees of groups of this machine, version 2 first. parent: a group in each; None: the node's own."""
    try:
        with open(f"{proc}/self/cgroup", encoding="utf-8") as file:  # noqa: PTH123
            own = [line.rstrip("\n").split(":", 2) for line in file]
        with open(f"{proc}/self/mounts", encoding="utf-8") as file:  # noqa: PTH123
            mounts = [line.split() for line in file]
    except OSError:
        return []
    found = []
    for number, names, path in own:
        kind = "cgroup2" if number == "0" and not names else "cgroup"
        mount = _mount_of(mounts, kind, names)
        if mount is not None:
            base = f"{mount}{parent or path}".rstrip("/")
            found.append(Hierarchy(2 if kind == "cgroup2" else 1, base, _controllers(kind, mount, names)))
    return sorted(found, key=lambda one: -one.version)


def _mount_of(mounts: list[list[str]], kind: str, names: str) -> str | None:
    for _, place, kind_of, options, *_ in mounts:
        if kind_of == kind and (kind == "cgroup2" or set(names.split(",")) <= set(options.split(","))):
            return place
    return None


def _controllers(kind: str, mount: str, names: str) -> frozenset[str]:
    if kind == "cgroup":
        return frozenset(names.split(","))
    try:
        with open(f"{mount}/cgroup.controllers", encoding="ascii") as file:  # noqa: PTH123
            return frozenset(file.read().split())
    except OSError:
        return frozenset()
