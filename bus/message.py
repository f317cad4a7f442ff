"""What every message is: a fact says what happened, a command asks one actor to do one named thing.

New fields have defaults; a type never changes its meaning; a removed field's name is never used again.
"""

from __future__ import annotations

import enum
from typing import ClassVar, Literal

import msgspec


class Stream(enum.IntEnum):
    """The numbered streams of a publisher; the header's low flag bits name the one a frame belongs to."""

    __hash__ = int.__hash__  # that of an enum is written in Python, and every message is looked up by its stream

    STATE = 0
    """Last value per (type, subject) is what counts: a full inbox keeps the newest of each."""
    FACTS = 1
    """Things that happened; a full inbox drops the oldest and counts it."""
    SAMPLES = 2
    """Measurements; a full inbox drops the oldest and counts it."""
    DURABLE = 3
    """Things that must survive the publisher: issues, remedies, the change log."""


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened; named by a past participle.

    kind: `domain.what`, tokens `[a-z0-9_-]`; the middle of the topic `evt.<domain>.<what>.<node>.<subject>`.
    subject: what it is about: a workload, an actor or a node; a token `[a-z0-9_-]+`.
    """

    kind: ClassVar[str]
    version: ClassVar[int] = 1
    stream: ClassVar[Stream] = Stream.FACTS

    subject: str

    @classmethod
    def type_name(cls) -> str:
        """The envelope's `type`, e.g. `process.exited.v1`."""
        return f"{cls.kind}.v{cls.version}"


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """The typed answer to a command."""


class Done(Reply, frozen=True, kw_only=True):
    """The command was carried out; detail says what that meant, in one line for people."""

    detail: str = ""


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """One named thing asked of one actor; named by an imperative.

    target: the actor that answers. verb: its name in that actor's table. reply: the type of the answer.
    needs: the role of a key that may send it over tcp; `node` for what only peers ask of each other.
    """

    target: ClassVar[str]
    verb: ClassVar[str]
    reply: ClassVar[type[Reply]] = Done
    needs: ClassVar[Literal["operator", "node"]] = "operator"
