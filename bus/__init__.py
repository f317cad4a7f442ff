"""The bus: typed facts and commands between actors, processes and outside tools.

Charter: knows nothing of actors; an outside tool needs only this package.

    from bus import connect

    with connect() as client:
        print(client.status().health)
"""

from typing import TYPE_CHECKING, Any

from bus.errors import (
    ActorUnavailable,
    BusError,
    CommandError,
    DeadlineExceeded,
    HandlerFailed,
    InboxFull,
    MalformedFrame,
    NotConnected,
    Refused,
    UnknownTarget,
    UnknownVerb,
)
from bus.message import Command, Done, Fact, Reply, Stream

if TYPE_CHECKING:
    from bus.client import connect

__all__ = [
    "ActorUnavailable",
    "BusError",
    "Command",
    "CommandError",
    "DeadlineExceeded",
    "Done",
    "Fact",
    "HandlerFailed",
    "InboxFull",
    "MalformedFrame",
    "NotConnected",
    "Refused",
    "Reply",
    "Stream",
    "UnknownTarget",
    "UnknownVerb",
    "connect",
]


def __getattr__(name: str) -> Any:
    """`connect`, which brings the sockets with it, is imported when it is asked for."""
    if name != "connect":
        msg = f"module 'bus' has no attribute {name!r}"
        raise AttributeError(msg)
    from bus.client import connect  # noqa: PLC0415 - see above

    return connect
