"""What travels around a message: who, when, about what, and because of what (CloudEvents names)."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from bus.message import Command, Fact

F_co = TypeVar("F_co", bound=Fact, covariant=True)
C_co = TypeVar("C_co", bound=Command, covariant=True)


class Envelope(msgspec.Struct, Generic[F_co], frozen=True, kw_only=True, gc=False):
    """A fact on its way.

    id: `<node>.<epoch hex>/<n>`, unique for ever. source: `<node>/<actor>`. type: `process.exited.v1`.
    time: Unix seconds at the publisher. correlationid: the id of the first fact or command of the chain.
    causationid: the id of the fact or command that led straight to this one, or empty.
    """

    id: str
    source: str
    type: str
    time: float
    subject: str
    correlationid: str
    causationid: str
    data: F_co


class RawEnvelope(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An envelope off the wire whose data is not decoded yet, so that an unknown type passes."""

    id: str
    source: str
    type: str
    time: float
    subject: str
    correlationid: str = ""
    causationid: str = ""
    data: msgspec.Raw = msgspec.Raw(b"\x80")


class CommandEnvelope(msgspec.Struct, Generic[C_co], frozen=True, kw_only=True):
    """A command on its way.

    id: idempotency key: a repeated id is answered, not carried out again. timeout_s: seconds the asker still
    waits, counted from receipt (clocks of hosts differ). source: who asks, for the audit.
    """

    id: str
    source: str
    target: str
    verb: str
    time: float
    timeout_s: float
    correlationid: str
    causationid: str
    data: C_co


class RawCommand(msgspec.Struct, frozen=True, kw_only=True):
    """A command off the wire whose arguments are not decoded yet."""

    id: str
    source: str
    target: str
    verb: str
    time: float = 0.0
    timeout_s: float = 5.0
    correlationid: str = ""
    causationid: str = ""
    data: msgspec.Raw = msgspec.Raw(b"\x80")


class RawReply(msgspec.Struct, frozen=True, kw_only=True):
    """The answer on the wire: data when error is empty, else an error code with its message."""

    id: str
    error: str = ""
    message: str = ""
    data: msgspec.Raw = msgspec.Raw(b"\x80")
