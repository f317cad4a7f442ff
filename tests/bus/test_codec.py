import math
import struct

import msgpack
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.codec import (
    BATCH_MAX,
    FRAME_BYTES_MAX,
    HEADER,
    decode_batch,
    decode_command,
    decode_header,
    decode_reply,
    encode,
    encode_batch,
    encode_command,
    encode_reply,
    error_of,
    plain,
    read_reply,
)
from bus.envelope import Envelope, RawCommand, RawReply
from bus.errors import COMMAND_ERRORS, CommandError, MalformedFrame
from bus.message import Done, Stream
from tests.bus.vocabulary import Moved, Odd, Sum

U64 = st.integers(0, 2**64 - 1)
TEXT = st.text(max_size=50)
MOVED = st.builds(Moved, subject=TEXT, step=st.integers(-(2**63), 2**64 - 1), note=TEXT)
ENVELOPE = st.builds(
    Envelope[Moved],
    id=TEXT,
    source=TEXT,
    type=TEXT,
    time=st.floats(allow_nan=False),
    subject=TEXT,
    correlationid=TEXT,
    causationid=TEXT,
    data=MOVED,
)


def envelope(data=None):
    data = data or Moved(subject="web", step=1)
    return Envelope(
        id="a.1/1",
        source="a/x",
        type="test.moved.v1",
        time=1.5,
        subject="web",
        correlationid="a.1/1",
        causationid="",
        data=data,
    )


HEAD, BODY = encode_batch(Stream.FACTS, 1, 1, [envelope()])
COMMAND = encode_command(RawCommand(id="1", source="x", target="adder", verb="add"))


def test_the_header_is_twenty_bytes_in_the_documented_order():
    header, _ = encode_batch(Stream.SAMPLES, 0x0102030405060708, 9, [envelope()] * 3)
    assert header == bytes([1, 2, 3, 0, 8, 7, 6, 5, 4, 3, 2, 1, 9, 0, 0, 0, 0, 0, 0, 0])
    read = decode_header(header)
    assert (read.stream, read.count, read.epoch, read.first_seq) == (Stream.SAMPLES, 3, 0x0102030405060708, 9)


@given(st.sampled_from(Stream), U64, U64, st.lists(ENVELOPE, min_size=1, max_size=BATCH_MAX))
def test_what_is_encoded_is_decoded_the_same(stream, epoch, first_seq, envelopes):
    header_frame, body = encode_batch(stream, epoch, first_seq, envelopes)
    header = decode_header(header_frame)
    assert (header.stream, header.epoch, header.first_seq, header.count) == (stream, epoch, first_seq, len(envelopes))
    raws = decode_batch(header, body)
    again = [
        Envelope(
            **{
                **{name: getattr(raw, name) for name in raw.__struct_fields__},
                "data": msgspec.msgpack.decode(raw.data, type=Moved),
            }
        )
        for raw in raws
    ]
    assert again == envelopes
    assert encode_batch(stream, epoch, first_seq, raws) == (header_frame, body)


@given(ENVELOPE)
def test_plain_msgpack_reads_and_writes_the_same_bytes(one):
    _, body = encode_batch(Stream.FACTS, 1, 1, [one])
    plain = msgpack.unpackb(body)
    assert plain == [msgspec.to_builtins(one)]
    assert msgpack.packb(plain) == body


def test_fields_this_reader_does_not_know_are_passed_over():
    plain = msgpack.unpackb(BODY)
    plain[0]["tracestate"] = ["new", {"in": 2}]
    assert decode_batch(decode_header(HEAD), msgpack.packb(plain))[0].id == "a.1/1"


def test_a_whole_number_may_stand_for_a_time():
    plain = msgpack.unpackb(BODY)
    plain[0]["time"] = 3
    assert decode_batch(decode_header(HEAD), msgpack.packb(plain))[0].time == 3.0


@pytest.mark.parametrize("count", [0, BATCH_MAX + 1])
def test_a_batch_has_one_to_sixty_four_events(count):
    with pytest.raises(MalformedFrame, match="body: "):
        encode_batch(Stream.FACTS, 1, 1, [envelope()] * count)


def test_a_batch_larger_than_a_frame_is_not_encoded():
    with pytest.raises(MalformedFrame, match="at most 1048576"):
        encode_batch(Stream.FACTS, 1, 1, [envelope(Odd(subject="web", anything="x" * FRAME_BYTES_MAX))])


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        (b"", "0 bytes"),
        (HEAD[:-1], "19 bytes"),
        (HEAD + b"\0", "21 bytes"),
        (HEADER.pack(0, 1, 1, 1, 1), "version 0"),
        (HEADER.pack(2, 1, 1, 1, 1), "version 2"),
        (HEADER.pack(1, 4, 1, 1, 1), "no such stream"),
        (HEADER.pack(1, 0x11, 1, 1, 1), "reserved bits"),
        (HEADER.pack(1, 1, 0, 1, 1), "count 0"),
        (HEADER.pack(1, 1, 65, 1, 1), "count 65"),
    ],
)
def test_a_bad_header_is_named(frame, why):
    with pytest.raises(MalformedFrame, match=f"header: .*{why}"):
        decode_header(frame)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", ""),
        (b"\x90", ""),
        (BODY[:-1], ""),
        (BODY + b"\0", "trailing"),
        (b"\x92" + BODY[1:] * 2, "2 events where the header says 1"),
        (b"\xdc\x00\x41" + BODY[1:] * 65, ""),
        (b"\x91\x80", "id"),
        (b"\x91" * 100_000, ""),
        (b"\x91\x81\xa2id\xa2\xff\xfe", ""),
        (b" " * (FRAME_BYTES_MAX + 1), "at most"),
    ],
    ids=["empty", "none", "cut", "trailing", "two", "65", "no fields", "deep", "not UTF-8", "large"],
)
def test_a_bad_body_is_named(body, why):
    with pytest.raises(MalformedFrame, match=f"body: .*{why}"):
        decode_batch(decode_header(HEAD), body)


@given(st.binary(max_size=200))
def test_random_bytes_are_malformed_and_nothing_else_is_raised(frame):
    for decode in (
        decode_header,
        lambda body: decode_batch(decode_header(HEAD), body),
        decode_command,
        decode_reply,
    ):
        try:
            decode(frame)
        except MalformedFrame:
            continue


@given(st.data())
def test_a_changed_byte_is_malformed_or_another_message_and_nothing_else_is_raised(data):
    for frame, decode in (
        (HEAD, decode_header),
        (BODY, lambda body: decode_batch(decode_header(HEAD), body)),
        (COMMAND, decode_command),
    ):
        place, value = data.draw(st.integers(0, len(frame) - 1)), data.draw(st.integers(0, 255))
        try:
            decode(frame[:place] + bytes([value]) + frame[place + 1 :])
        except MalformedFrame:
            continue


@given(TEXT.filter(bool), st.floats(min_value=0.001, max_value=1e6))
def test_a_command_is_decoded_as_it_was_encoded(number, timeout_s):
    raw = RawCommand(id=number, source="x", target="adder", verb="add", timeout_s=timeout_s)
    assert decode_command(encode_command(raw)) == raw


@pytest.mark.parametrize(
    "changed",
    [
        {"timeout_s": 0},
        {"timeout_s": -1.0},
        {"timeout_s": math.nan},
        {"timeout_s": math.inf},
        {"timeout_s": "soon"},
        {"id": ""},
        {"target": ""},
        {"verb": ""},
        {"id": "x" * 257},
        {"source": "x" * 257},
        {"id": None},
    ],
    ids=repr,
)
def test_a_command_that_makes_no_sense_is_malformed(changed):
    with pytest.raises(MalformedFrame, match="command: "):
        decode_command(msgpack.packb({**msgpack.unpackb(COMMAND), **changed}))


def test_a_command_larger_than_a_frame_is_not_encoded():
    data = msgspec.Raw(msgpack.packb("x" * FRAME_BYTES_MAX))
    with pytest.raises(MalformedFrame, match="command: "):
        encode_command(RawCommand(id="1", source="x", target="adder", verb="add", data=data))


@pytest.mark.parametrize("code", [*COMMAND_ERRORS, "of_a_later_version"])
def test_an_error_code_names_its_class_and_an_unknown_one_the_base(code):
    error = error_of(decode_reply(encode_reply(RawReply(id="1", error=code, message="why"))))
    assert type(error) is COMMAND_ERRORS.get(code, CommandError)
    assert str(error) == "why"


def test_an_answer_of_another_type_is_an_error():
    raw = RawReply(id="1", data=msgspec.Raw(msgspec.msgpack.encode(Done(detail="x"))))
    assert isinstance(read_reply(raw, Sum), CommandError)
    assert read_reply(raw, Done) == Done(detail="x")


def test_the_documented_struct_format_is_the_one_in_use():
    assert (HEADER.format, HEADER.size, struct.calcsize("<BBHQQ")) == ("<BBHQQ", 20, 20)


@pytest.mark.parametrize("kind", [int, float, str])
def test_a_number_or_text_of_a_type_of_its_own_travels_as_the_bare_one(kind):
    own = type("Quantity", (kind,), {})
    assert msgspec.msgpack.decode(encode({"value": own("5")})) == {"value": kind("5")}


def test_what_has_no_form_on_the_wire_is_refused():
    with pytest.raises(TypeError, match="a object has no form"):
        plain(object())
