"""Runs a task's command: output to a file, what it says of itself from a descriptor, its whole group ended with it."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from actors.executor.watch import End

DESCRIPTOR: Final = "GYROSTAT_TASK_FD"
WANTED: Final = 3
"""The number of the descriptor: of one digit, as some shells know no other."""
TAIL_BYTES: Final = 2000
"""What is kept of the end of the output of one that failed."""
LINE_MAX: Final = 1 << 20
LOOK_S: Final = 0.02
"""Seconds between two looks whether it has ended, where the kernel does not tell."""


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """One line that a command wrote on its descriptor. checkpoint, result: JSON."""

    progress: float | None = None
    note: str | None = None
    checkpoint: str | None = None
    result: str | None = None


class Exit(msgspec.Struct, frozen=True):
    """How a command ended. code: below 0 the number of a signal. tail: the end of its output."""

    code: int
    tail: str
    result: str | None


def parse(line: bytes) -> Said:
    """`progress 0.5 words`, `checkpoint JSON`, `result JSON`; anything else is a sign of life and nothing more."""
    verb, _, rest = line.decode("utf-8", "replace").strip().partition(" ")
    if verb == "progress":
        share, _, note = rest.partition(" ")
        with contextlib.suppress(ValueError):
            return Said(progress=min(1.0, max(0.0, float(share))), note=note or None)
    if verb in {"checkpoint", "result"}:
        with contextlib.suppress(msgspec.DecodeError, UnicodeEncodeError):
            msgspec.json.decode(rest.encode(), type=msgspec.Raw)
            return Said(checkpoint=rest) if verb == "checkpoint" else Said(result=rest)
    return Said()


def reserve_descriptor() -> None:
    """Keep WANTED free for commands; to be called before anything is opened."""
    with contextlib.suppress(OSError):
        os.fstat(WANTED)
        return
    _give_back(WANTED)


class Runner:
    """One command. hear: called with everything it says. ask: whether it has to end."""

    def __init__(self, hear: Callable[[Said], None], ask: Callable[[], End | None], *, grace_s: float) -> None:
        self._hear = hear
        self._ask = ask
        self._grace_s = grace_s
        self._kill_at_s: float | None = None
        self._rest = b""
        self._result: str | None = None

    def run(self, argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], output: Path) -> Exit:
        """Run it to its end. Raises: OSError when it cannot be started."""
        output.parent.mkdir(parents=True, exist_ok=True)
        said, told = _pipe()
        os.set_blocking(said, False)
        try:
            with output.open("w+b") as sink:
                try:
                    process = subprocess.Popen(
                        argv,
                        cwd=cwd,
                        env={**env, DESCRIPTOR: str(told)},
                        stdin=subprocess.DEVNULL,
                        stdout=sink,
                        stderr=sink,
                        pass_fds=(told,),
                        start_new_session=True,
                    )
                finally:
                    _give_back(told)
                self._attend(process, said)
                self._listen(said)
                sink.seek(max(0, sink.seek(0, os.SEEK_END) - TAIL_BYTES))
                tail = sink.read().decode("utf-8", "replace").strip()
        finally:
            os.close(said)
            output.unlink(missing_ok=True)
        return Exit(process.returncode, tail, self._result)

    def _attend(self, process: subprocess.Popen[bytes], said: int) -> None:
        ended = os.pidfd_open(process.pid) if hasattr(os, "pidfd_open") else None
        sources = [each for each in (said, ended) if each is not None]
        try:
            while process.poll() is None:
                ready = select.select(sources, [], [], 0.1 if ended is not None else LOOK_S)[0]
                if said in ready and not self._listen(said):
                    sources.remove(said)
                self._mind(process)
        finally:
            _signal(process, signal.SIGKILL)  # what it left in its group
            process.wait()
            if ended is not None:
                os.close(ended)

    def _mind(self, process: subprocess.Popen[bytes]) -> None:
        """Ask it to end when it has to, and kill it when it does not."""
        now_s = time.monotonic()
        if self._kill_at_s is None and self._ask() is not None:
            _signal(process, signal.SIGTERM)
            self._kill_at_s = now_s + self._grace_s
        if self._kill_at_s is not None and now_s >= self._kill_at_s:
            _signal(process, signal.SIGKILL)

    def _listen(self, said: int) -> bool:
        """Take what it has written; False when nobody can write any more."""
        while True:
            try:
                piece = os.read(said, 65_536)
            except BlockingIOError:
                return True
            if not piece:
                return False
            *lines, self._rest = (self._rest + piece).split(b"\n")
            self._rest = self._rest[-LINE_MAX:]
            for line in lines:
                heard = parse(line)
                self._result = heard.result if heard.result is not None else self._result
                self._hear(heard)


def _pipe() -> tuple[int, int]:
    """A pipe whose writing end has the number WANTED."""
    said, told = os.pipe()
    os.dup2(told, WANTED, inheritable=False)
    os.close(told)
    return said, WANTED


def _give_back(number: int) -> None:
    """Close a descriptor and keep its number."""
    null = os.open(os.devnull, os.O_RDWR)
    if null != number:
        os.dup2(null, number, inheritable=False)
        os.close(null)


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
