import msgpack
import msgspec
import pytest

from bus.codec import decode_batch, decode_command, decode_header, decode_reply
from bus.messages import COMMANDS, FACTS
from tests.bus.vocabulary import Add, Moved
from tests.wire import make

KEPT = make.lines_kept()
HINT = "not as written down; python -m tests.wire.make adds a line, if other nodes can still read it"


def kept(kind):
    return [line.split(" ")[1:] for line in KEPT if line.startswith(f"{kind} ")]


def by_name(lines):
    return [pytest.param(*line, id=f"{line[0]}-{number}") for number, line in enumerate(lines)]


def test_every_shipped_message_has_a_golden_frame():
    assert not make.unwritten(), "python -m tests.wire.make adds them"


def test_a_message_without_a_golden_frame_is_noticed(monkeypatch):
    monkeypatch.setitem(FACTS, "test.moved.v1", Moved)
    monkeypatch.setitem(COMMANDS, ("adder", "add"), Add)
    assert make.unwritten() == ["fact test.moved.v1", "command adder.add", "reply Sum"]


@pytest.mark.parametrize("line", [*make.lines_today()], ids=lambda line: " ".join(line.split(" ")[:2]))
def test_every_message_goes_out_as_written_down(line):
    name = " ".join(line.split(" ", 2)[:2])
    assert make.latest().get(name) == line, f"{name}: {HINT}"


@pytest.mark.parametrize(("name", "topic", "header", "body"), by_name(kept("fact")))
def test_every_fact_ever_sent_is_read_by_this_version_and_by_plain_msgpack(name, topic, header, body):
    head = decode_header(bytes.fromhex(header))
    assert (head.epoch, head.first_seq, head.count) == (make.EPOCH, 5, 1)
    raw = decode_batch(head, bytes.fromhex(body))[0]
    assert raw.type == name
    if name in FACTS:  # one that is no longer shipped passes as an unknown type
        fact = msgspec.msgpack.decode(raw.data, type=FACTS[name])
        assert fact.stream is head.stream
        assert topic == f"evt.{fact.kind}.{make.NODE}.web"
    plain = msgpack.unpackb(bytes.fromhex(body))
    assert [*plain[0]] == ["id", "source", "type", "time", "subject", "correlationid", "causationid", "data"]
    assert plain[0]["data"]["subject"] == plain[0]["subject"] == "web"
    assert msgpack.packb(plain) == bytes.fromhex(body)


@pytest.mark.parametrize(("name", "frame"), by_name(kept("command")))
def test_every_command_ever_sent_is_read_by_this_version_and_by_plain_msgpack(name, frame):
    raw = decode_command(bytes.fromhex(frame))
    assert f"{raw.target}.{raw.verb}" == name
    if (raw.target, raw.verb) in COMMANDS:
        msgspec.msgpack.decode(raw.data, type=COMMANDS[raw.target, raw.verb])
    assert msgpack.packb(msgpack.unpackb(bytes.fromhex(frame))) == bytes.fromhex(frame)


@pytest.mark.parametrize(("name", "frame"), by_name(kept("reply")))
def test_every_reply_ever_sent_is_read_by_this_version_and_by_plain_msgpack(name, frame):
    raw = decode_reply(bytes.fromhex(frame))
    for kind in make.replies():
        if kind.__name__ == name:
            msgspec.msgpack.decode(raw.data, type=kind)
    assert msgpack.packb(msgpack.unpackb(bytes.fromhex(frame))) == bytes.fromhex(frame)


@pytest.mark.parametrize("kind", [*FACTS.values(), *COMMANDS.values(), *make.replies()], ids=lambda kind: kind.__name__)
def test_an_example_fills_every_field(kind):
    assert [*msgspec.to_builtins(make.example(kind))] == [*kind.__struct_encode_fields__]
