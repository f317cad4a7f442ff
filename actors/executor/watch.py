"""When a running task has to be ended though it did not end by itself. Pure: now is given."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from actors.settings import TaskKind, format_duration

Reason = Literal["cancelled", "timeout", "silent", "stopping", "lost"]
"""stopping: the worker stops; the task goes back to the queue. lost: it is another worker's by now."""


class Running(Struct, kw_only=True):
    """A task in hand. Times are monotonic seconds. stop: why it was cancelled. drain_s: since when the worker stops."""

    kind: TaskKind
    started_s: float
    sign_s: float
    stop: str | None = None
    owned: bool = True
    drain_s: float | None = None


class End(Struct, frozen=True):
    """It has to end. why: in words."""

    reason: Reason
    why: str


def has_to_end(running: Running, stop_within_s: float, now_s: float) -> End | None:
    """Whether it has to end now, and why. stop_within_s: seconds a task may go on when its worker stops."""
    kind = running.kind
    if not running.owned:
        return End("lost", "it is another worker's by now")
    if running.stop is not None:
        return End("cancelled", running.stop)
    if kind.timeout is not None and now_s - running.started_s >= kind.timeout:
        return End("timeout", f"took longer than {format_duration(kind.timeout)}")
    if kind.silence is not None and now_s - running.sign_s >= kind.silence:
        return End("silent", f"gave no sign of life for {format_duration(kind.silence)}")
    if running.drain_s is not None and now_s - running.drain_s >= stop_within_s:
        return End("stopping", "its worker stops")
    return None
