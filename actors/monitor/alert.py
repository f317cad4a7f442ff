"""Runs the operator's alert program to its end or its deadline. In a thread that may wait."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

OUTPUT_BYTES: Final = 4096
OUTPUT_LINES: Final = 10
_NOT_FOUND: Final = 127
_NOT_RUN: Final = 126


class Alerted(Struct, frozen=True):
    """How it ended. exit_code: None at its deadline; 128 + n for a signal, 126 or 127 when it did not start."""

    exit_code: int | None
    took_s: float
    output: list[str]


def run_alert(argv: Sequence[str], about: bytes, env: Mapping[str, str], cwd: Path, within_s: float) -> Alerted:
    """Run it with `about` on its stdin and env beside the node's own; what it leaves in its session is killed.

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
            code = _NOT_FOUND if isinstance(error, FileNotFoundError) else _NOT_RUN
            return Alerted(code, time.monotonic() - began_s, [str(error)])
        ended: int | None
        try:
            ended = process.wait(within_s)
        except subprocess.TimeoutExpired:
            ended = None
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        code_or_none = ended if ended is None or ended >= 0 else 128 - ended
        return Alerted(code_or_none, time.monotonic() - began_s, _last_lines(output.fileno()))


def _last_lines(descriptor: int) -> list[str]:
    size = os.fstat(descriptor).st_size
    raw = os.pread(descriptor, OUTPUT_BYTES, max(0, size - OUTPUT_BYTES))
    return raw.decode("utf-8", "replace").splitlines()[-OUTPUT_LINES:]
