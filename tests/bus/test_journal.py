"""The durable stream on a real disk: what is committed is there again, bounded, whatever the disk or the file does."""

import random
import resource
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bus import journal as module
from bus.archive import Archive
from bus.codec import decode_header, encode_batch
from bus.envelope import RawEnvelope
from bus.errors import BusError
from bus.hub import Bus
from bus.journal import LOOK_S, PRUNE_ROWS, Journal, JournalLimits
from bus.message import Stream
from bus.replay import Request
from bus.ring import Entry
from bus.zeromq import Listen, Peer, ZeroMQCarrier
from tests.bus.conftest import wait_until
from tests.bus.vocabulary import Kept
from tests.small_disk import small_disk

ENVELOPE = RawEnvelope(id="alpha.1/1", source="alpha/x", type="test.kept.v1", time=0.0, subject="web")
WALL_S = 1_700_000_000.0
SIDES = ("", "-wal", "-shm")


def entry(first, count=1, body=b"b" * 100):
    return Entry(first, count, (b"evt.test.kept.alpha.web", b"", body), 0.0)


def entries(first, messages, count=1, body=b"b" * 100):
    return [entry(first + step * count, count, body) for step in range(messages)]


def held(journal, number=0):
    return [(first, count) for first, count, _ in journal.since(number)]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "facts.db"


@pytest.fixture
def open_journal(path):
    opened = []

    def open_one(new_id=7, at=path, **limits):
        opened.append(Journal(at, new_id, JournalLimits(**limits)))
        return opened[-1]

    yield open_one
    for journal in opened:
        journal.close()


# -- what is written is there again


def test_a_new_journal_is_empty_and_keeps_the_id_it_was_made_with(open_journal):
    journal = open_journal(7)
    assert (journal.id, journal.next, journal.size_bytes, held(journal), journal.set_aside) == (7, 1, 0, [], None)
    journal.close()
    journal.close()  # may be called again
    assert open_journal(8).id == 7


def test_messages_come_back_as_they_were_with_the_header_of_their_numbers(open_journal):
    journal = open_journal(7)
    journal.commit([entry(1, 3, b"one"), entry(4, 1, b"two")], WALL_S)
    journal.close()
    journal = open_journal(9)
    ((_, _, (topic, header, body)), second) = journal.since(1)
    assert (topic, body, second[2][2]) == (b"evt.test.kept.alpha.web", b"one", b"two")
    told = decode_header(header)
    assert (told.stream, told.epoch, told.first_seq, told.count) == (Stream.DURABLE, 7, 1, 3)
    assert (journal.next, journal.size_bytes) == (5, 2 * len(topic) + 6)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(counts=st.lists(st.integers(1, 64), min_size=1, max_size=30), number=st.integers(-5, 2_000))
def test_since_begins_with_the_message_that_holds_the_number_or_the_next_one(counts, number):
    with tempfile.TemporaryDirectory() as root:
        journal = Journal(Path(root) / "facts.db", 1)
        first, kept = 1, []
        for count in counts:
            kept.append((first, count))
            first += count
        journal.commit([entry(*each) for each in kept], WALL_S)
        assert held(journal, number) == [each for each in kept if sum(each) > number]
        journal.close()


def test_a_number_far_beyond_the_end_is_found_missing_without_reading_all_messages(open_journal):
    journal = open_journal()
    for first in range(1, 20_001, 1_000):
        journal.commit(entries(first, 1_000), WALL_S)
    steps = []
    journal._database.set_progress_handler(lambda: steps.append(1), 100)
    assert held(journal, 10**9) == []
    assert len(steps) < 50  # of 100 instructions each
    journal._database.set_progress_handler(None, 0)


def test_a_commit_is_whole_or_not_at_all(open_journal):
    journal = open_journal()
    journal.commit(entries(1, 3), WALL_S)
    before = (journal.next, journal.size_bytes)
    with pytest.raises(sqlite3.IntegrityError):
        journal.commit([entry(4), entry(5), entry(2)], WALL_S)  # 2 is there
    assert (journal.next, journal.size_bytes, held(journal)) == (*before, [(1, 1), (2, 1), (3, 1)])
    journal.commit([entry(4)], WALL_S)
    assert journal.next == 5


WRITER = """
import sys
from pathlib import Path
from bus.journal import Journal, JournalLimits
from tests.bus.test_journal import entries
journal = Journal(Path(sys.argv[1]), 7)
for first in range(1, 10**9, 10):
    journal.commit(entries(first, 10), 0.0)
    print(first + 9, flush=True)
"""


def test_what_was_committed_before_a_kill_is_there_after_it(path, open_journal):
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, cwd=Path(__file__).resolve().parents[2]
    )
    assert writer.stdout is not None
    for _ in range(200):
        line = writer.stdout.readline()
        assert line, "the writer ended"
    writer.send_signal(signal.SIGKILL)
    last = int([line, *writer.communicate()[0].split(b"\n")[:-1]][-1])  # told last, after its commit
    journal = open_journal()
    numbers = [first for first, _ in held(journal)]
    assert numbers == list(range(1, len(numbers) + 1))  # no hole
    assert last <= len(numbers) <= last + 10
    assert len(numbers) % 10 == 0  # no half commit
    assert journal.next == len(numbers) + 1


@pytest.mark.parametrize(("synchronous", "level"), [("FULL", 2), ("NORMAL", 1)])
def test_how_surely_is_what_sqlite_is_told(open_journal, synchronous, level):
    journal = open_journal(synchronous=synchronous)
    assert journal._database.execute("PRAGMA synchronous").fetchone() == (level,)
    assert journal._database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert JournalLimits().synchronous == "NORMAL"


# -- bounded


def test_beyond_its_bytes_the_oldest_give_way_in_the_same_commit_however_fast_they_come(open_journal):
    journal = open_journal(size_bytes=10_000)
    first = 1
    for messages in (5, 100, 1, 300, 50, 1, 1, 1):
        journal.commit(entries(first, messages), WALL_S)
        first += messages
        written = 123 * messages
        assert journal.size_bytes <= max(10_000, written)
    kept = held(journal)
    assert kept[-1] == (first - 1, 1)
    assert [number for number, _ in kept] == list(range(kept[0][0], first))
    assert journal.size_bytes == 123 * len(kept) <= 10_000
    assert journal.pruned == kept[0][0] - 1
    real = journal._one("SELECT SUM(LENGTH(topic) + LENGTH(body)) FROM messages")
    assert journal.size_bytes == real


def test_too_old_messages_are_pruned_a_bounded_number_at_once_until_none_is_left(open_journal):
    journal = open_journal(age_s=100.0)
    old, young = PRUNE_ROWS + 500, 10
    journal.commit(entries(1, old, count=2), WALL_S)
    journal.commit(entries(1 + 2 * old, young, count=2), WALL_S + 50.0)
    journal.prune(WALL_S + 60.0)
    assert journal.pruned == 0
    journal.prune(WALL_S + 110.0)  # within LOOK_S of the look before
    assert journal.pruned == 0
    now_s = WALL_S + 60.0 + LOOK_S
    journal.prune(now_s)
    assert journal.pruned == 2 * PRUNE_ROWS
    journal.prune(now_s + 0.5)  # the next tick, not the next minute
    assert journal.pruned == 2 * old
    assert held(journal) == [(1 + 2 * (old + step), 2) for step in range(young)]
    assert journal.size_bytes == 123 * young


def test_the_newest_message_is_never_pruned_so_that_numbers_go_on_over_a_restart(open_journal):
    journal = open_journal(age_s=1.0, size_bytes=10)
    journal.commit(entries(1, 5), WALL_S)
    journal.prune(WALL_S + 1e6)
    assert held(journal) == [(5, 1)]
    journal.close()
    assert open_journal(age_s=1.0, size_bytes=10).next == 6


# -- a disk that takes nothing


def test_a_file_that_may_grow_no_further_fails_the_commit_whole_and_the_next_one_goes_on(open_journal):
    journal = open_journal()
    journal.commit(entries(1, 10), WALL_S)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, before[1]))
    first, failed = 11, False
    try:
        while not failed:
            assert first < 10_000, "the limit was never met"
            try:
                journal.commit(entries(first, 50, body=b"b" * 1_000), WALL_S)
            except sqlite3.Error:
                failed = True
                assert journal.next == first
                with pytest.raises(sqlite3.Error):
                    journal.commit(entries(first, 500, body=b"b" * 1_000), WALL_S)
            else:
                first += 50
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not journal._database.in_transaction
    journal.commit(entries(first, 50), WALL_S)
    journal.close()
    assert [number for number, _ in held(open_journal())] == list(range(1, first + 50))


@pytest.fixture
def disk(run_dir):
    """2 MiB, with half of it taken by a file that may be deleted."""
    with small_disk(run_dir / "disk", 2) as where:
        (where / "ballast").write_bytes(b"\0" * (1 << 20))
        yield where


@pytest.mark.needs("mount", "umount", root=True)
def test_on_a_full_disk_durable_facts_wait_and_go_out_in_order_when_there_is_room(run_dir, disk):
    listen = Listen([f"ipc://{run_dir}/facts.sock"], [f"ipc://{run_dir}/commands.sock"])
    here = with_journal("alpha", listen, journal=disk / "facts.db")
    try:
        there = with_journal("beta", Listen(), [Peer("alpha", facts=f"ipc://{run_dir}/facts.sock", since="start")])
        heard: list[Any] = []
        there.subscribe([Kept], lambda envelope: heard.append(envelope.data.step))
        counters = lambda: here._carrier.counters  # noqa: E731
        step = 0
        while not counters()["commits_failed"]:
            assert step < 10_000, "the disk was never full"
            sent = counters()["sent"]
            here.publish(Kept(subject="web", step=step, note="x" * 4_000), source="x")
            step += 1
            wait_until(lambda sent=sent: counters()["sent"] > sent or counters()["commits_failed"])
        full_at = step
        for step in range(full_at, full_at + 100):
            here.publish(Kept(subject="web", step=step, note="x" * 100), source="x")
        ticks = counters()["ticks"]
        wait_until(lambda: counters()["ticks"] > ticks + 1)
        assert len(heard) < full_at
        (disk / "ballast").unlink()
        wait_until(lambda: len(heard) >= full_at + 100, "the facts that waited")
        assert heard == list(range(full_at + 100))
        assert (counters()["durable_dropped"], counters()["faults"]) == (0, 0)
        there.close()
    finally:
        here.close()


def with_journal(node, listen, peers=(), journal=None, epoch=1):
    carrier = ZeroMQCarrier(listen, peers, epoch=epoch, node=node, journal=journal)
    return Bus(node, epoch=epoch, monotonic=time.monotonic, wall=time.time, carrier=carrier)


def test_a_disk_that_lets_nothing_be_deleted_is_counted_and_asked_again(open_journal):
    journal = open_journal(age_s=1.0)
    archive = Archive(1, lambda: 0.0, lambda: WALL_S + 1e6, journal)
    journal.commit(entries(1, 10), WALL_S)
    journal._database.execute("PRAGMA query_only=ON")
    archive.prune()
    assert (archive.prunes_failed, journal.pruned) == (1, 0)
    journal._database.execute("PRAGMA query_only=OFF")
    journal._look_at_s = 0.0
    archive.prune()
    assert (archive.prunes_failed, journal.pruned) == (1, 9)


def test_a_place_where_no_file_can_be_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "file" / "facts.db", tmp_path):
        with pytest.raises(BusError, match=str(tmp_path)):
            Journal(path, 1)


# -- a file that is damaged


def fill(path, messages=400):
    journal = Journal(path, 3)
    journal.commit(entries(1, messages, body=b"b" * 300), WALL_S)
    journal.close()


@pytest.mark.parametrize("how", ["garbage", "no-database", "torn-page", "cut-short"])
def test_a_damaged_file_is_set_aside_whole_and_a_new_stream_begins(path, open_journal, how):
    fill(path)
    data = path.read_bytes()
    if how == "garbage":
        data = random.Random(1).randbytes(len(data))
    elif how == "no-database":
        data = b"no database, just text\n" * 1_000
    elif how == "torn-page":
        data = data[: 5 * 4096] + b"\xff" * 4096 + data[6 * 4096 :]
    else:
        data = data[: 8 * 4096]
    path.write_bytes(data)
    journal = open_journal(9)
    assert journal.set_aside == path.with_name("facts.db.damaged-9")
    assert journal.set_aside.read_bytes() == data
    assert (journal.id, journal.next, held(journal)) == (9, 1, [])
    journal.commit(entries(1, 3), WALL_S)
    journal.close()
    journal = open_journal(10)
    assert (journal.id, journal.next, journal.set_aside) == (9, 4, None)


def test_the_log_of_a_damaged_file_is_not_played_into_the_new_one(path, open_journal):
    journal = open_journal(3)
    journal.commit(entries(1, 400), WALL_S)
    journal._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    journal.commit(entries(401, 1), WALL_S)
    copies = {side: Path(f"{path}{side}").read_bytes() for side in SIDES}
    journal.close()
    for side in SIDES:
        Path(f"{path}{side}").write_bytes(copies[side])
    path.write_bytes(b"x" * 8_192)
    journal = open_journal(9)
    assert (journal.id, journal.next, held(journal)) == (9, 1, [])


def test_a_bus_whose_journal_is_damaged_starts_all_the_same_and_says_where_it_is(run_dir, path):
    path.parent.mkdir()
    path.write_bytes(b"no database, just text\n" * 1_000)
    bus = with_journal("alpha", Listen(), journal=path)
    try:
        carrier: Any = bus._carrier
        assert carrier.journal_set_aside == path.with_name("facts.db.damaged-1")
        bus.publish(Kept(subject="web", step=1), source="x")
        wait_until(lambda: carrier.counters["commits"] == 1)
    finally:
        bus.close()
    bus = with_journal("alpha", Listen(), journal=path)
    assert bus._carrier.journal_set_aside is None
    bus.close()


def test_a_reader_goes_on_with_the_new_stream_of_a_publisher_whose_journal_was_damaged(run_dir, path):
    listen = Listen([f"ipc://{run_dir}/facts.sock"], [f"ipc://{run_dir}/commands.sock"])
    there = with_journal("beta", Listen(), [Peer("alpha", facts=f"ipc://{run_dir}/facts.sock", since="start")])
    try:
        heard: list[Any] = []
        there.subscribe([Kept], lambda envelope: heard.append(envelope.data.step))
        for epoch in (1, 2):
            here = with_journal("alpha", listen, journal=path, epoch=epoch)
            try:
                for step in range(10 * epoch, 10 * epoch + 10):
                    here.publish(Kept(subject="web", step=step), source="x")
                wait_until(lambda epoch=epoch: len(heard) >= 10 * epoch)
            finally:
                here.close()
            path.write_bytes(b"x" * 10_000)
        assert heard == list(range(10, 30))
        assert there._carrier.counters["lost"] == 0  # it had all of the old one
    finally:
        there.close()


def test_a_database_of_another_kind_is_left_alone_and_is_a_clear_error(path):
    path.parent.mkdir()
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE messages (text TEXT)")
        other.execute("INSERT INTO messages VALUES ('mine')")
    other.close()
    with pytest.raises(BusError, match=r"facts\.db: .*no such column"):
        Journal(path, 1)
    other = sqlite3.connect(path)
    assert other.execute("SELECT text FROM messages").fetchall() == [("mine",)]
    other.close()


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32), flips=st.integers(1, 40))
def test_whatever_bytes_change_it_opens_or_is_set_aside_and_takes_new_messages(seed, flips):
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as root:
        path = Path(root) / "facts.db"
        fill(path, 100)
        data = bytearray(path.read_bytes())
        for _ in range(flips):
            data[chance.randrange(len(data))] = chance.randrange(256)
        path.write_bytes(data)
        try:
            journal = Journal(path, 9)
        except BusError as error:
            assert "facts.db: " in str(error)  # noqa: PT017 - it opens in most cases
            return
        try:
            archive = Archive(9, lambda: 0.0, lambda: WALL_S, journal)
            header, body = encode_batch(Stream.DURABLE, journal.id, journal.next, [ENVELOPE])
            made = archive.keep(Stream.DURABLE, 1, (b"t", header, body))
            if archive.commit([made]):
                archive.sent(Stream.DURABLE, made)
            request = Request(kind="replay", stream=3, epoch=journal.id, first=1, last=journal.next)
            found, _ = archive.replay(request)
            for topic, header, body in found:
                assert (type(topic), type(body)) == (bytes, bytes)
                assert decode_header(header).epoch == journal.id
            journal.size_bytes = 1 << 40
            archive.prune()
        finally:
            journal.close()


def test_a_journal_that_is_damaged_while_in_use_has_nothing_any_more_and_says_so(path, open_journal):
    fill(path)
    journal = open_journal()
    archive = Archive(1, lambda: 0.0, lambda: WALL_S, journal)
    fresh = archive.keep(Stream.DURABLE, 1, (b"t", b"", b"new"))
    assert archive.commit([fresh])
    archive.sent(Stream.DURABLE, fresh)
    journal._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    journal._database.execute("PRAGMA cache_size=0")
    journal._database.execute("PRAGMA shrink_memory")
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))
    found, end = archive.replay(Request(kind="replay", stream=3, epoch=journal.id, first=1, last=401))
    assert (found, end.gone, end.next) == ([], (1, 400), 401)
    found, end = archive.replay(Request(kind="replay", stream=3, epoch=journal.id, first=401, last=401))
    assert ([frames[2] for frames in found], end.gone) == ([b"new"], None)  # from the ring


def test_a_disk_that_gives_nothing_now_is_no_loss(open_journal, monkeypatch):
    journal = open_journal()
    journal.commit(entries(1, 3), WALL_S)
    archive = Archive(1, lambda: 0.0, lambda: WALL_S, journal)
    journal.close()
    with pytest.raises(sqlite3.Error):
        archive.replay(Request(kind="replay", stream=3, epoch=journal.id, first=1, last=3))
    assert module.is_damage(sqlite3.ProgrammingError("x")) is False
