"""The wire: frames to bytes and back. Pure. docs/wire.md says the same for other languages."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import Annotated, Any, Final

import msgspec

from bus.envelope import Envelope, RawCommand, RawEnvelope, RawReply
from bus.errors import COMMAND_ERRORS, CommandError, MalformedFrame
from bus.message import Reply, Stream

VERSION: Final = 1
"""Of the frames; a reader that does not know it drops the frame."""
BATCH_MAX: Final = 64
"""Events in one message."""
FRAME_BYTES_MAX: Final = 1 << 20
"""Bytes of any one frame; a peer that sends more is disconnected."""
ID_CHARS_MAX: Final = 256
"""Characters of a command's id, target, verb and source each, for they are kept in tables."""

STREAM_BITS: Final = 0b111
HEADER: Final = struct.Struct("<BBHQQ")
_STREAMS: Final = {int(stream): stream for stream in Stream}

# msgspec also lets these through on hostile bytes: not UTF-8, nested too deep, a number beyond 64 bits.
UNDECODABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, OverflowError)


def plain(value: object) -> object:
    """Encode hook of msgspec: the bare number or text of a type derived from it, as settings have for quantities.

    Raises: TypeError for another type.
    """
    for kind in (int, float, str):
        if isinstance(value, kind):
            return kind(value)
    msg = f"a {type(value).__name__} has no form on the wire"
    raise TypeError(msg)


_Batch = Annotated[list[RawEnvelope], msgspec.Meta(min_length=1, max_length=BATCH_MAX)]
encode = msgspec.msgpack.Encoder(enc_hook=plain).encode
"""A message or part of one as MessagePack. Raises: TypeError, ValueError or OverflowError when it has no form there."""
_decode_batch = msgspec.msgpack.Decoder(_Batch).decode
_decode_command = msgspec.msgpack.Decoder(RawCommand).decode
_decode_reply = msgspec.msgpack.Decoder(RawReply).decode


class Header(msgspec.Struct, frozen=True):
    """The second frame of a fact message. The events are numbered first_seq, first_seq + 1, ... in (epoch, stream)."""

    version: int
    stream: Stream
    count: int
    epoch: int
    first_seq: int


def encode_batch(
    stream: Stream, epoch: int, first_seq: int, envelopes: Sequence[Envelope[Any] | RawEnvelope]
) -> tuple[bytes, bytes]:
    """The header and body frames of 1 to 64 envelopes.

    Raises: MalformedFrame when they are too many or more than 1 MiB; TypeError, ValueError or OverflowError when a
    fact holds what MessagePack cannot say.
    """
    count = len(envelopes)
    if not 1 <= count <= BATCH_MAX:
        msg = f"body: {count} events; 1 to {BATCH_MAX} fit one message"
        raise MalformedFrame(msg)
    body = _bounded("body", encode(envelopes))
    return HEADER.pack(VERSION, stream, count, epoch, first_seq), body


def decode_header(frame: bytes) -> Header:
    """Read the second frame.

    Raises: MalformedFrame.
    """
    if len(frame) != HEADER.size:
        msg = f"header: {len(frame)} bytes; it has {HEADER.size}"
        raise MalformedFrame(msg)
    version, flags, count, epoch, first_seq = HEADER.unpack(frame)
    if version != VERSION:
        msg = f"header: version {version}; this reader knows {VERSION}"
        raise MalformedFrame(msg)
    stream = _STREAMS.get(flags)
    if stream is None:
        unknown = "reserved bits set" if flags & ~STREAM_BITS else "no such stream"
        msg = f"header: flags {flags:#04x}: {unknown}"
        raise MalformedFrame(msg)
    if not 1 <= count <= BATCH_MAX:
        msg = f"header: count {count}; 1 to {BATCH_MAX} fit one message"
        raise MalformedFrame(msg)
    return Header(version, stream, count, epoch, first_seq)


def decode_batch(header: Header, body: bytes) -> list[RawEnvelope]:
    """Read the third frame; data stays undecoded, so that an unknown type passes.

    Raises: MalformedFrame.
    """
    if len(body) > FRAME_BYTES_MAX:
        msg = f"body: {len(body)} bytes; at most {FRAME_BYTES_MAX}"
        raise MalformedFrame(msg)
    try:
        envelopes = _decode_batch(body)
    except UNDECODABLE as error:
        msg = f"body: {error}"
        raise MalformedFrame(msg) from error
    if len(envelopes) != header.count:
        msg = f"body: {len(envelopes)} events where the header says {header.count}"
        raise MalformedFrame(msg)
    return envelopes


def encode_command(raw: RawCommand) -> bytes:
    """The one frame of a command.

    Raises: MalformedFrame when it is more than 1 MiB.
    """
    return _bounded("command", encode(raw))


def decode_command(frame: bytes) -> RawCommand:
    """Read a command; its arguments stay undecoded.

    Raises: MalformedFrame, also when timeout_s is no positive number or a name is empty or too long.
    """
    try:
        raw = _decode_command(frame)
    except UNDECODABLE as error:
        msg = f"command: {error}"
        raise MalformedFrame(msg) from error
    if not (math.isfinite(raw.timeout_s) and raw.timeout_s > 0):
        msg = f"command: timeout_s {raw.timeout_s}; it is a positive number of seconds"
        raise MalformedFrame(msg)
    if not (raw.id and raw.target and raw.verb):
        msg = "command: id, target and verb may not be empty"
        raise MalformedFrame(msg)
    longest = max(len(raw.id), len(raw.target), len(raw.verb), len(raw.source))
    if longest > ID_CHARS_MAX:
        msg = f"command: a name of {longest} characters; at most {ID_CHARS_MAX}"
        raise MalformedFrame(msg)
    return raw


def encode_reply(raw: RawReply) -> bytes:
    """The one frame of a reply.

    Raises: MalformedFrame when it is more than 1 MiB.
    """
    return _bounded("reply", encode(raw))


def decode_reply(frame: bytes) -> RawReply:
    """Read a reply; its data stays undecoded.

    Raises: MalformedFrame.
    """
    try:
        return _decode_reply(frame)
    except UNDECODABLE as error:
        msg = f"reply: {error}"
        raise MalformedFrame(msg) from error


def read_reply(raw: RawReply, kind: type[Reply]) -> Reply | CommandError:
    """The typed answer in a reply off the wire; an answer that does not fit its type is an error too."""
    if raw.error:
        return error_of(raw)
    try:
        return msgspec.msgpack.decode(raw.data, type=kind)
    except UNDECODABLE as error:
        return CommandError(f"the answer is no {kind.__name__}: {error}")


def error_of(raw: RawReply) -> CommandError:
    """The error a reply carries, of its own class; one of an unknown code is a plain CommandError."""
    return COMMAND_ERRORS.get(raw.error, CommandError)(raw.message)


def reply_of(number: str, error: CommandError) -> RawReply:
    """An error as it goes back to who asked; number is the command's id."""
    return RawReply(id=number, error=error.code, message=str(error))


def _bounded(what: str, frame: bytes) -> bytes:
    if len(frame) > FRAME_BYTES_MAX:
        msg = f"{what}: {len(frame)} bytes; at most {FRAME_BYTES_MAX}"
        raise MalformedFrame(msg)
    return frame
