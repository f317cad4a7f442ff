"""One run of a process that has ended, and how it is told. Pure."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from actors.process_manager.life import Life
from actors.process_manager.restart import Ended, succeeded
from bus.messages import ProcessExited


class Exited(Protocol):
    """How it ended: see exits.Exit."""

    @property
    def exit_code(self) -> int | None:
        """Its exit code, when it exited."""

    @property
    def signal(self) -> str | None:
        """The signal that ended it, without SIG."""


class Run(Struct, kw_only=True):
    """A run that has ended. log_end: where its lines end; None for the present end of the file. uptime_s: seconds."""

    pid: int
    incarnation: int
    exit_code: int | None
    signal: str | None
    uptime_s: float
    asked: bool
    log_path: str
    log_start: int
    log_end: int | None = None
    cause: str = ""
    """Why the kernel ended it, when that is known."""


def end_run(life: Life, ended: Exited, *, asked: bool, now_s: float) -> Run:
    """Take the process that has ended off its life."""
    run = Run(
        pid=life.pid or 0,
        incarnation=life.incarnation,
        exit_code=ended.exit_code,
        signal=ended.signal,
        uptime_s=max(0.0, now_s - life.started_s),
        asked=asked,
        log_path=life.launch.log_path,
        log_start=life.log_start,
    )
    life.pid, life.exit_code, life.signal = None, ended.exit_code, ended.signal
    return run


def exited_fact(life: Life, run: Run, lines: list[str]) -> ProcessExited:
    """Give the fact that tells it. lines: its last ones."""
    ended = Ended(exit_code=run.exit_code, signal=run.signal, uptime_s=run.uptime_s)
    return ProcessExited(
        subject=life.name,
        pid=run.pid,
        incarnation=run.incarnation,
        exit_code=run.exit_code,
        signal=run.signal,
        uptime_s=run.uptime_s,
        asked=run.asked,
        expected=run.asked or succeeded(life.workload.spec.restart, ended),
        log_tail=lines,
        cause=run.cause,
    )


def said(ended: Exited, cause: str = "") -> str:
    """Say how a process ended. cause: of a run."""
    if ended.signal is not None:
        return f"signal {ended.signal}{f' ({cause})' if cause else ''}"
    return f"exit code {ended.exit_code}" if ended.exit_code is not None else "nobody saw how"
