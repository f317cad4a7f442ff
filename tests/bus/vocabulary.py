"""Messages of these tests, so that they stand still while the vocabulary of the actors grows."""

from __future__ import annotations

from typing import Any

from bus.message import Command, Done, Fact, Reply, Stream


class Moved(Fact, frozen=True, kw_only=True):
    kind = "test.moved"
    step: int
    note: str = ""


class Settled(Fact, frozen=True, kw_only=True):
    kind = "test.settled"
    stream = Stream.STATE
    step: int


class Sampled(Fact, frozen=True, kw_only=True):
    kind = "test.sampled"
    stream = Stream.SAMPLES
    value: float


class Kept(Fact, frozen=True, kw_only=True):
    kind = "test.kept"
    stream = Stream.DURABLE
    step: int
    note: str = ""


class Odd(Fact, frozen=True, kw_only=True):
    kind = "test.odd"
    anything: Any


class Sum(Reply, frozen=True, kw_only=True):
    total: int


class Add(Command, frozen=True, kw_only=True):
    target = "adder"
    verb = "add"
    reply = Sum
    left: int
    right: int


class Rest(Command, frozen=True, kw_only=True):
    target = "adder"
    verb = "rest"
    reply = Done


class Fly(Command, frozen=True, kw_only=True):
    target = "bird"
    verb = "fly"
    reply = Done


VERBS: dict[str, type[Command]] = {"add": Add, "rest": Rest}
