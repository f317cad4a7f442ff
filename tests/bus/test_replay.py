"""Requests for what is missing and their answers, over real sockets: bounded, patient, and unmoved by what is odd."""

import time
from typing import Any

import msgspec
import pytest
import zmq
from hypothesis import given
from hypothesis import strategies as st

from bus import replay_asker
from bus.carrier import Peer
from bus.codec import FRAME_BYTES_MAX
from bus.errors import MalformedFrame
from bus.kit import READER_COUNTERS, Kit
from bus.message import Stream
from bus.polling import Polling
from bus.replay import (
    END,
    NUMBER_MAX,
    PIECE_BYTES,
    PIECE_MESSAGES,
    End,
    ReplayServer,
    Request,
    decode_end,
    decode_request,
    encode_request,
    piece,
)
from bus.replay_asker import ReplayAsker
from bus.sockets import open_door, open_socket
from tests.bus.conftest import PATIENCE_S, wait_until

ASKED = Request(kind="replay", stream=1, epoch=7, first=1, last=9)
DONE = End(kind="replay", stream=1, epoch=7)
FRAMES = (b"evt.test.moved.alpha.web", b"header", b"body")
SERVED = ("replay_requests", "replay_sent", "replay_refused", "malformed")

number = st.integers(0, NUMBER_MAX)
requests = st.builds(
    Request, kind=st.sampled_from(["replay", "snapshot"]), stream=st.sampled_from(list(map(int, Stream))), epoch=number,
    first=number, last=number,
)  # fmt: skip


# -- the frames


@given(requests)
def test_a_request_is_read_as_it_was_written(request):
    assert decode_request(encode_request(request)) == request


@given(st.binary(max_size=200))
def test_bytes_that_are_no_request_and_no_end_are_malformed_and_nothing_else(frame):
    for read in (decode_request, decode_end):
        try:
            read(frame)
        except MalformedFrame:
            continue


@pytest.mark.parametrize(
    "wrong",
    [
        {"stream": 4},
        {"stream": -1},
        {"kind": "all"},
        {"first": -1},
        {"last": NUMBER_MAX + 1},
        {"first": 2**64 - 1},
        {"last": "9"},
        {"epoch": None},
    ],
)
def test_a_request_with_what_no_reader_asks_is_malformed(wrong):
    frame = msgspec.msgpack.encode({**msgspec.to_builtins(ASKED), **wrong})
    with pytest.raises(MalformedFrame, match="replay request: "):
        decode_request(frame)


def test_an_end_larger_than_a_frame_is_malformed():
    with pytest.raises(MalformedFrame, match="replay end: 1048577 bytes"):
        decode_end(b"\0" * (FRAME_BYTES_MAX + 1))


def test_fields_of_a_later_version_are_passed_over():
    frame = msgspec.msgpack.encode({**msgspec.to_builtins(ASKED), "later": 1})
    assert decode_request(frame) == ASKED
    assert decode_end(msgspec.msgpack.encode({**msgspec.to_builtins(DONE), "later": 1})) == DONE


# -- one piece


@given(
    counts=st.lists(st.tuples(st.integers(1, 64), st.integers(1, PIECE_BYTES)), max_size=12),
    begin=st.integers(1, 50),
    last=st.integers(0, 400),
    hole=st.integers(0, 12),
)
def test_a_piece_has_no_hole_and_ends_with_the_range_or_with_its_bytes(counts, begin, last, hole):
    entries: list[Any] = []
    first = begin
    for place, (count, size) in enumerate(counts):
        first += 5 if place == hole and place else 0
        entries.append((first, count, (b"", b"", range(size))))  # len() is all that is asked of a body
        first += count
    found, start, after = piece(entries, last)
    wanted = [each for each in entries[: hole or None] if each[0] <= last]
    assert found == [each[2] for each in wanted[: len(found)]]
    assert (start, after) == ((wanted[0][0], sum(wanted[len(found) - 1][:2])) if found else (0, 0))
    sizes = [len(frames[2]) for frames in found]
    assert sum(sizes[:-1]) < PIECE_BYTES
    if len(found) < len(wanted):
        assert sum(sizes) >= PIECE_BYTES


def test_a_piece_has_so_many_messages_at_most():
    found, start, after = piece(((first, 1, FRAMES) for first in range(1, 10**9)), 10**9)
    assert (len(found), start, after) == (PIECE_MESSAGES, 1, PIECE_MESSAGES + 1)


# -- both ends


class Shelf:
    """An archive that answers with what it was told to."""

    def __init__(self):
        self.asked: list[Request] = []
        self.found: list[Any] = [FRAMES]
        self.end = DONE

    def replay(self, request):
        self.asked.append(request)
        return self.found, self.end

    def snapshot(self, request):
        self.asked.append(request)
        return [], msgspec.structs.replace(self.end, kind="snapshot", at=3)


class Publisher:
    def __init__(self, context, address):
        self.shelf = Shelf()
        self.counters = dict.fromkeys(SERVED, 0)
        self.socket = open_door(context, "replay")
        self.socket.bind(address)
        self.server = ReplayServer(self.shelf, self.counters)

    def serve(self):
        if self.socket.poll(0):
            self.server.read(self.socket)


class Reader:
    def __init__(self, context, address):
        self.polling = Polling()
        self.counters = dict.fromkeys(READER_COUNTERS, 0)
        self.now_s = 0.0
        kit = Kit(
            lambda kind: open_socket(context, kind),
            lambda socket, where, _peer: socket.connect(where),
            self.polling,
            lambda: self.now_s,
            self.counters,
        )
        self.taken: list[Any] = []
        self.ends: list[Any] = []
        self.ready = 0
        self.bad = False
        self.asker = ReplayAsker(Peer("alpha", replay=address), kit, self.take, self.end, self.may_ask)

    def take(self, request, frames):
        if self.bad:
            raise MalformedFrame
        self.taken.append((request, frames))

    def end(self, request, end):
        self.ends.append((request, end))

    def may_ask(self):
        self.ready += 1
        if not self.asker.busy and not self.ends:
            self.asker.ask(ASKED)

    def turn(self, rest_ms=0):
        found = self.polling.wait(rest_ms)
        for read in found:
            read()
        return len(found)


@pytest.fixture
def both(run_dir):
    context = zmq.Context()
    address = f"ipc://{run_dir}/replay.sock"
    publisher, reader = Publisher(context, address), Reader(context, address)
    yield publisher, reader
    reader.asker.close()
    publisher.socket.close(linger=0)
    context.term()


def play(publisher, reader, until):
    def step():
        publisher.serve()
        reader.turn()
        return until()

    wait_until(step)


def test_a_question_is_answered_with_the_messages_and_an_end(both):
    publisher, reader = both
    publisher.shelf.found = [FRAMES] * 3
    reader.asker.ask(ASKED)  # before there is a connection: it waits for one
    play(publisher, reader, lambda: reader.ends)
    assert publisher.shelf.asked == [ASKED]
    assert reader.taken == [(ASKED, FRAMES)] * 3
    assert reader.ends == [(ASKED, DONE)]
    assert not reader.asker.busy
    assert reader.asker.failing_s() == 0.0
    assert publisher.counters == {"replay_requests": 1, "replay_sent": 3, "replay_refused": 0, "malformed": 0}
    snapshot = Request(kind="snapshot", stream=0, epoch=7)
    reader.asker.ask(snapshot)
    play(publisher, reader, lambda: len(reader.ends) > 1)
    assert reader.ends[-1][1].at == 3


def test_without_an_answer_it_asks_by_a_new_connection_and_a_late_answer_goes_nowhere(both):
    publisher, reader = both
    reader.asker.ask(ASKED)
    wait_until(lambda: reader.turn() or reader.asker.busy)
    wait_until(lambda: publisher.socket.poll(0))
    reader.now_s = replay_asker.TIMEOUT_S
    assert not reader.asker.tick()
    reader.now_s += 0.1
    assert reader.asker.tick()
    assert not reader.asker.tick()
    assert (reader.counters["replay_timeouts"], reader.asker.busy) == (1, False)
    assert reader.asker.failing_s() == pytest.approx(replay_asker.TIMEOUT_S + 0.1)
    publisher.serve()  # late
    reader.asker.ask(ASKED)
    play(publisher, reader, lambda: reader.ends)
    assert reader.taken == [(ASKED, FRAMES)]
    assert reader.asker.failing_s() == 0.0
    assert reader.counters["asked_again"] == 2


def test_after_we_were_away_ourselves_the_wait_begins_anew(both):
    _, reader = both
    reader.asker.forgive()
    assert reader.asker.failing_s() == 0.0
    reader.asker.ask(ASKED)
    reader.now_s = 100.0
    reader.asker.forgive()
    assert reader.asker.failing_s() == 0.0
    reader.now_s = 101.0
    assert reader.asker.failing_s() == 1.0


def test_who_has_no_address_or_one_that_is_none_cannot_be_asked(run_dir):
    context = zmq.Context()
    reader = Reader(context, "")
    reader.asker.ask(ASKED)
    assert (reader.asker.busy, reader.asker.failing_s()) == (False, 0.0)

    def refuse(*_):
        from bus.errors import BusError  # noqa: PLC0415

        raise BusError

    reader = Reader(context, "ipc://nowhere")
    reader.asker._kit.connect = refuse
    reader.asker.ask(ASKED)
    assert (reader.asker.address, reader.asker.busy) == ("", False)
    context.term()


def identity_of(publisher):
    wait_until(lambda: publisher.socket.poll(0))
    who, _ = publisher.socket.recv_multipart()
    return who


def test_odd_answers_are_counted_and_the_request_stays_open(both):
    publisher, reader = both
    reader.asker.ask(ASKED)
    wait_until(lambda: reader.turn() or reader.asker.busy)
    who = identity_of(publisher)
    reader.bad = True
    for frames in ([b"one"], [b"one", b"two"], [b"1", b"2", b"3", b"4"], [END, b"", b"\xc1"], list(FRAMES)):
        publisher.socket.send_multipart([who, *frames])
    wait_until(lambda: reader.turn() and reader.counters["malformed"] == 5)
    assert reader.asker.busy
    assert (reader.taken, reader.ends) == ([], [])


def test_an_answer_that_nobody_asked_for_is_counted_and_wakes_us_up_once(both):
    publisher, reader = both
    reader.asker.ask(ASKED)
    wait_until(lambda: reader.turn() or reader.asker.busy)
    who = identity_of(publisher)
    end = [END, b"", msgspec.msgpack.encode(DONE)]
    for frames in (end, end, FRAMES):
        publisher.socket.send_multipart([who, *frames])
    wait_until(lambda: reader.turn() and reader.counters["malformed"] == 2)
    assert reader.ends == [(ASKED, DONE)]
    assert [reader.turn(10) for _ in range(5)] == [0] * 5


def test_odd_requests_are_counted_and_the_next_one_is_answered(both, run_dir):
    publisher, _ = both
    with zmq.Context() as context, context.socket(zmq.DEALER) as dealer:
        dealer.setsockopt(zmq.LINGER, 0)
        dealer.connect(f"ipc://{run_dir}/replay.sock")
        for frames in ([b""], [b"\xc1"], [b"a", b"b"], [b"a"] * 50, [encode_request(ASKED)]):
            dealer.send_multipart(frames)
        wait_until(lambda: publisher.serve() or publisher.counters["replay_requests"])
        assert publisher.counters["malformed"] == 4
        assert dealer.poll(int(PATIENCE_S * 1000))
        assert tuple(dealer.recv_multipart()) == FRAMES


def test_who_asks_and_does_not_read_costs_bounded_memory_and_no_waiting(both, run_dir):
    publisher, reader = both
    publisher.shelf.found = [(b"t", b"h", b"x" * 1_000)] * PIECE_MESSAGES
    with zmq.Context() as context, context.socket(zmq.DEALER) as dealer:
        dealer.setsockopt(zmq.LINGER, 0)
        dealer.setsockopt(zmq.RCVHWM, 1)
        dealer.connect(f"ipc://{run_dir}/replay.sock")
        until_s = time.monotonic() + PATIENCE_S
        while not publisher.counters["replay_refused"]:
            assert time.monotonic() < until_s
            dealer.send(encode_request(ASKED))
            publisher.serve()
        assert publisher.counters["replay_sent"] < 100_000
        reader.asker.ask(ASKED)  # another one gets its answer meanwhile
        play(publisher, reader, lambda: reader.ends)


def test_who_asked_and_is_gone_is_counted(both, run_dir):
    publisher, _ = both
    context = zmq.Context()
    dealer = context.socket(zmq.DEALER)
    dealer.connect(f"ipc://{run_dir}/replay.sock")
    for _ in range(3):
        dealer.send(encode_request(ASKED))
    wait_until(lambda: publisher.socket.poll(0))
    who = identity_of(publisher)
    dealer.close(linger=0)
    context.term()

    def gone():
        try:
            publisher.socket.send_multipart([who, b"x"], zmq.NOBLOCK)
        except zmq.ZMQError:
            return True
        return False

    wait_until(gone)
    publisher.serve()
    assert publisher.counters["replay_refused"] == publisher.counters["replay_requests"]
