"""The last number that a command prints. Bounded in time and in what it may print; nothing of it is left behind."""

from __future__ import annotations

import contextlib
import math
import os
import re
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from actors.monitor.sources.reader import NotRead

PRINTED_BYTES_MAX: Final = 1 << 20
"""Bytes a command may print; one that prints more is no measuring command."""
TAIL_BYTES: Final = 4096
"""Bytes at the end of what was printed in which the number is looked for."""
_NUMBER: Final = re.compile(rb"(?<![\w.])[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w.])")
_LOOK_S: Final = 0.05
"""Seconds between two looks whether the command has ended, where the kernel does not tell."""


class CommandSource:
    """Runs a command for each reading. user, group: whom it runs as; None: as the node does."""

    def __init__(
        self, name: str, argv: Sequence[str], within_s: float, *, cwd: Path, env: Mapping[str, str], account: Account
    ) -> None:
        self._name = name
        self._argv = list(argv)
        self._within_s = within_s
        self._cwd = cwd
        self._env = env
        self._account = account

    def close(self) -> None:
        """Nothing is held between two readings."""

    def read(self) -> Mapping[str, float]:
        """Run the command and take the last number it printed.

        Raises: NotRead.
        """
        deadline_s = time.monotonic() + self._within_s
        try:
            process = subprocess.Popen(
                self._argv,
                cwd=self._cwd,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                **self._account.ids(),
            )
        except (OSError, ValueError, KeyError) as error:
            raise NotRead(f"{self._argv[0]} does not start: {error}") from None
        with process:
            try:
                printed = _printed(process, deadline_s, self._within_s)
            finally:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        if process.returncode:
            raise NotRead(f"{self._argv[0]} ended with {_ended(process.returncode)}")
        return {self._name: last_number(printed)}


class Account:
    """Whom a command runs as; None: as the node does."""

    def __init__(self, user: str | None = None, group: str | None = None) -> None:
        self._user = user
        self._group = group

    def ids(self) -> dict[str, Any]:
        """Arguments of Popen. Raises: KeyError for an account that does not exist."""
        if self._user is None and self._group is None:
            return {}
        import grp  # noqa: PLC0415 - few configs name an account
        import pwd  # noqa: PLC0415

        ids: dict[str, Any] = {}
        if self._user is not None:
            account = pwd.getpwnam(self._user)
            if account.pw_uid == os.geteuid():
                return {}
            ids = {
                "user": account.pw_uid,
                "group": account.pw_gid,
                "extra_groups": os.getgrouplist(self._user, account.pw_gid),
            }
        if self._group is not None:
            ids["group"] = grp.getgrnam(self._group).gr_gid
        return ids


def last_number(printed: bytes) -> float:
    """The last number in a text. Raises: NotRead when there is none, or none that is finite."""
    found = _NUMBER.findall(printed)
    if not found:
        shown = printed.decode("utf-8", "replace").strip()[-80:]
        raise NotRead(f"printed no number: {shown!r}" if shown else "printed nothing")
    value = float(found[-1])
    if not math.isfinite(value):
        raise NotRead(f"printed a number that is too large: {found[-1][:20].decode()}")
    return value


def _printed(process: subprocess.Popen[bytes], deadline_s: float, within_s: float) -> bytes:
    """The end of what the command printed until it ended; what it left running is not waited for.

    Raises: NotRead when it takes too long or prints too much.
    """
    assert process.stdout is not None  # noqa: S101 - it was asked for
    output = process.stdout.fileno()
    os.set_blocking(output, False)
    ended = _end_of(process.pid)
    poll = select.poll()
    poll.register(output, select.POLLIN | select.POLLHUP)
    if ended is not None:
        poll.register(ended, select.POLLIN)
    tail, total = b"", 0
    try:
        while True:
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                raise NotRead(f"took longer than {within_s:g} s", late=True)
            poll.poll(1000 * (left_s if ended is not None else min(left_s, _LOOK_S)))
            over = process.poll() is not None
            part = _available(output)
            total += len(part or b"")
            tail = (tail + (part or b""))[-TAIL_BYTES:]
            if total > PRINTED_BYTES_MAX:
                raise NotRead(f"printed more than {PRINTED_BYTES_MAX} bytes")
            if part == b"":  # it closed its output
                poll.unregister(output)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(max(0.0, deadline_s - time.monotonic()))
                    return tail
            elif over and part is None:
                return tail
    finally:
        if ended is not None:
            os.close(ended)


def _available(output: int) -> bytes | None:
    """What is there to be read; empty at the end, None when there is nothing now."""
    try:
        return os.read(output, 65_536)
    except BlockingIOError:
        return None


def _end_of(pid: int) -> int | None:
    """A descriptor that becomes readable when a process ends; None where there is none of that kind."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


def _ended(code: int) -> str:
    return f"exit code {code}" if code > 0 else f"signal {-code}"
