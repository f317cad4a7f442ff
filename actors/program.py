"""Runs a program of the operator to its end or its deadline. In a thread that may wait."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

OUTPUT_BYTES: Final = 4096
OUTPUT_LINES: Final = 10
STOP_LOOK_S: Final = 0.1
"""Seconds between two looks whether it has to stop."""
NOT_FOUND: Final = 127
NOT_RUN: Final = 126


class Ran(Struct, frozen=True):
    """How it ended. exit_code: None at its deadline; 128 + n for a signal, 126 or 127 when it did not start."""

    exit_code: int | None
    took_s: float
    output: list[str]


def run_program(
    argv: Sequence[str],
    about: bytes,
    env: Mapping[str, str],
    cwd: Path,
    within_s: float,
    *,
    stop: threading.Event | None = None,
) -> Ran:
    """Run it with `about` on its stdin and env beside the node's own; what it leaves in its session is killed.

    stop: once it is set, the time is over.

    Input and output are files and not pipes, so that a program that reads nothing, or leaves a child behind, holds
    nobody up.
    """
    began_s = time.monotonic()
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as output:
        given.write(about)
        given.seek(0)
        try:
            process = subprocess.Popen(
                list(argv),
                cwd=cwd,
                env={**os.environ, **env},
                stdin=given,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            code = NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_RUN
            return Ran(code, time.monotonic() - began_s, [str(error)])
        ended: int | None
        try:
            ended = _wait(process, began_s + within_s, stop)
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        code_or_none = ended if ended is None or ended >= 0 else 128 - ended
        return Ran(code_or_none, time.monotonic() - began_s, _last_lines(output.fileno()))


def _wait(process: subprocess.Popen[bytes], end_s: float, stop: threading.Event | None) -> int | None:
    """Its exit code; None when the time was over first."""
    while True:
        left_s = max(0.0, end_s - time.monotonic())
        try:
            return process.wait(left_s if stop is None else min(left_s, STOP_LOOK_S))
        except subprocess.TimeoutExpired:
            if time.monotonic() >= end_s or (stop is not None and stop.is_set()):
                return None


def _last_lines(descriptor: int) -> list[str]:
    size = os.fstat(descriptor).st_size
    raw = os.pread(descriptor, OUTPUT_BYTES, max(0, size - OUTPUT_BYTES))
    return raw.decode("utf-8", "replace").splitlines()[-OUTPUT_LINES:]
