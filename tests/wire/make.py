"""The golden frames: python -m tests.wire.make appends what is new, --anew writes all (before a release only).

A line of golden.txt is a message as it once went over the wire, in hex: `fact <type> <topic> <header> <body>`,
`command <target>.<verb> <frame>`, `reply <class> <frame>`. A line is never changed or removed: what was sent once must
be readable for ever. The last line of a name is what goes out today.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect

from bus.codec import encode_batch, encode_command, encode_reply
from bus.envelope import Envelope, RawCommand, RawReply
from bus.message import Command, Fact, Reply
from bus.messages import COMMANDS, FACTS
from bus.topics import topic_of

GOLDEN = Path(__file__).with_name("golden.txt")
NODE = "alpha"
EPOCH = 7
TIME = 1_700_000_000.25
FIXED: dict[type, Any] = {
    inspect.IntType: 7,
    inspect.FloatType: 1.5,
    inspect.BoolType: True,
    inspect.NoneType: None,
    inspect.AnyType: "any",
}


def replies() -> list[type[Reply]]:
    """The type of every answer, in the order of its name."""
    return sorted({command.reply for command in COMMANDS.values()}, key=lambda kind: kind.__name__)


def example(kind: type[Fact | Command | Reply]) -> Any:
    """An instance with every field filled, always the same: numbers 7 and 1.5, texts their own field's name."""
    return msgspec.convert(_value(inspect.type_info(kind), ""), kind)


def _value(info: inspect.Type, name: str) -> Any:
    match info:
        case inspect.ListType(item_type=item):
            return [_value(item, name)]
        case inspect.DictType(key_type=key, value_type=value):
            return {_value(key, name): _value(value, name)}
        case inspect.StructType(fields=fields):
            return {field.encode_name: _value(field.type, field.name) for field in fields}
        case inspect.UnionType(types=types):
            return _value(next(each for each in types if not isinstance(each, inspect.NoneType)), name)
    return _plain(info, name)


def _plain(info: inspect.Type, name: str) -> Any:
    match info:
        case inspect.StrType():
            return "web" if name == "subject" else name
        case inspect.LiteralType(values=values):
            return values[0]
        case inspect.EnumType(cls=cls):
            return next(iter(cls)).value
    return FIXED[type(info)]


def fact_frames(kind: type[Fact]) -> tuple[bytes, bytes, bytes]:
    """Topic, header and body of the example."""
    fact = example(kind)
    envelope = Envelope(
        id=f"{NODE}.{EPOCH:x}/9",
        source=f"{NODE}/actor",
        type=kind.type_name(),
        time=TIME,
        subject=fact.subject,
        correlationid=f"{NODE}.{EPOCH:x}/3",
        causationid=f"{NODE}.{EPOCH:x}/8",
        data=fact,
    )
    return topic_of(fact, NODE).encode(), *encode_batch(kind.stream, EPOCH, 5, [envelope])


def command_frame(kind: type[Command]) -> bytes:
    """The frame of the example."""
    raw = RawCommand(
        id=f"{NODE}.{EPOCH:x}/9",
        source=f"{NODE}/actor",
        target=kind.target,
        verb=kind.verb,
        time=TIME,
        timeout_s=5.0,
        correlationid=f"{NODE}.{EPOCH:x}/3",
        causationid=f"{NODE}.{EPOCH:x}/8",
        data=msgspec.Raw(msgspec.msgpack.encode(example(kind))),
    )
    return encode_command(raw)


def reply_frame(kind: type[Reply]) -> bytes:
    """The frame of the example."""
    return encode_reply(RawReply(id=f"{NODE}.{EPOCH:x}/9", data=msgspec.Raw(msgspec.msgpack.encode(example(kind)))))


def lines_today() -> Iterator[str]:
    """What every shipped message looks like today."""
    for name, fact in sorted(FACTS.items()):
        topic, header, body = fact_frames(fact)
        yield f"fact {name} {topic.decode()} {header.hex()} {body.hex()}"
    for (target, verb), command in sorted(COMMANDS.items()):
        yield f"command {target}.{verb} {command_frame(command).hex()}"
    for reply in replies():
        yield f"reply {reply.__name__} {reply_frame(reply).hex()}"


def lines_kept() -> list[str]:
    """What was written down so far."""
    return GOLDEN.read_text("ascii").splitlines() if GOLDEN.exists() else []


def latest() -> dict[str, str]:
    """The last line of every message, by its kind and name."""
    return {" ".join(line.split(" ", 2)[:2]): line for line in lines_kept()}


def unwritten() -> list[str]:
    """Kind and name of every shipped message that has no line."""
    written = latest()
    return [name for line in lines_today() if (name := " ".join(line.split(" ", 2)[:2])) not in written]


def main() -> None:
    """Write what is new."""
    kept = [] if "--anew" in sys.argv else lines_kept()
    known = {} if "--anew" in sys.argv else latest()
    new = [line for line in lines_today() if known.get(" ".join(line.split(" ", 2)[:2])) != line]
    GOLDEN.write_text("".join(f"{line}\n" for line in (*kept, *new)), "ascii")
    sys.stdout.write(f"{GOLDEN}: {len(new)} lines added, {len(kept)} kept\n")


if __name__ == "__main__":
    main()
