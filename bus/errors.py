"""What can go wrong on the bus. Each error answers one question for the caller: again, or never.

BusError
├── MalformedFrame          a frame that does not decode; counted and dropped
├── NotConnected            no node answers at that place
└── CommandError            the answer to a command is an error; crosses the wire by its code
    ├── UnknownTarget       no actor of that name
    ├── UnknownVerb         that actor has no such verb
    ├── Refused             understood and not done; the message says why
    ├── DeadlineExceeded    no answer in time (again)
    ├── ActorUnavailable    the actor is given up or stopping (again)
    ├── InboxFull           the actor is behind (again)
    └── HandlerFailed       the handler raised; the actor was restarted
"""

from __future__ import annotations

from typing import ClassVar


class BusError(Exception):
    """Anything the bus raises."""

    retryable: ClassVar[bool] = False


class MalformedFrame(BusError):
    """A frame that does not decode; what says which part and why."""


class NotConnected(BusError):
    """No node answers at that place."""

    retryable = True


class CommandError(BusError):
    """The answer to a command is an error. code names the class on the wire."""

    code: ClassVar[str] = "error"


class UnknownTarget(CommandError):
    """No actor of that name serves here."""

    code = "unknown_target"


class UnknownVerb(CommandError):
    """That actor has no such verb, or the arguments do not fit it."""

    code = "unknown_verb"


class Refused(CommandError):
    """Understood and not done; the message says why and what would help."""

    code = "refused"


class DeadlineExceeded(CommandError):
    """No answer before the deadline; it may still have been carried out."""

    code = "deadline_exceeded"
    retryable = True


class ActorUnavailable(CommandError):
    """The actor is given up by its supervisor, or stopping."""

    code = "actor_unavailable"
    retryable = True


class InboxFull(CommandError):
    """The actor is behind by as many commands as it holds."""

    code = "inbox_full"
    retryable = True


class HandlerFailed(CommandError):
    """The handler raised; its actor was restarted in place."""

    code = "handler_failed"


COMMAND_ERRORS: dict[str, type[CommandError]] = {
    kind.code: kind
    for kind in (
        CommandError,
        UnknownTarget,
        UnknownVerb,
        Refused,
        DeadlineExceeded,
        ActorUnavailable,
        InboxFull,
        HandlerFailed,
    )
}
"""By code, so that an error keeps its class across the wire."""
