"""What a publisher has sent can be had again piece by piece, from the ring or the journal; what nobody has is named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus import archive as module
from bus.archive import Archive
from bus.codec import decode_batch, decode_header, encode_batch
from bus.envelope import RawEnvelope
from bus.journal import Journal
from bus.message import Stream
from bus.replay import PIECE_BYTES, PIECE_MESSAGES, End, Request
from bus.ring import Limits

EPOCH = 5


def envelope(number=0):
    return RawEnvelope(id=f"alpha.1/{number}", source="alpha/x", type="test.moved.v1", time=1.0, subject="web")


def send(archive, stream, count, size=0):
    """As the sender does."""
    first = archive.next[stream]
    header, body = encode_batch(stream, archive.epochs[stream], first, [envelope(first + one) for one in range(count)])
    entry = archive.keep(stream, count, (b"evt.test.moved.alpha.web", header, body + b"\0" * size))
    if stream is Stream.DURABLE:
        assert archive.commit([entry])
    archive.sent(stream, entry)


def ask(archive, stream, first, last, *, kind="replay", epoch=None):
    wanted = archive.epochs[stream] if epoch is None else epoch
    request = Request(kind=kind, stream=int(stream), epoch=wanted, first=first, last=last)
    return archive.replay(request) if kind == "replay" else archive.snapshot(request)


def numbers(found):
    given: list[int] = []
    for _, header_frame, _ in found:
        header = decode_header(header_frame)
        given += range(header.first_seq, header.first_seq + header.count)
    return given


def make_archive(journal=None):
    return Archive(EPOCH, lambda: 0.0, lambda: 0.0, journal)


def test_streams_are_numbered_each_by_itself_and_a_heartbeat_can_tell_how_far_they_are():
    archive = make_archive()
    assert archive.first == {0: 1, 1: 1, 2: 1, 3: 1}
    assert archive.last() == {0: (EPOCH, 0), 1: (EPOCH, 0), 2: (EPOCH, 0), 3: (EPOCH, 0)}
    send(archive, Stream.FACTS, 3)
    send(archive, Stream.FACTS, 1)
    send(archive, Stream.SAMPLES, 2)
    assert archive.last() == {0: (EPOCH, 0), 1: (EPOCH, 4), 2: (EPOCH, 2), 3: (EPOCH, 0)}
    archive.close()


def test_what_is_numbered_but_not_sent_yet_is_not_given():
    archive = make_archive()
    send(archive, Stream.FACTS, 1)
    archive.keep(Stream.FACTS, 1, (b"t", b"", b""))
    assert archive.last()[1] == (EPOCH, 1)
    found, end = ask(archive, Stream.FACTS, 1, 2)
    assert (numbers(found), end.gone) == ([1], None)


@pytest.mark.parametrize(
    ("first", "last", "epoch"), [(1, 4, EPOCH + 1), (3, 2, EPOCH), (5, 9, EPOCH), (2**63 - 1,) * 3]
)
def test_what_was_never_sent_or_by_another_process_is_named_as_gone_whole(first, last, epoch):
    archive = make_archive()
    send(archive, Stream.FACTS, 4)
    assert ask(archive, Stream.FACTS, first, last, epoch=epoch) == (
        [],
        End(kind="replay", stream=1, epoch=epoch, gone=(first, last)),
    )


@given(
    counts=st.lists(st.integers(1, 64), min_size=1, max_size=60),
    kept=st.integers(1, 600),
    first=st.integers(0, 3_000),
    length=st.integers(0, 4_000),
    pieces=st.integers(1, 8),
)
def test_asking_piece_by_piece_gives_all_that_is_held_and_names_the_rest(counts, kept, first, length, pieces):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "LIMITS", {each: Limits(1 << 30, kept, 1.0) for each in Stream})
        patch.setattr("bus.replay.PIECE_MESSAGES", pieces)
        archive = make_archive()
        for count in counts:
            send(archive, Stream.FACTS, count)
        held = archive.rings[Stream.FACTS].first
        total = sum(counts)
        last = min(total, first + length)
        got: list[int] = []
        gone: list[int] = []
        at = first
        while 0 < at <= last:
            found, end = ask(archive, Stream.FACTS, at, last)
            assert len(found) <= pieces
            given_now = numbers(found)
            if end.gone is not None:
                assert end.gone[0] == at
                gone += range(end.gone[0], end.gone[1] + 1)
            got += given_now
            assert end.next == 0 or end.next > at
            at = end.next
        if 1 <= first <= last:
            wanted = set(range(first, last + 1))
            assert got == sorted(set(got))
            assert wanted <= set(got) | set(gone)
            assert not set(got) & set(gone)
            assert set(gone) == {number for number in wanted if held is None or number < held}


def test_one_piece_is_bounded_in_bytes_too():
    archive = make_archive()
    for _ in range(10):
        send(archive, Stream.FACTS, 1, size=PIECE_BYTES // 2)
    found, end = ask(archive, Stream.FACTS, 1, 10)
    assert (numbers(found), end.next) == ([1, 2], 3)


def test_a_journal_gives_what_is_older_than_the_ring_also_after_a_restart(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LIMITS", {each: Limits(1 << 30, 5, 1.0) for each in Stream})
    journal = Journal(tmp_path / "facts.db", 3)
    archive = make_archive(journal)
    for _ in range(20):
        send(archive, Stream.DURABLE, 1)
    assert archive.rings[Stream.DURABLE].first == 16
    for first, last in ((1, 20), (3, 17), (15, 15), (16, 20), (20, 20)):
        found, end = ask(archive, Stream.DURABLE, first, last)
        assert numbers(found) == list(range(first, last + 1))
        assert end == End(kind="replay", stream=3, epoch=3)
    archive.close()
    again = make_archive(Journal(tmp_path / "facts.db", 99))
    assert (again.epochs[Stream.DURABLE], again.next[Stream.DURABLE], again.first[3]) == (3, 21, 21)
    assert again.last()[3] == (3, 20)
    found, end = ask(again, Stream.DURABLE, 1, 20)
    assert (numbers(found), end.gone) == (list(range(1, 21)), None)
    send(again, Stream.DURABLE, 2)
    assert numbers(ask(again, Stream.DURABLE, 19, 22)[0]) == [19, 20, 21, 22]
    again.close()


def test_more_than_a_piece_of_the_journal_is_read_no_further_than_the_piece(tmp_path):
    journal = Journal(tmp_path / "facts.db", 3)
    archive = make_archive(journal)
    for _ in range(PIECE_MESSAGES + 10):
        send(archive, Stream.DURABLE, 1)
    archive.close()
    again = make_archive(Journal(tmp_path / "facts.db", 4))
    found, end = ask(again, Stream.DURABLE, 1, PIECE_MESSAGES + 10)
    assert (len(found), end.next, end.gone) == (PIECE_MESSAGES, PIECE_MESSAGES + 1, None)
    found, end = ask(again, Stream.DURABLE, end.next, PIECE_MESSAGES + 10)
    assert (len(found), end.next, end.gone) == (10, 0, None)
    again.close()


def test_without_a_journal_the_ring_alone_keeps_durable_facts():
    archive = make_archive()
    send(archive, Stream.DURABLE, 2)
    assert archive.epochs[Stream.DURABLE] == EPOCH
    assert numbers(ask(archive, Stream.DURABLE, 1, 2)[0]) == [1, 2]
    archive.prune()
    archive.close()


def test_what_is_too_old_is_forgotten_by_every_ring():
    now_s = [0.0]
    archive = Archive(EPOCH, lambda: now_s[0], lambda: 0.0)
    for stream in Stream:
        send(archive, stream, 1)
    now_s[0] = module.AGE_S
    archive.prune()
    assert all(ring.events == 1 for ring in archive.rings.values())
    now_s[0] += 0.1
    archive.prune()
    assert all(ring.events == 0 for ring in archive.rings.values())


# -- snapshots


def settle(archive, topics):
    for topic in topics:
        first = archive.next[Stream.STATE]
        send(archive, Stream.STATE, 1)
        archive.note_value(topic, first, envelope(first))


@pytest.mark.parametrize("states", [0, 1, PIECE_MESSAGES - 1, PIECE_MESSAGES, PIECE_MESSAGES + 1, 3 * PIECE_MESSAGES])
def test_a_snapshot_has_the_last_value_of_every_state_in_pieces_and_says_as_of_when(states):
    archive = make_archive()
    topics = [f"evt.test.settled.alpha.w{one}" for one in range(states)]
    settle(archive, topics)
    settle(archive, topics)
    got, after = [], 0
    while True:
        found, end = ask(archive, Stream.STATE, after, 0, kind="snapshot")
        assert len(found) <= PIECE_MESSAGES
        assert (end.kind, end.stream, end.epoch, end.at, end.gone) == ("snapshot", 0, EPOCH, 2 * states, None)
        got += found
        if not end.next:
            break
        assert end.next > after
        after = end.next
    assert [frames[0].decode() for frames in got] == topics
    assert numbers(got) == list(range(states + 1, 2 * states + 1))
    for _, header_frame, body in got:
        header = decode_header(header_frame)
        (raw,) = decode_batch(header, body)
        assert (header.count, raw.id) == (1, f"alpha.1/{header.first_seq}")


def test_a_snapshot_is_of_this_process_whatever_epoch_was_asked():
    archive = make_archive()
    settle(archive, ["evt.test.settled.alpha.web"])
    _, end = ask(archive, Stream.STATE, 0, 0, kind="snapshot", epoch=EPOCH - 1)
    assert end.epoch == EPOCH  # by which the reader sees that the process it asked has ended
