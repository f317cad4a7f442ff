"""The bus: typed facts and commands between actors, processes and outside tools.

Charter: knows nothing of actors; an outside tool needs only this package.
"""

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
]
