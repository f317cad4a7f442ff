"""What a process says of itself is read as it was said, by older and newer versions; odd bytes are malformed."""

import contextlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.codec import FRAME_BYTES_MAX, HEADER, VERSION, decode_header
from bus.errors import MalformedFrame
from bus.heartbeat import TOPIC, Address, Heartbeat, decode_heartbeat, encode_heartbeat
from bus.kit import nearest
from bus.message import Stream

numbers = st.integers(0, 2**64 - 1)
texts = st.text(st.characters(codec="utf-8"), max_size=20)
many = st.lists(texts, max_size=3).map(tuple)
addresses = st.builds(Address, node=texts, facts=texts, commands=texts, replay=texts, key=texts)
beats = st.builds(
    Heartbeat,
    node=st.from_regex(r"[a-z0-9_-]{1,20}", fullmatch=True),
    epoch=numbers,
    pid=st.integers(0, 2**31),
    up_s=st.floats(0.0, allow_infinity=False),
    targets=many,
    last=st.dictionaries(st.integers(0, 7), st.tuples(numbers, numbers)),
    first=st.dictionaries(st.integers(0, 7), numbers),
    facts=many,
    commands=many,
    replay=many,
    draining=st.booleans(),
    peers=st.lists(addresses, max_size=3).map(tuple),
)


@given(beats)
def test_a_heartbeat_is_read_as_it_was_written(beat):
    topic, header, body = encode_heartbeat(beat)
    assert topic.decode("ascii") == f"{TOPIC}{beat.node}.{beat.epoch:x}"
    assert HEADER.unpack(header) == (VERSION, Stream.FACTS, 0, beat.epoch, 0)
    assert decode_heartbeat(header, body) == beat


@given(beats)
def test_it_is_no_message_of_facts_so_that_a_reader_who_does_not_know_it_drops_it(beat):
    with pytest.raises(MalformedFrame, match="count 0"):
        decode_header(encode_heartbeat(beat)[1])


@given(beats, st.sampled_from(list(Stream)))
def test_it_tells_how_far_a_stream_is_or_nothing_of_it(beat, stream):
    assert beat.position(stream) == beat.last.get(int(stream))


@given(header=st.binary(max_size=24), body=st.binary(max_size=200))
def test_odd_bytes_are_malformed_and_nothing_else(header, body):
    good = encode_heartbeat(Heartbeat(node="alpha", epoch=1))
    for frames in ((header, body), (good[1], body), (header, good[2])):
        try:
            decode_heartbeat(*frames)
        except MalformedFrame:
            continue


@given(beats, st.data())
def test_a_heartbeat_that_was_cut_short_or_changed_is_another_or_malformed(beat, data):
    _, header, body = encode_heartbeat(beat)
    cut = data.draw(st.integers(0, len(body) - 1))
    with pytest.raises(MalformedFrame):
        decode_heartbeat(header, body[:cut])
    changed = bytearray(body)
    changed[cut] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(MalformedFrame):
        assert isinstance(decode_heartbeat(header, bytes(changed)), Heartbeat)


def test_another_version_a_short_header_and_a_body_too_large_are_malformed():
    _, header, body = encode_heartbeat(Heartbeat(node="alpha", epoch=1))
    for wrong in (bytes([VERSION + 1]) + header[1:], header[:-1], header + b"\0", b""):
        with pytest.raises(MalformedFrame, match="no header of this version"):
            decode_heartbeat(wrong, body)
    with pytest.raises(MalformedFrame):
        decode_heartbeat(header, b"\0" * (FRAME_BYTES_MAX + 1))


def test_fields_of_a_later_version_are_passed_over_and_missing_ones_have_defaults():
    _, header, _ = encode_heartbeat(Heartbeat(node="alpha", epoch=1))
    beat = decode_heartbeat(header, msgspec.msgpack.encode({"node": "alpha", "epoch": 1, "later": {"a": [1]}}))
    assert beat == Heartbeat(node="alpha", epoch=1)
    assert beat.position(Stream.FACTS) is None
    with pytest.raises(MalformedFrame, match="missing required field"):
        decode_heartbeat(header, msgspec.msgpack.encode({"node": "alpha"}))


@pytest.mark.parametrize(
    ("facts", "offered", "found"),
    [
        ("ipc:///run/facts.sock", ("tcp://10.0.0.1:5", "ipc:///run/replay.sock"), "ipc:///run/replay.sock"),
        ("tcp://10.0.0.9:4", ("ipc:///run/replay.sock", "tcp://10.0.0.1:5"), "tcp://10.0.0.1:5"),
        ("tcp://10.0.0.9:4", ("tcp://0.0.0.0:5",), "tcp://10.0.0.9:5"),
        ("tcp://[fe80::1]:4", ("tcp://[::]:5",), "tcp://[fe80::1]:5"),
        ("tcp://host:4", ("tcp://*:5",), "tcp://host:5"),
        ("tcp://host:4", ("ipc:///run/replay.sock",), ""),
        ("ipc:///run/facts.sock", (), ""),
    ],
)
def test_of_the_addresses_it_offers_the_one_like_that_of_its_facts_is_taken(facts, offered, found):
    assert nearest(facts, offered) == found
