import itertools

from hypothesis import given
from hypothesis import strategies as st

from actors.gateway import feed as feeds
from actors.gateway.feed import ALL, Feed, Wanted
from bus.envelope import Envelope
from bus.messages import MetricsSampled, NodeUndrained

NUMBERS = itertools.count()


def fact(subject="a", kind=NodeUndrained):
    data = (
        NodeUndrained(subject=subject, why="asked")
        if kind is NodeUndrained
        else MetricsSampled(subject=subject, scope="host", values={}, interval_s=1.0)
    )
    number = next(NUMBERS)
    return Envelope(
        id=f"n.1/{number}",
        source="n/x",
        type=kind.type_name(),
        time=1.0,
        subject=subject,
        correlationid="",
        causationid="",
        data=data,
    )


def put(feed, *envelopes):
    for each in envelopes:
        feed.put(each)
    feed.take_over()


def test_a_frame_is_a_server_sent_event():
    feed, one = Feed(10), fact()
    put(feed, one)
    assert feed.frames(0).startswith(f"id: {one.id}\nevent: node.undrained.v1\ndata: {{".encode())
    assert feed.frames(0).endswith(b"}\n\n")
    assert b"\n" not in feed.frames(0)[:-2].split(b"data: ")[1]


def test_only_what_is_no_measurement_counts_as_a_change():
    feed = Feed(10)
    put(feed, fact(), fact(kind=MetricsSampled))
    assert (feed.changes, feed.end) == (1, 2)


@given(st.integers(0, 30), st.lists(st.integers(0, 12), max_size=8))
def test_the_newest_are_kept_under_their_numbers(kept, rounds):
    feed, everything = Feed(kept), []
    for count in rounds:
        added = [fact() for _ in range(count)]
        everything += added
        put(feed, *added)
    assert feed.end == len(everything)
    assert feed.first == max(0, len(everything) - kept)
    for number, one in enumerate(everything):
        assert feed.after(one.id) == (number + 1 if number >= feed.first else None)
    for start in range(feed.first, feed.end + 1):
        assert feed.frames(start).count(b"\n\n") == feed.end - start


def test_what_is_wanted_goes_by_name_beginning_and_subject():
    feed = Feed(10)
    put(feed, fact("a"), fact("b"), fact("b", MetricsSampled))
    assert feed.frames(0, ALL).count(b"\n\n") == 3
    assert feed.frames(0, Wanted(("node.",))).count(b"\n\n") == 2
    assert feed.frames(0, Wanted(("node",))) == b""
    assert feed.frames(0, Wanted((), frozenset({"b"}))).count(b"\n\n") == 2
    assert feed.frames(0, Wanted(("metrics.sampled.v1",), frozenset({"b"}))).count(b"\n\n") == 1


def test_when_more_waits_than_may_all_is_begun_anew_so_that_followers_see_a_hole(monkeypatch):
    monkeypatch.setattr(feeds, "PENDING_MAX", 3)
    feed = Feed(10)
    put(feed, fact())
    put(feed, *[fact() for _ in range(4)])
    assert feed.first == feed.end == 2
    put(feed, fact())
    assert feed.frames(feed.first).count(b"\n\n") == 1


def test_it_says_when_it_is_time_to_take_over():
    feed = Feed(10_000)
    told = [feed.put(fact()) for _ in range(2 * feeds.PENDING)]
    assert [number for number, each in enumerate(told, 1) if each] == [feeds.PENDING, 2 * feeds.PENDING]
