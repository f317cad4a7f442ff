"""Spawns a workload's process. I/O.

`subprocess.Popen` starts it with vfork when no user is changed: 0.1 ms a call, no more than `os.posix_spawn`, which can
set no directory (benchmarks/restart.py prints both).
"""

from __future__ import annotations

import contextlib
import errno
import os
import pwd
import signal
import subprocess
from collections.abc import Iterator
from typing import Any, Final

from msgspec import Struct

from actors.process_manager.life import Launch
from actors.process_manager.logs import LogFile, open_log
from actors.process_manager.tokens import INCARNATION, TOKEN

_SHORT_OF: Final = frozenset({errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ETXTBSY, errno.ENOSPC})
"""What a machine may have again in a moment."""


class SpawnFailed(Exception):
    """A spawn did not come about; says why in one line. retryable: it may come about later with nothing changed."""

    def __init__(self, reason: str, *, retryable: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retryable = retryable


class Spawned(Struct, frozen=True):
    """A process that runs its program by now. log: its log file as it was before it."""

    pid: int
    log: LogFile


def spawn(launch: Launch, token: str, incarnation: int) -> Spawned:
    """Start the process in a session of its own, its output appended to its log file.

    The process holds the file itself, so that the node's death costs it nothing. umask and limits are the node's own.
    Raises SpawnFailed.
    """
    account = account_of(launch.user)
    env = {**account.env, **launch.env, TOKEN: token, INCARNATION: str(incarnation)}
    log_fd, log = _open_log(launch)
    try:
        with _no_signal_blocked():
            process = subprocess.Popen(  # noqa: S603, RUF100 - the exit watcher waits for it
                launch.argv,
                stdin=subprocess.DEVNULL,
                stdout=log_fd,
                stderr=log_fd,
                cwd=launch.cwd,
                env=env,
                start_new_session=True,
                **account.ids,
            )
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise explained(error, launch) from error
    finally:
        os.close(log_fd)
    # Told that it has ended, Popen never waits for it by itself; else the next Popen might take its exit status.
    process.returncode = 0
    return Spawned(process.pid, log)


def explained(error: Exception, launch: Launch) -> SpawnFailed:
    """Say in one line what an exception of Popen means to the operator."""
    program = launch.argv[0]
    if not isinstance(error, OSError):
        return SpawnFailed(f"{program} cannot be started: {error}", retryable=False)
    if error.errno in _SHORT_OF:
        return SpawnFailed(f"the machine cannot start {program} now: {error.strerror}", retryable=True)
    if not os.path.isdir(launch.cwd):  # noqa: PTH112 - errors of the path are an answer
        return SpawnFailed(f"its directory {launch.cwd} is missing", retryable=True)
    if error.filename == launch.cwd:
        return SpawnFailed(f"its directory {launch.cwd} cannot be entered: {error.strerror}", retryable=False)
    wording = _WORDINGS.get(error.errno or 0, f"cannot be started: {error.strerror}")
    return SpawnFailed(f"its program {program} {wording}", retryable=error.errno == errno.ENOENT)


_WORDINGS: Final = {
    errno.ENOENT: "(or the interpreter it names) is missing",
    errno.ENOEXEC: "cannot be executed: no #! line, or built for another machine",
    errno.EACCES: "may not be executed by this user",
    errno.EPERM: "may not be executed by this user",
}


def ignored_signals() -> list[str]:
    """Name the signals this process ignores and its children would ignore too, without those Popen restores."""
    restored = {"SIGPIPE", "SIGXFSZ", "SIGXFZ"}
    every = (signal.Signals(number) for number in signal.valid_signals() if number < signal.SIGRTMIN)
    return [one.name for one in every if one.name not in restored and signal.getsignal(one) is signal.SIG_IGN]


class Account(Struct, frozen=True):
    """Whom a process runs as: arguments for Popen, and the variables that go with the account."""

    ids: dict[str, Any]
    env: dict[str, str]


_OWN: Final = Account({}, {})


def account_of(user: str | None) -> Account:
    """Look an account up; None: the node's own. Raises SpawnFailed."""
    if user is None:
        return _OWN
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        raise SpawnFailed(f"its user {user} is not known on this machine", retryable=False) from None
    env = {"HOME": entry.pw_dir, "USER": entry.pw_name, "LOGNAME": entry.pw_name}
    if os.geteuid() == entry.pw_uid:
        return Account({}, env)
    if os.geteuid() != 0:
        raise SpawnFailed(f"only root can run it as {user}; this node runs as uid {os.geteuid()}", retryable=False)
    groups = os.getgrouplist(user, entry.pw_gid)
    return Account({"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": groups}, env)


def _open_log(launch: Launch) -> tuple[int, LogFile]:
    try:
        return open_log(launch.log_path, launch.log_size_max, launch.log_keep)
    except OSError as error:
        raise SpawnFailed(f"cannot write its log {launch.log_path}: {error.strerror}", retryable=True) from error


@contextlib.contextmanager
def _no_signal_blocked() -> Iterator[None]:
    """Give the child an empty signal mask: it inherits the one of this thread."""
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    if not blocked:
        yield
        return
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
