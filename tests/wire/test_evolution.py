"""Frames of an older and of a newer version, kept as bytes: both are read, and what cannot be is counted.

OLDER has none of the fields that have defaults; NEWER has fields nobody here knows, in the envelope and in the data.
"""

import contextlib
import tempfile
import threading
from pathlib import Path

import msgpack
import msgspec
import pytest
import zmq
from msgspec import inspect

from bus.client import Client
from bus.codec import decode_batch, decode_command, decode_header, decode_reply, read_reply
from bus.endpoints import Endpoints
from bus.errors import CommandError, MalformedFrame, UnknownVerb
from bus.message import Done, Stream
from bus.messages import COMMANDS, FACTS
from bus.subscriber import Subscriber
from bus.zeromq import Listen, Peer
from tests.bus.conftest import PATIENCE_S, add, make_bus, wait_until
from tests.bus.vocabulary import VERBS, Add, Moved, Sum
from tests.wire import make

MOVED = b"evt.test.moved.rogue.web"
FLOWN = b"evt.test.flown.rogue.web"


def header(seq, version="01"):
    """As it was sent in epoch 7; only the number and the version differ."""
    return bytes.fromhex(f"{version}01010007000000000000000{seq}00000000000000")


OLDER = bytes.fromhex(
    "9186a26964a9726f6775652e372f31a6736f75726365a7726f6775652f78a474797065ad746573742e6d6f7665642e7631a474696d65cb3ff8"
    "000000000000a77375626a656374a3776562a46461746182a77375626a656374a3776562a47374657001"
)
NEWER = bytes.fromhex(
    "918aab7370656376657273696f6ea3312e30a26964a9726f6775652e372f32a6736f75726365a7726f6775652f78a474797065ad746573742e"
    "6d6f7665642e7631a474696d65cb4004000000000000a77375626a656374a3776562ad636f7272656c6174696f6e6964a9726f6775652e372f"
    "31ab636175736174696f6e6964a9726f6775652e372f31ab7472616365706172656e7481a161920102a46461746185a5776865726592cb3ff8"
    "000000000000c0a77375626a656374a3776562a47374657002a46e6f7465a26f6ea56c6174657281a178c3"
)
UNKNOWN = bytes.fromhex(
    "9188a26964a9726f6775652e372f33a6736f75726365a7726f6775652f78a474797065ad746573742e666c6f776e2e7631a474696d65cb400c"
    "000000000000a77375626a656374a3776562ad636f7272656c6174696f6e6964a0ab636175736174696f6e6964a0a46461746182a77375626a"
    "656374a3776562a668656967687409"
)
NEXT_VERSION = bytes.fromhex(
    "9188a26964a9726f6775652e372f34a6736f75726365a7726f6775652f78a474797065ad746573742e6d6f7665642e7632a474696d65cb400c"
    "000000000000a77375626a656374a3776562ad636f7272656c6174696f6e6964a0ab636175736174696f6e6964a0a46461746182a77375626a"
    "656374a3776562a573746570739104"
)
SENT = [
    (MOVED, header(1), OLDER),
    (MOVED, header(2, version="02"), OLDER),  # a header of version 2: nothing in it is believed
    (MOVED, header(2), NEWER),
    (FLOWN, header(3), UNKNOWN),
    (MOVED, header(4), NEXT_VERSION),
    (MOVED, header(5), NEWER),
]

OLDER_COMMAND = bytes.fromhex(
    "85a26964a56f6c642d31a6736f75726365a178a6746172676574a56164646572a476657262a3616464a46461746182a46c65667401a5726967"
    "687402"
)
NEWER_COMMAND = bytes.fromhex(
    "8ba26964a56e65772d31a6736f75726365a178a6746172676574a56164646572a476657262a3616464a474696d65cb3ff8000000000000a974"
    "696d656f75745f73cb403e000000000000ad636f7272656c6174696f6e6964a0ab636175736174696f6e6964a0ab7472616365706172656e74"
    "a174a87072696f7269747903a46461746184a46c65667401a5726967687402a5746869726403a4756e697481a16101"
)
NEWER_VERB = bytes.fromhex(
    "85a26964a56e65772d32a6736f75726365a178a6746172676574a56164646572a476657262a86d756c7469706c79a46461746182a46c656674"
    "01a5726967687402"
)
OLDER_REPLY = bytes.fromhex("82a26964a131a46461746181a5746f74616c03")
NEWER_REPLY = bytes.fromhex(
    "85a26964a131a56572726f72a0a76d657373616765a0a6746f6f6b5f73cb3fe0000000000000a46461746182a5746f74616c03a56361727279"
    "9100"
)
NEWER_ERROR = bytes.fromhex(
    "85a26964a131a56572726f72ae71756f74615f6578636565646564a76d657373616765a8746f6f206d616e79a772657472795f7303a46461746180"
)


@pytest.fixture
def run_dir():
    with tempfile.TemporaryDirectory(prefix="gyro-") as directory:
        yield Path(directory)


@pytest.fixture
def publisher(run_dir):
    """A publisher of another version: without heartbeats and replay, as the first one was."""
    with zmq.Context() as context, context.socket(zmq.XPUB) as socket:
        socket.setsockopt(zmq.LINGER, 0)
        socket.bind(f"ipc://{run_dir}/facts.sock")
        yield socket


@pytest.fixture
def node(run_dir):
    bus = make_bus("alpha", Listen(commands=[f"ipc://{run_dir}/commands.sock"]))
    bus.serve("adder", VERBS, add)
    yield bus
    bus.close()


def address_of(publisher):
    return publisher.getsockopt_string(zmq.LAST_ENDPOINT)


def send_all(publisher):
    """Once somebody wants facts."""
    while not publisher.recv().startswith(b"\x01evt."):
        pass
    for frames in SENT:
        publisher.send_multipart(frames)


def test_the_kept_frames_are_what_they_are_said_to_be():
    older, newer = msgpack.unpackb(OLDER)[0], msgpack.unpackb(NEWER)[0]
    assert [*older] == ["id", "source", "type", "time", "subject", "data"]
    assert {*newer} > {*older, "correlationid", "causationid"}
    assert [*older["data"]] == ["subject", "step"]
    assert {*newer["data"]} > {"subject", "step", "note"}
    assert {*msgpack.unpackb(NEWER_COMMAND)} > {*msgpack.unpackb(OLDER_COMMAND)}
    assert {*msgpack.unpackb(NEWER_REPLY)} > {*msgpack.unpackb(OLDER_REPLY)}


def test_an_older_fact_gets_the_defaults_and_a_newer_one_is_read_past_what_is_unknown():
    [older] = decode_batch(decode_header(header(1)), OLDER)
    [newer] = decode_batch(decode_header(header(2)), NEWER)
    assert (older.correlationid, older.causationid) == ("", "")
    assert (newer.correlationid, newer.causationid) == ("rogue.7/1", "rogue.7/1")
    assert msgspec.msgpack.decode(older.data, type=Moved) == Moved(subject="web", step=1, note="")
    assert msgspec.msgpack.decode(newer.data, type=Moved) == Moved(subject="web", step=2, note="on")


@pytest.mark.parametrize("version", ["00", "02", "ff"])
def test_a_header_of_another_version_is_refused(version):
    with pytest.raises(MalformedFrame, match=rf"version {int(version, 16)}; this reader knows 1"):
        decode_header(header(1, version=version))


def test_the_first_version_knows_these_streams():
    assert [(stream.name, int(stream)) for stream in Stream][:4] == [
        ("STATE", 0),
        ("FACTS", 1),
        ("SAMPLES", 2),
        ("DURABLE", 3),
    ]


def test_a_typed_subscriber_reads_both_and_counts_what_it_does_not_know(publisher):
    bus = make_bus("victim", Listen(), [Peer("rogue", facts=address_of(publisher))])
    with contextlib.closing(bus):
        heard = []
        bus.subscribe([Moved], lambda envelope: heard.append(envelope.data))
        send_all(publisher)
        wait_until(lambda: len(heard) == 3, "the facts that can be read")
        newer = Moved(subject="web", step=2, note="on")
        assert heard == [Moved(subject="web", step=1), newer, newer]
        assert bus.counters["unknown_type"] == 1  # test.moved.v2, which has the topic of v1
        assert bus.counters["undecodable"] == bus.counters["subscriber_failed"] == 0
        assert bus._carrier.counters["malformed"] == 1  # the header of version 2
        assert bus._carrier.counters["faults"] == bus._carrier.counters["receiver_failed"] == 0


def test_a_generic_subscriber_is_given_the_types_that_nobody_knows(publisher):
    with Subscriber(address_of(publisher)) as events:
        sender = threading.Thread(target=send_all, args=(publisher,))
        sender.start()
        found = [events.next(PATIENCE_S) for _ in range(5)]
        sender.join()
        assert [event and event.type for event in found] == [
            "test.moved.v1",
            "test.moved.v1",
            "test.flown.v1",
            "test.moved.v2",
            "test.moved.v1",
        ]
        data = [event.data for event in found if event]
        assert data[0] == {"subject": "web", "step": 1}
        assert data[1]["later"] == {"x": True}
        assert data[2] == {"subject": "web", "height": 9}
        assert data[3] == {"subject": "web", "steps": [4]}
        assert events.malformed == 1
        assert events.lost == 0


@pytest.mark.parametrize("frame", [OLDER_COMMAND, NEWER_COMMAND], ids=["older", "newer"])
def test_a_command_of_another_version_is_carried_out(node, frame):
    with zmq.Context() as context, context.socket(zmq.DEALER) as asker:
        asker.connect(node._carrier.commands[0])
        asker.send(frame)
        assert asker.poll(int(PATIENCE_S * 1000))
        reply = msgpack.unpackb(asker.recv())
    assert reply == {"id": msgpack.unpackb(frame)["id"], "error": "", "message": "", "data": {"total": 3}}


def test_a_verb_of_a_newer_version_is_answered_with_unknown_verb(node):
    with zmq.Context() as context, context.socket(zmq.DEALER) as asker:
        asker.connect(node._carrier.commands[0])
        asker.send(NEWER_VERB)
        assert asker.poll(int(PATIENCE_S * 1000))
        assert msgpack.unpackb(asker.recv())["error"] == UnknownVerb.code
    assert node._carrier.counters["malformed"] == 0


def test_an_older_command_gets_the_defaults():
    raw = decode_command(OLDER_COMMAND)
    assert (raw.time, raw.timeout_s, raw.correlationid, raw.causationid) == (0.0, 5.0, "", "")


def test_replies_of_other_versions_are_read_and_an_error_of_an_unknown_code_is_a_plain_one():
    assert read_reply(decode_reply(OLDER_REPLY), Sum) == read_reply(decode_reply(NEWER_REPLY), Sum) == Sum(total=3)
    error = read_reply(decode_reply(NEWER_ERROR), Sum)
    assert type(error) is CommandError
    assert str(error) == "too many"
    assert not error.retryable
    assert read_reply(decode_reply(OLDER_REPLY), Done) == Done()


@pytest.mark.parametrize("frame", [OLDER_REPLY, NEWER_REPLY], ids=["older", "newer"])
def test_a_client_takes_the_reply_of_a_node_of_another_version(run_dir, frame):
    with zmq.Context() as context, context.socket(zmq.ROUTER) as node:
        address = f"ipc://{run_dir}/commands.sock"
        node.bind(address)

        def answer():
            *way, asked = node.recv_multipart()
            node.send_multipart([*way, msgpack.packb({**msgpack.unpackb(frame), "id": msgpack.unpackb(asked)["id"]})])

        answerer = threading.Thread(target=answer)
        answerer.start()
        with Client(Endpoints(node="rogue", commands=(address,))) as client:
            assert client.ask(Add(left=1, right=2), timeout_s=PATIENCE_S) == Sum(total=3)
        answerer.join()


SHIPPED = [*FACTS.values(), *COMMANDS.values(), *make.replies()]


def with_unknown_fields(info, value):
    """A value as a later version might send it: one more field in every map that is a struct."""
    match info:
        case inspect.StructType(fields=fields):
            known = {each.encode_name: with_unknown_fields(each.type, value[each.encode_name]) for each in fields}
            return {"of_a_later_version": {"x": [1]}, **known}
        case inspect.ListType(item_type=item):
            return [with_unknown_fields(item, each) for each in value]
    return value


@pytest.mark.parametrize("kind", SHIPPED, ids=lambda kind: kind.__name__)
def test_every_shipped_message_is_read_with_unknown_fields_and_without_those_that_have_defaults(kind):
    whole = msgspec.to_builtins(make.example(kind))
    newer = with_unknown_fields(inspect.type_info(kind), whole)
    assert newer != whole
    assert msgspec.msgpack.decode(msgpack.packb(newer), type=kind) == make.example(kind)
    required = {field.encode_name for field in msgspec.structs.fields(kind) if field.required}
    older = msgspec.msgpack.decode(
        msgpack.packb({name: value for name, value in whole.items() if name in required}), type=kind
    )
    for field in msgspec.structs.fields(kind):
        wanted = getattr(make.example(kind), field.name) if field.required else default_of(field)
        assert getattr(older, field.name) == wanted


def default_of(field):
    return field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
