"""Processes that should not be there: left over from former incarnations, or started by hand. I/O."""

from __future__ import annotations

import contextlib
import os
import pwd
import select
import signal
import threading
import time
from collections.abc import Collection, Mapping
from typing import Final

from msgspec import Struct

from actors.process_manager.processes import Processes, Stat
from actors.process_manager.tokens import INCARNATION, NODE, TOKEN, WORKLOAD, Issuer, is_ours

_LOOK_S: Final = 0.02


class Sought(Struct, frozen=True, kw_only=True):
    """A workload to look for. token, pid: of its present incarnation, while it runs. user: None for the node's own."""

    name: str
    token: str
    pid: int | None
    argv: list[str]
    cwd: str
    user: str | None = None


class Sighting(Struct, frozen=True, kw_only=True):
    """What was found of one workload; pids in ascending order."""

    strays: list[int]
    by_hand: list[int]


class Search(Struct, frozen=True, kw_only=True):
    """Where to look, and what makes a process ours."""

    issuer: Issuer
    table: Processes


def find(sought: Collection[Sought], search: Search) -> dict[str, Sighting]:
    """Look through the whole process table once.

    A stray carries a token that this node issued for the workload, and not that of the incarnation that runs; the
    children of a running one carry its token. By hand: the same program, arguments, directory and user without our
    mark, and no offspring of a running incarnation.
    """
    table = search.table
    stats = {stat.pid: stat for pid in table.pids() if (stat := table.stat(pid)) is not None and not stat.zombie}
    mains = {one.pid for one in sought if one.pid is not None}
    strays: dict[str, list[int]] = {one.name: [] for one in sought}
    by_hand: dict[str, list[int]] = {one.name: [] for one in sought}
    by_name = {one.name: one for one in sought}
    by_last: dict[str, list[Sought]] = {}
    for one in sought:
        by_last.setdefault(os.path.basename(one.argv[-1]), []).append(one)  # noqa: PTH119 - of thousands
    for pid, stat in sorted(stats.items()):
        if pid == os.getpid() or is_offspring(stat, stats, mains):
            continue
        environ = table.marks(pid)
        if TOKEN in environ:
            name = environ.get(WORKLOAD, "")
            bearer = by_name.get(name)
            if bearer is not None and _is_stray(environ, bearer, search):
                strays[name].append(pid)
            continue
        argv = table.argv(pid)
        last = os.path.basename(argv[-1]) if argv else ""  # noqa: PTH119
        for one in by_last.get(last, ()) if argv else ():
            if same_argv(argv, one) and same_place(pid, one, table):
                by_hand[one.name].append(pid)
    return {name: Sighting(strays=strays[name], by_hand=by_hand[name]) for name in strays}


def is_offspring(stat: Stat, stats: Mapping[int, Stat], mains: Collection[int]) -> bool:
    """Tell whether a process is a running main process, of its session, or descends from it."""
    seen: Stat | None = stat
    for _ in range(64):
        if seen is None:
            return False
        if seen.pid in mains or seen.session in mains:
            return True
        seen = stats.get(seen.parent)
    return False


def _is_stray(environ: Mapping[str, str], one: Sought, search: Search) -> bool:
    token = environ[TOKEN]
    if environ.get(NODE) != search.issuer.node or (one.pid is not None and token == one.token):
        return False
    return is_ours(search.issuer.secret, token, one.name, environ.get(INCARNATION, ""))


def same_argv(argv: list[str], one: Sought) -> bool:
    """Tell whether a command line is that of a workload, also as a script behind its interpreter."""
    return argv[-len(one.argv) :] == one.argv or (
        argv[1:] == one.argv[1:] and os.path.basename(argv[0]) == os.path.basename(one.argv[0])  # noqa: PTH119
    )


def same_place(pid: int, one: Sought, table: Processes) -> bool:
    """Tell whether a process is in a workload's directory, as its user."""
    cwd = table.cwd(pid)
    return (
        cwd is not None and os.path.realpath(cwd) == os.path.realpath(one.cwd) and table.uid(pid) == _uid_of(one.user)
    )


def _uid_of(user: str | None) -> int | None:
    if user is None:
        return os.getuid()
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError:
        return None


def end_strays(one: Sought, by_hand: Collection[int], search: Search, grace_s: float) -> list[int]:
    """End the strays of a workload, and those of by_hand that still match; TERM, after grace_s seconds KILL.

    Each is held by a pidfd before it is looked at for the last time, so that no other process gets the signal. Gives
    the pids that are gone.
    """
    found = find([one], search)[one.name]
    chosen = [*found.strays, *(pid for pid in by_hand if pid in found.by_hand)]
    holds = {pid: hold for pid in chosen if (hold := hold_of(pid, search.table)) is not None}
    try:
        for pid in list(holds):
            environ = search.table.marks(pid)
            marked = TOKEN in environ
            if not (_is_stray(environ, one, search) if marked else pid in found.by_hand):
                holds.pop(pid).close()
        _end(list(holds.values()), grace_s)
        return [pid for pid, hold in holds.items() if hold.gone()]
    finally:
        for hold in holds.values():
            hold.close()


def _end(holds: list[Hold], grace_s: float) -> None:
    for number, patience_s in ((signal.SIGTERM, grace_s), (signal.SIGKILL, 5.0)):
        for hold in holds:
            hold.send(number)
            hold.send(signal.SIGCONT)
        deadline_s = time.monotonic() + patience_s
        pause = threading.Event()
        while not all(hold.gone() for hold in holds):
            if time.monotonic() > deadline_s:
                break
            pause.wait(_LOOK_S)


class Hold:
    """One process that is meant, and no later one with its pid: by a pidfd, else by its start time."""

    def __init__(self, stat: Stat, table: Processes) -> None:
        self._stat = stat
        self._table = table
        self._fd = os.pidfd_open(stat.pid) if hasattr(os, "pidfd_open") else None

    def send(self, number: int) -> None:
        """Send a signal; nothing when it is gone."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if self._fd is not None:
                signal.pidfd_send_signal(self._fd, number)
            elif not self.gone():
                os.kill(self._stat.pid, number)

    def gone(self) -> bool:
        """Whether it has ended."""
        if self._fd is not None:
            return bool(select.select([self._fd], [], [], 0)[0])
        stat = self._table.stat(self._stat.pid)
        return stat is None or stat.zombie or stat.ticks != self._stat.ticks

    def close(self) -> None:
        """Let go of it."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def hold_of(pid: int, table: Processes) -> Hold | None:
    """Take hold of a process; None when it is gone."""
    stat = table.stat(pid)
    if stat is None or stat.zombie:
        return None
    try:
        return Hold(stat, table)
    except ProcessLookupError:
        return None
