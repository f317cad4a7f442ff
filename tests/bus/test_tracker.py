"""Whatever way the messages of a stream come in, they go on once each and in order, and every fact is accounted for."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bus import tracker as module
from bus.line import Line
from bus.tracker import Tracker

SIZE = 10


def spread(tracker_due):
    """The numbers that are given on, of messages that are ranges of numbers."""
    return [number for message, skip in tracker_due for number in message[skip:]]


def take(tracker, first, count):
    return spread(tracker.take(first, count, SIZE, range(first, first + count)))


def cut(counts, first=1):
    """Messages of so many facts each, numbered without a hole: (first, count)."""
    cuts = []
    for count in counts:
        cuts.append((first, count))
        first += count
    return cuts


counts = st.lists(st.integers(1, 64), min_size=1, max_size=40)


# -- in order, out of order, twice


@given(counts=counts, order=st.randoms(use_true_random=False), doubled=st.integers(0, 3))
def test_all_messages_in_any_order_and_any_number_of_times_come_out_once_and_in_order(counts, order, doubled):
    cuts = cut(counts)
    coming = cuts * (1 + doubled)
    order.shuffle(coming)
    tracker: Tracker[Any] = Tracker()
    assert tracker.join(1) == []
    out = [number for first, count in coming for number in take(tracker, first, count)]
    total = sum(counts)
    assert out == list(range(1, total + 1))
    assert (tracker.duplicates, tracker.dropped, tracker.missing, tracker.held) == (doubled * total, 0, None, 0)


@given(counts=counts, lost=st.sets(st.integers(0, 39)), order=st.randoms(use_true_random=False))
def test_every_lost_message_is_found_missing_and_asking_for_it_again_leaves_no_hole(counts, lost, order):
    cuts = cut(counts)
    coming = [each for place, each in enumerate(cuts) if place not in lost]
    order.shuffle(coming)
    tracker: Tracker[Any] = Tracker()
    tracker.join(1)
    out = [number for first, count in coming for number in take(tracker, first, count)]
    tracker.sent(sum(counts))
    asked = []
    while (gap := tracker.missing) is not None:
        asked.append(gap)
        for first, count in cuts:
            if first <= gap[1] and first + count > gap[0]:
                out += take(tracker, first, count)
    assert out == list(range(1, sum(counts) + 1))
    wanted = {
        number for place, (first, count) in enumerate(cuts) if place in lost for number in range(first, first + count)
    }
    assert {number for first, last in asked for number in range(first, last + 1)} == wanted
    assert tracker.duplicates == 0  # nothing was asked for that had come


@given(counts=counts, place=st.integers(0, 39))
def test_a_message_that_is_just_the_next_one_is_followed_and_no_other_is(counts, place):
    tracker: Tracker[Any] = Tracker()
    assert not tracker.follow(1, 1)  # before the join
    tracker.join(1)
    for first, count in cut(counts):
        assert not tracker.follow(first + 1, count)
        assert not tracker.follow(first - 1, count)
        assert tracker.follow(first, count)
        assert (tracker.next, tracker.last, tracker.missing) == (first + count, first + count - 1, None)
    end = tracker.next
    assert end is not None
    assert take(tracker, end + 1, 1) == []
    assert not tracker.follow(end, 1)  # something is held back that follows it
    assert take(tracker, end, 1) == [end, end + 1]


# -- where it begins


@given(counts=counts, begin=st.integers(1, 200))
def test_before_the_join_all_is_held_and_from_the_joined_number_on_all_comes_out(counts, begin):
    tracker: Tracker[Any] = Tracker()
    for first, count in cut(counts):
        assert take(tracker, first, count) == []
    total = sum(counts)
    assert (tracker.held, tracker.first_held, tracker.missing, tracker.lag()) == (total, 1, None, 0)
    out = spread(tracker.join(begin))
    assert out == list(range(begin, total + 1))
    assert tracker.duplicates == total - len(out)
    assert tracker.next == max(begin, total + 1)


# -- what is gone


def test_the_head_of_the_line_is_given_up_and_what_was_held_behind_it_comes_out():
    tracker: Tracker[Any] = Tracker()
    tracker.join(1)
    assert take(tracker, 5, 2) == []
    assert take(tracker, 9, 1) == []
    assert tracker.missing == (1, 4)
    assert tracker.lag() == 9
    assert tracker.give_up(2, 4) == (None, [])  # not its head
    assert tracker.give_up(7, 8) == (None, [])  # its turn has not come
    lost, due = tracker.give_up(1, 2)
    assert (lost, due, tracker.missing) == ((1, 2), [], (3, 4))
    lost, due = tracker.give_up(0, 100)  # no more than what is missing
    assert (lost, spread(due), tracker.missing) == ((3, 4), [5, 6], (7, 8))
    lost, due = tracker.give_up(7, 8)
    assert (lost, spread(due), tracker.lag()) == ((7, 8), [9], 0)
    assert tracker.give_up(1, 100) == (None, [])  # nothing is missing


def test_what_is_abandoned_stays_held_until_the_line_begins_anew():
    tracker: Tracker[Any] = Tracker()
    tracker.join(1)
    assert take(tracker, 4, 2) == []
    assert tracker.abandon(2, 3) == (None, [])
    assert tracker.abandon(1, 9) == ((1, 3), [])
    assert (tracker.next, tracker.missing, tracker.lag(), tracker.held) == (None, None, 0, 2)
    assert spread(tracker.join(4)) == [4, 5]
    assert tracker.abandon(1, 9) == (None, [])


def test_numbers_that_the_publisher_never_sent_are_thrown_away_and_the_line_goes_on_where_it_says():
    tracker: Tracker[Any] = Tracker()
    tracker.join(1)
    assert take(tracker, 1, 10) == list(range(1, 11))
    assert take(tracker, 1_000, 5) == []
    tracker.rewind(3)
    assert (tracker.next, tracker.last, tracker.held, tracker.discarded, tracker.missing) == (4, 3, 0, 5, None)
    assert take(tracker, 4, 1) == [4]


def test_a_rewind_skips_nothing_that_is_still_to_come():
    tracker: Tracker[Any] = Tracker()
    tracker.join(5)
    assert take(tracker, 8, 1) == []
    tracker.rewind(10)
    assert (tracker.next, tracker.missing) == (5, (5, 7))
    unjoined: Tracker[Any] = Tracker()
    assert take(unjoined, 8, 1) == []
    unjoined.rewind(7)
    assert (unjoined.next, unjoined.held, unjoined.discarded) == (None, 0, 1)


@given(number=st.integers(1, 100), last=st.integers(0, 200), told=st.integers(0, 200))
def test_the_lag_is_what_is_known_to_be_sent_and_was_not_given_on(number, last, told):
    tracker: Tracker[Any] = Tracker()
    assert tracker.lag(told) == 0  # it has not begun
    tracker.join(number)
    tracker.sent(last)
    assert tracker.lag(told) == max(0, max(last, told) - number + 1)
    assert tracker.missing == ((number, last) if last >= number else None)


# -- how much is held


@pytest.mark.parametrize(("messages_max", "bytes_max"), [(3, 1 << 20), (100, 3 * SIZE)])
def test_later_messages_give_way_to_earlier_ones_and_are_counted_and_missing_again(
    monkeypatch, messages_max, bytes_max
):
    monkeypatch.setattr(module, "HELD_MAX", messages_max)
    monkeypatch.setattr(module, "HELD_BYTES_MAX", bytes_max)
    tracker: Tracker[Any] = Tracker()
    tracker.join(1)
    for first in (3, 5, 7):
        assert take(tracker, first, 1) == []
    assert take(tracker, 9, 1) == []  # no room, and none earlier to make it
    assert (tracker.dropped, tracker.discarded, tracker.held) == (1, 1, 3)
    assert take(tracker, 2, 1) == []  # 7 makes room
    assert (tracker.dropped, tracker.discarded, tracker.held) == (2, 2, 3)
    assert take(tracker, 1, 1) == [1, 2, 3]
    assert tracker.missing == (4, 4)
    assert take(tracker, 4, 1) == [4, 5]
    assert tracker.missing == (6, 9)


def test_one_message_beyond_all_room_is_not_held():
    tracker: Tracker[Any] = Tracker()
    tracker.join(1)
    assert tracker.take(2, 1, module.HELD_BYTES_MAX + 1, range(2, 3)) == []
    assert (tracker.dropped, tracker.discarded, tracker.held, tracker.missing) == (1, 1, 0, (1, 2))


def test_a_line_puts_down_what_its_tracker_let_go_once():
    line = Line(Tracker(), 0.0)
    counters = {"duplicates": 10, "discarded": 20}
    line.tracker.duplicates, line.tracker.discarded = 3, 4
    line.count(counters)
    line.count(counters)
    assert counters == {"duplicates": 13, "discarded": 24}
    line.tracker.duplicates += 1
    line.count(counters)
    assert counters == {"duplicates": 14, "discarded": 24}
    assert Line(Tracker(), 0.0).values is not line.values


class Following(RuleBasedStateMachine):
    """Messages that overlap, are lost, come twice or are made up, joins, give-ups and rewinds, in any order."""

    def __init__(self):
        super().__init__()
        self.tracker: Tracker[Any] = Tracker()
        self.came = self.given = 0
        self.out = []

    def note(self, due):
        for message, skip in due:
            assert 0 <= skip < len(message)
        numbers = spread(due)
        self.given += len(numbers)
        self.out += numbers

    @rule(first=st.integers(1, 80), count=st.integers(1, 9))
    def take(self, first, count):
        self.came += count
        self.note(self.tracker.take(first, count, SIZE, range(first, first + count)))

    @rule(count=st.integers(1, 9), ahead=st.integers(-2, 2))
    def follow(self, count, ahead):
        first = (self.tracker.next or 1) + ahead
        if self.tracker.follow(first, count):
            self.came += count
            self.note([(range(first, first + count), 0)])

    @precondition(lambda self: self.tracker.next is None)
    @rule(number=st.integers(1, 40))
    def join(self, number):
        self.out = []
        self.note(self.tracker.join(number))

    @rule(last=st.integers(0, 120))
    def sent(self, last):
        self.tracker.sent(last)

    @rule(first=st.integers(1, 80), count=st.integers(1, 40), anew=st.booleans())
    def give_up(self, first, count, anew):
        gap = self.tracker.missing
        lost, due = (self.tracker.abandon if anew else self.tracker.give_up)(first, first + count - 1)
        if lost is not None:
            assert gap is not None
            assert gap[0] == lost[0] <= lost[1] <= gap[1]
        self.note(due)

    @rule(last=st.integers(0, 80))
    def rewind(self, last):
        before = self.tracker.next
        self.tracker.rewind(last)
        if before is not None and before > last + 1:
            self.out = []

    @invariant()
    def what_comes_out_is_in_order_and_never_twice(self):
        assert all(before < after for before, after in zip(self.out, self.out[1:], strict=False))

    @invariant()
    def every_fact_is_given_on_held_or_counted(self):
        one = self.tracker
        assert self.came == self.given + one.held + one.duplicates + one.discarded

    @invariant()
    def the_head_of_the_line_is_what_is_missing(self):
        one = self.tracker
        if one.missing is not None:
            assert one.missing[0] == one.next
            assert one.missing[0] <= one.missing[1] <= one.last
            assert one.first_held is None or one.missing[1] < one.first_held


TestFollowing = Following.TestCase
