"""How a workload itself tells that it is ready and alive. Types only; pure."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from actors.settings.units import Seconds


class Notify(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a workload tells of itself, as systemd and s6 know it."""

    ready: Literal["none", "socket", "fd"] = "none"
    """socket: it says READY=1 to NOTIFY_SOCKET, as sd_notify does. fd: it writes a line to the descriptor `fd`, as s6
    has it. Until then it is not ready. none: the socket is there with a watchdog only."""

    fd: Annotated[int, Meta(ge=3, le=9)] = 3
    """Descriptor for `ready: fd`, from 3 to 9, as a shell opens it."""

    within: Seconds = Seconds(90)
    """Seconds from the start in which it has to be ready, unless it asks for more (EXTEND_TIMEOUT_USEC); then it
    counts as one whose startup probe fails."""

    watchdog: Seconds | None = None
    """Seconds in which it has to say WATCHDOG=1, once it is ready; less often, and it counts as one whose liveness
    probe fails. It is told as WATCHDOG_USEC. None: no watchdog."""

    speaker: Literal["main", "tree"] = "tree"
    """Who may speak on the socket: the main process, or any process of the workload."""

    def __post_init__(self) -> None:
        """Refuse no time at all.

        Raises: ValueError.
        """
        for key, seconds in (("within", self.within), ("watchdog", self.watchdog)):
            if seconds is not None and seconds <= 0:
                raise ValueError(f"{key}: has to be more than 0s")

    @property
    def listens(self) -> bool:
        """Whether there is a socket."""
        return self.ready == "socket" or self.watchdog is not None
