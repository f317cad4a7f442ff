"""A JSON Schema of everything that goes over the wire, made from the types and their docstrings. Pure.

Its names: `fact.<type>`, `command.<target>.<verb>` and `reply.<target>.<verb>` are what a frame holds, with the
envelope; `ProcessExited` is what stands in `data`. `Facts`, `Command` and `Reply` hold for every frame of a kind: a
type that is known must fit its schema, an unknown one passes, and so do fields nobody knows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from bus.codec import BATCH_MAX, ID_CHARS_MAX
from bus.envelope import CommandEnvelope, Envelope, RawCommand, RawEnvelope, RawReply
from bus.message import Command, Fact

DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
REF: Final = "#/$defs/"

Schema = dict[str, Any]
Choices = dict[tuple[tuple[str, str], ...], str]
"""The name of a schema by the fields, with their values, that call for it."""


class Vocabulary(msgspec.Struct, frozen=True, kw_only=True):
    """What is described. facts: by `type`. commands: by target and verb. others: what the bus itself sends."""

    facts: Mapping[str, type[Fact]]
    commands: Mapping[tuple[str, str], type[Command]]
    others: tuple[type[msgspec.Struct], ...] = ()


def json_schema(vocabulary: Vocabulary) -> Schema:
    """The document; a reader begins at the name in $defs that it is interested in."""
    return {
        "$schema": DRAFT,
        "title": "gyrostat on the wire",
        "description": "MessagePack frames as JSON values. docs/wire.md says how they travel.",
        "anyOf": [_ref(name) for name in ("Facts", "Command", "Reply")],
        "$defs": dict(sorted(definitions(vocabulary).items())),
    }


def definitions(vocabulary: Vocabulary) -> dict[str, Schema]:
    """Every schema by its name."""
    kinds = [*vocabulary.facts.values(), *vocabulary.commands.values()]
    replies = [command.reply for command in vocabulary.commands.values()]
    found = _components([*kinds, *replies, *vocabulary.others])
    found |= _envelopes()
    for fact in vocabulary.facts.values():
        found[fact_name(fact)] = _fact(fact)
    for command in vocabulary.commands.values():
        found[command_name(command)] = _command(command)
        found[reply_name(command)] = _reply(command)
    facts: Choices = {(("type", name),): fact_name(fact) for name, fact in vocabulary.facts.items()}
    commands: Choices = {
        (("target", target), ("verb", verb)): command_name(command)
        for (target, verb), command in vocabulary.commands.items()
    }
    found["Fact"] = _any_of("One fact; of a type that is not listed here, any data.", "Envelope", facts)
    found["Facts"] = {
        "title": "Facts",
        "description": "The body frame of a message on the facts socket.",
        **_array(_ref("Fact")),
    }
    found["Command"] = _any_of("The frame of a command.", "CommandEnvelope", commands)
    found["Reply"] = {"title": "Reply", "description": "The frame of a reply.", **_ref("ReplyEnvelope")}
    return found


def fact_name(kind: type[Fact]) -> str:
    """The name of a fact with its envelope."""
    return f"fact.{kind.type_name()}"


def command_name(kind: type[Command]) -> str:
    """The name of a command with its envelope."""
    return f"command.{kind.target}.{kind.verb}"


def reply_name(kind: type[Command]) -> str:
    """The name of the reply to a command, with its envelope."""
    return f"reply.{kind.target}.{kind.verb}"


def body_of(name: str) -> Schema:
    """The body frame of facts of one name only."""
    return _array(_ref(name))


def summary(kind: type) -> str:
    """The first line of a docstring."""
    return (kind.__doc__ or "").strip().partition("\n")[0]


def _fact(kind: type[Fact]) -> Schema:
    return {
        "title": kind.type_name(),
        "description": summary(kind),
        "x-stream": kind.stream.name.lower(),
        "allOf": [_ref("Envelope")],
        "properties": {"type": {"const": kind.type_name()}, "data": _ref(kind.__name__)},
    }


def _command(kind: type[Command]) -> Schema:
    names = {"target": {"const": kind.target}, "verb": {"const": kind.verb}}
    required = any(field.required for field in msgspec.structs.fields(kind))
    return {
        "title": f"{kind.target}.{kind.verb}",
        "description": summary(kind),
        "x-needs": kind.needs,
        "allOf": [_ref("CommandEnvelope")],
        "properties": {**names, "data": _ref(kind.__name__)},
        **({"required": ["data"]} if required else {}),
    }


def _reply(kind: type[Command]) -> Schema:
    """Data counts only when there is no error."""
    return {
        "title": f"reply to {kind.target}.{kind.verb}",
        "description": summary(kind.reply),
        "allOf": [_ref("ReplyEnvelope")],
        "if": {"properties": {"error": {"const": ""}}},
        "then": {"properties": {"data": _ref(kind.reply.__name__)}},
    }


def _any_of(description: str, envelope: str, known: Choices) -> Schema:
    """The envelope, and whatever is said of the type, target and verb it names."""
    choices = [
        {
            "if": {
                "properties": {key: {"const": value} for key, value in names},
                "required": [key for key, _ in names],
            },
            "then": _ref(name),
        }
        for names, name in known.items()
    ]
    return {"description": description, "allOf": [_ref(envelope), *choices]}


def _array(items: Schema) -> Schema:
    return {"type": "array", "minItems": 1, "maxItems": BATCH_MAX, "items": items}


def _ref(name: str) -> Schema:
    return {"$ref": REF + name}


def _envelopes() -> dict[str, Schema]:
    """Those of facts, commands and replies; with the bounds that bus.codec sets beside the types."""
    found = _components(
        [
            _opened("Envelope", RawEnvelope, Envelope.__doc__),
            _opened("CommandEnvelope", RawCommand, CommandEnvelope.__doc__),
            _opened("ReplyEnvelope", RawReply, RawReply.__doc__),
        ]
    )
    fields = found["CommandEnvelope"]["properties"]
    for name in ("id", "target", "verb"):
        fields[name] |= {"minLength": 1, "maxLength": ID_CHARS_MAX}
    fields["source"]["maxLength"] = ID_CHARS_MAX
    fields["timeout_s"]["exclusiveMinimum"] = 0
    return found


def _opened(name: str, kind: type[msgspec.Struct], doc: str | None) -> type[msgspec.Struct]:
    """A raw envelope with a map where the bytes of its data are."""
    fields: list[tuple[str, Any, Any]] = [
        ("data", dict[str, Any], msgspec.field(default_factory=dict))
        if each.name == "data"
        else (each.name, each.type, each.default if not each.required else msgspec.NODEFAULT)
        for each in msgspec.structs.fields(kind)
    ]
    return msgspec.defstruct(name, fields, namespace={"__doc__": doc}, kw_only=True)


def _components(kinds: list[Any]) -> dict[str, Schema]:
    return components_of(kinds)[1]


def components_of(kinds: list[Any], ref: str = REF) -> tuple[list[Schema], dict[str, Schema]]:
    """The schema of each type, and by name that of every struct that is named in them. ref: where those will stand."""
    given, found = msgspec.json.schema_components(kinds, ref_template=ref + "{name}")
    for schema in found.values():
        _describe(schema)
    return list(given), found


def _describe(schema: Schema) -> None:
    """Give each field what the docstring says of it: `name: text` up to the next name.

    What is before the first stays with the whole.
    """
    fields: dict[str, Schema] = schema.get("properties", {})
    text = " ".join(schema.get("description", "").split())
    if not fields or not text:
        return
    name = f"(?:{'|'.join(map(re.escape, fields))})"
    whole, *notes = re.split(rf"\b({name}(?:(?:, | and ){name})*): ", text)
    schema["description"] = whole.strip() or text
    for names, note in zip(notes[::2], notes[1::2], strict=True):
        for each in re.findall(rf"\b{name}\b", names):
            fields[each].setdefault("description", note.strip())
