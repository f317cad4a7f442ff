"""Runs a command of the operator to its end or its time-out: hooks and exec probes. I/O, in a thread that may wait."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from typing import Final

from msgspec import Struct

from actors.process_manager.environment import NoEnvironment, environment_of
from actors.process_manager.life import Launch
from actors.process_manager.spawn import SpawnFailed, account_of

OUTPUT_BYTES: Final = 64 * 1024
OUTPUT_LINES: Final = 50


class Ran(Struct, frozen=True):
    """How a command ended. exit_code: None at its time-out; 128 + n for a signal, 126 or 127 when it did not start."""

    exit_code: int | None
    took_s: float
    output: list[str]


def run_command(argv: list[str], launch: Launch, timeout_s: float) -> Ran:
    """Run a command in a workload's directory and environment, as its user; what it leaves in its group is killed.

    Its output goes to a file and not to a pipe, so that a child that keeps it open holds nobody up.
    """
    began_s = time.monotonic()
    with tempfile.TemporaryFile() as output:
        try:
            account = account_of(launch.user, launch.workload.spec.group)
            process = subprocess.Popen(
                argv,
                cwd=launch.cwd,
                env=environment_of(launch, account.env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                **account.ids,
            )
        except (OSError, ValueError, SpawnFailed, NoEnvironment) as error:
            code = 127 if isinstance(error, FileNotFoundError) else 126
            return Ran(code, time.monotonic() - began_s, [str(error)])
        code_or_none: int | None
        try:
            code = process.wait(timeout_s)
            code_or_none = code if code >= 0 else 128 - code
        except subprocess.TimeoutExpired:
            code_or_none = None
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        took_s = time.monotonic() - began_s
        return Ran(code_or_none, took_s, _last_lines(output.fileno()))


def _last_lines(fd: int) -> list[str]:
    size = os.fstat(fd).st_size
    raw = os.pread(fd, OUTPUT_BYTES, max(0, size - OUTPUT_BYTES))
    return raw.decode("utf-8", "replace").splitlines()[-OUTPUT_LINES:]
