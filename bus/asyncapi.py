"""The AsyncAPI 3.0 document of a node: what it sends and answers, made from the types and their docstrings. Pure."""

from __future__ import annotations

from typing import Any, Final

from bus.codec import HEADER
from bus.heartbeat import HEARTBEAT_S, TOPIC
from bus.message import Command, Fact, Stream
from bus.schema import (
    REF,
    Schema,
    Vocabulary,
    body_of,
    command_name,
    definitions,
    fact_name,
    reply_name,
    summary,
)
from bus.topics import PREFIX

VERSION: Final = "3.0.0"
MEDIA_TYPE: Final = "application/vnd.msgpack"

_SCHEMAS: Final = "#/components/schemas/"
_MESSAGES: Final = "#/components/messages/"
_COMMANDS: Final = "#/channels/commands"
_STREAMS: Final = ", ".join(f"{int(stream)} {stream.name.lower()}" for stream in Stream)
_HEADER: Final = {
    "type": "object",
    "description": f"The second frame: {HEADER.size} bytes, little-endian; struct format {HEADER.format}.",
    "required": ["version", "flags", "count", "epoch", "first_seq"],
    "properties": {
        "version": {"type": "integer", "const": 1, "description": "u8"},
        "flags": {"type": "integer", "description": f"u8; the low three bits name the stream: {_STREAMS}"},
        "count": {"type": "integer", "description": "u16; facts in the body"},
        "epoch": {"type": "integer", "description": "u64; of the stream, grows"},
        "first_seq": {"type": "integer", "description": "u64; number of the first fact in (publisher, epoch, stream)"},
    },
}
_PARAMETERS: Final = {
    "node": {"description": "The node it was published on: [a-z0-9_-], 1 to 64 characters."},
    "subject": {"description": "What it is about, a workload, an actor or a node: [a-z0-9_-], 1 to 64 characters."},
}


def asyncapi(vocabulary: Vocabulary, version: str) -> Schema:
    """The document, from the node's side: it sends facts and receives commands. version: of the package."""
    facts = [kind for _, kind in sorted(vocabulary.facts.items())]
    commands = [kind for _, kind in sorted(vocabulary.commands.items())]
    return {
        "asyncapi": VERSION,
        "info": {
            "title": "gyrostat",
            "version": version,
            "description": "Facts and commands of a node over ZeroMQ; docs/wire.md says how frames are made.",
        },
        "defaultContentType": MEDIA_TYPE,
        "servers": _servers(),
        "channels": {
            **_fact_channels(facts),
            "heartbeat": _heartbeat_channel(),
            "commands": _command_channel(commands),
        },
        "operations": {
            **_fact_operations(facts),
            "send.heartbeat": {"action": "send", "channel": {"$ref": "#/channels/heartbeat"}},
            **_command_operations(commands),
        },
        "components": {
            "messages": {
                **{fact_name(kind): _fact_message(kind) for kind in facts},
                "heartbeat": _heartbeat_message(),
                **{command_name(kind): _command_message(kind) for kind in commands},
                **{reply_name(kind): _reply_message(kind) for kind in commands},
            },
            "parameters": _PARAMETERS,
            "schemas": _moved({"Header": _HEADER, **dict(sorted(definitions(vocabulary).items()))}),
        },
    }


def _servers() -> Schema:
    directory = {"run_directory": {"description": "Where endpoints.json is; it says all addresses, tcp too."}}
    return {
        name: {
            "host": "{run_directory}",
            "pathname": f"/{name}.sock",
            "protocol": "zmq",
            "protocolVersion": "3.1",
            "description": f"{socket} over a UNIX socket (ipc), or tcp.",
            "variables": directory,
        }
        for name, socket in (("facts", "A publisher: connect a SUB"), ("commands", "A ROUTER: connect a DEALER or REQ"))
    }


def _fact_channels(facts: list[type[Fact]]) -> Schema:
    """One per topic; versions of a fact share it."""
    channels: dict[str, Schema] = {}
    for kind in facts:
        channel = channels.setdefault(
            kind.kind,
            {
                "address": f"{PREFIX}{kind.kind}.{{node}}.{{subject}}",
                "servers": [{"$ref": "#/servers/facts"}],
                "parameters": {name: {"$ref": f"#/components/parameters/{name}"} for name in _PARAMETERS},
                "messages": {},
            },
        )
        channel["messages"][fact_name(kind)] = {"$ref": _MESSAGES + fact_name(kind)}
    return channels


def _heartbeat_channel() -> Schema:
    return {
        "address": f"{TOPIC}{{node}}.{{epoch}}",
        "description": f"Every {HEARTBEAT_S:g} s from each process of a node; the count in its header is 0.",
        "servers": [{"$ref": "#/servers/facts"}],
        "parameters": {
            "node": {"$ref": "#/components/parameters/node"},
            "epoch": {"description": "Of the process, in hex."},
        },
        "messages": {"heartbeat": {"$ref": f"{_MESSAGES}heartbeat"}},
    }


def _command_channel(commands: list[type[Command]]) -> Schema:
    names = [name(kind) for kind in commands for name in (command_name, reply_name)]
    return {
        "address": None,
        "description": "Target and verb are in the frame; answers come back over the same socket, by id.",
        "servers": [{"$ref": "#/servers/commands"}],
        "messages": {name: {"$ref": _MESSAGES + name} for name in names},
    }


def _fact_operations(facts: list[type[Fact]]) -> Schema:
    return {
        f"send.{kind.type_name()}": {
            "action": "send",
            "channel": {"$ref": f"#/channels/{kind.kind}"},
            "summary": summary(kind),
            "messages": [{"$ref": f"#/channels/{kind.kind}/messages/{fact_name(kind)}"}],
        }
        for kind in facts
    }


def _command_operations(commands: list[type[Command]]) -> Schema:
    return {
        f"receive.{kind.target}.{kind.verb}": {
            "action": "receive",
            "channel": {"$ref": _COMMANDS},
            "summary": summary(kind),
            "messages": [{"$ref": f"{_COMMANDS}/messages/{command_name(kind)}"}],
            "reply": {
                "channel": {"$ref": _COMMANDS},
                "messages": [{"$ref": f"{_COMMANDS}/messages/{reply_name(kind)}"}],
            },
        }
        for kind in commands
    }


def _fact_message(kind: type[Fact]) -> Schema:
    return {
        "name": kind.type_name(),
        "summary": summary(kind),
        "headers": {"$ref": f"{_SCHEMAS}Header"},
        "correlationId": {"description": "Of each fact in the body.", "location": "$message.payload#/0/correlationid"},
        "payload": _moved(body_of(fact_name(kind))),
    }


def _heartbeat_message() -> Schema:
    return {
        "name": "heartbeat",
        "summary": "What a process says of itself.",
        "headers": {"$ref": f"{_SCHEMAS}Header"},
        "payload": {"$ref": f"{_SCHEMAS}Heartbeat"},
    }


def _command_message(kind: type[Command]) -> Schema:
    return _framed(f"{kind.target}.{kind.verb}", summary(kind), command_name(kind))


def _reply_message(kind: type[Command]) -> Schema:
    return _framed(f"{kind.target}.{kind.verb} answered", summary(kind.reply), reply_name(kind))


def _framed(name: str, text: str, schema: str) -> Schema:
    """One frame. id is what joins a command and its reply."""
    return {
        "name": name,
        "summary": text,
        "correlationId": {"description": "The command's id.", "location": "$message.payload#/id"},
        "payload": {"$ref": _SCHEMAS + schema},
    }


def _moved(schema: Any) -> Any:
    """As AsyncAPI has it: definitions in its components, and tuples as draft 7 writes them."""
    if isinstance(schema, list):
        return [_moved(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: _moved(value) for key, value in schema.items()}
    if isinstance(found.get("$ref"), str):
        found["$ref"] = _SCHEMAS + found["$ref"].removeprefix(REF)
    if "prefixItems" in found:
        found["items"] = found.pop("prefixItems")
        found["additionalItems"] = False
    return found
