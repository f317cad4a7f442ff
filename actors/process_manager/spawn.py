"""Spawns a workload's process. I/O.

`subprocess.Popen` starts it with vfork when no user is changed: 0.1 ms a call, no more than `os.posix_spawn`, which can
set no directory (benchmarks/restart.py prints both).
"""

from __future__ import annotations

import contextlib
import errno
import grp
import os
import pwd
import signal
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

from msgspec import Struct

from actors.process_manager.environment import NoEnvironment, argv_of, environment_of
from actors.process_manager.gate import Extras, behind, confine, find_program, needed
from actors.process_manager.life import Launch
from actors.process_manager.logs import LogFile, open_log
from actors.process_manager.passing import placed
from actors.process_manager.private import SHARED, can_hide, hides, make_private, with_private_tmp
from actors.process_manager.tokens import INCARNATION, TOKEN
from actors.settings.limits import umask_of

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


_NO_EXTRAS: Final = Extras()


def spawn(launch: Launch, token: str, incarnation: int, extras: Extras = _NO_EXTRAS) -> Spawned:
    """Start the process in a session of its own, its output appended to its log file.

    The process holds the file itself, so that the node's death costs it nothing. What is said of limits holds from the
    first instruction of its program; the rest is the node's own. Raises SpawnFailed.
    """
    account = account_of(launch.user, launch.workload.spec.group)
    try:
        env = {**environment_of(launch, account.env), **extras.env, TOKEN: token, INCARNATION: str(incarnation)}
        argv = argv_of(launch, env)
    except NoEnvironment as error:
        raise SpawnFailed(error.reason, retryable=error.retryable) from None
    log_fd, log = _open_log(launch)
    try:
        with _no_signal_blocked():
            start = partial(_start, launch, extras, {"env": env, "stdout": log_fd, "stderr": log_fd, **account.ids})
            process = _in_private(launch, env, account, partial(start, argv))
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise explained(error, launch) from error
    finally:
        os.close(log_fd)
    # Told that it has ended, Popen never waits for it by itself; else the next Popen might take its exit status.
    process.returncode = 0
    return Spawned(process.pid, log)


def _start(launch: Launch, extras: Extras, options: dict[str, Any], argv: list[str]) -> subprocess.Popen[bytes]:
    """Start it, behind a gate when it has to wait for its limits. Raises OSError, ValueError, SubprocessError."""
    spec = launch.workload.spec
    options = {**options, "cwd": launch.cwd, "start_new_session": True}
    if spec.umask is not None:
        options["umask"] = umask_of(spec.umask)
    asked = placed(argv, options, extras.sockets)
    if not needed(spec.limits, extras):  # the exit watcher waits for it
        return subprocess.Popen(asked.argv, stdin=subprocess.DEVNULL, pass_fds=asked.pass_fds, **asked.options)
    find_program(argv[0], launch.cwd, options["env"].get("PATH"))
    held, opens = os.pipe()
    fds = asked.pass_fds if extras.notify_fd is None else (*asked.pass_fds, extras.notify_fd)
    try:
        process = subprocess.Popen(behind(asked.argv, extras), stdin=held, pass_fds=fds, **asked.options)
        try:
            words = confine(process.pid, spec.limits, extras.cgroups)
        except OSError:
            os.close(opens)
            opens = -1
            process.wait()
            raise
        os.write(opens, f"{words}\n".encode())
    finally:
        os.close(held)
        if opens >= 0:
            os.close(opens)
    return process


def _in_private(
    launch: Launch, env: dict[str, str], account: Account, start: Callable[[], subprocess.Popen[bytes]]
) -> subprocess.Popen[bytes]:
    """Start it with temporary files of its own, if it is to have them. Raises OSError and what start raises."""
    if launch.private is None:
        return start()
    hidden = [path for path in (launch.cwd, env.get("NOTIFY_SOCKET", "")) if can_hide() and path and hides(path)]
    if hidden:
        raise SpawnFailed(f"{hidden[0]} lies in /tmp, which private_tmp hides", retryable=False)
    make_private(launch.private, account.ids.get("user"), account.ids.get("group"))
    if not can_hide():
        env["TMPDIR"] = launch.private
        return start()
    env["TMPDIR"] = SHARED[0]
    return with_private_tmp(launch.private, start)


def explained(error: Exception, launch: Launch) -> SpawnFailed:
    """Say in one line what an exception of Popen means to the operator."""
    program = launch.argv[0]
    text = error.strerror or "" if isinstance(error, OSError) else ""
    if text.startswith(_SAYS_ALL):
        return SpawnFailed(text, retryable=False)
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


_SAYS_ALL: Final = ("limits.", "its control group", "private_tmp")
"""What a fault of ours begins with that needs no more words."""

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


def account_of(user: str | None, group: str | None = None) -> Account:
    """Look an account up, and a group in the place of its own; None: the node's. Raises SpawnFailed."""
    account = _account_of(user)
    if group is None:
        return account
    try:
        gid = grp.getgrnam(group).gr_gid
    except KeyError:
        raise SpawnFailed(f"its group {group} is not known on this machine", retryable=False) from None
    if os.geteuid() != 0:
        if gid == os.getegid() and not account.ids:
            return account
        raise SpawnFailed(
            f"only root can run it as group {group}; this node runs as uid {os.geteuid()}", retryable=False
        )
    return Account({"extra_groups": [], **account.ids, "group": gid}, account.env)


def _account_of(user: str | None) -> Account:
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


def uid_of(user: str | None) -> list[int]:
    """Give the user id a workload runs as; none when the account is not known."""
    if user is None:
        return [os.geteuid()]
    try:
        return [pwd.getpwnam(user).pw_uid]
    except KeyError:
        return []


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
