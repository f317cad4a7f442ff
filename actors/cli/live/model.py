"""What `top` knows and shows. Pure."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

View = Literal["workloads", "issues", "log", "help"]
Verb = Literal["restart", "start", "stop", "approve", "reject"]


class Do(Struct, frozen=True, kw_only=True):
    """What a person wants done. name: a workload, or an issue for approve and reject."""

    verb: Verb
    name: str


class Look(Struct, frozen=True, kw_only=True):
    """What the node said last. status: bus.status.Status, or None before the first. at_s: monotonic seconds of it.

    trouble: why the newest question has no answer, or empty.
    """

    status: Any = None
    at_s: float = 0.0
    trouble: str = ""


class Row(Struct, frozen=True, kw_only=True):
    """One line that can be chosen. key: a workload, or an issue. cells: text and tone. waits: for a person's word."""

    key: str
    cells: tuple[tuple[str, str], ...]
    live: bool = False
    waits: bool = False
    state: str = ""


class Model(Struct, frozen=True, kw_only=True):
    """All that the screen is made of. chosen: key of the row; by its key, so that it stays while rows come and go.

    typing: the filter is being written. pending: asked, and to be answered with y. back: where the log leads back to.
    scroll: lines above the end of the log.
    """

    view: View = "workloads"
    back: View = "workloads"
    chosen: str = ""
    filter: str = ""
    typing: bool = False
    pending: Do | None = None
    message: str = ""
    log: tuple[str, ...] = ()
    log_of: str = ""
    scroll: int = 0
    look: Look = Look()
    ask_nothing: bool = False
