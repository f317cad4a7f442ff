"""Messages go on in order while there is room, and wait in order while there is none."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bus.codec import Header
from bus.kit import READER_COUNTERS, Kit, Wishes
from bus.message import Stream
from bus.outlet import TURN_EVENTS, Outlet
from bus.pressure import BEHIND_S, Pressure


class Readers:
    """An outlet and those behind it, with room or not."""

    def __init__(self):
        self.got: list[Any] = []
        self.looks = 0
        self.behind_for = 0  # looks
        self.pauses = 0
        self.counters = dict.fromkeys(READER_COUNTERS, 0)
        kit: Any = Kit(None, None, None, None, self.counters)  # type: ignore[arg-type]
        wishes = Wishes(lambda _: True, self.deliver, lambda _: None, self.behind)
        self.outlet = Outlet(kit, wishes, self.pause)

    def deliver(self, message, skip):
        header = message[1]
        self.got += range(header.first_seq + skip, header.first_seq + header.count)

    def behind(self):
        self.looks += 1
        self.behind_for -= self.behind_for > 0
        return bool(self.behind_for)

    def pause(self):
        self.pauses += 1


def message(first, count=1, body=b"body"):
    return ("evt.test.moved.alpha.web", Header(1, Stream.FACTS, count, 1, first), body)


def test_what_nobody_wants_is_counted_and_not_given_on_not_even_in_a_pause():
    readers = Readers()
    readers.outlet.give([(message(1, 5, b""), 2), (message(6), 0)])
    assert (readers.got, readers.counters["passed"], readers.looks) == ([6], 3, 0)


def test_the_first_facts_of_a_message_that_came_before_are_skipped():
    readers = Readers()
    readers.outlet.give([(message(1, 5), 3)])
    assert readers.got == [4, 5]


def test_of_what_was_held_back_is_seen_only_now_whether_it_is_wanted():
    readers = Readers()
    readers.outlet._wishes.wanted = lambda topic: topic != "evt.other"
    readers.outlet.release([(("evt.other", *message(1)[1:]), 0), (message(2), 0)])
    assert (readers.got, readers.counters["passed"]) == ([2], 1)


def test_readers_are_asked_once_in_so_many_facts():
    readers = Readers()
    for first in range(1, 4 * TURN_EVENTS + 1, 64):
        readers.outlet.give([(message(first, 64), 0)])
    assert readers.looks == 4


def test_in_a_pause_nothing_is_given_on_and_afterwards_all_in_order():
    readers = Readers()
    readers.behind_for = 3
    readers.outlet.give([(message(first, 64), 0) for first in range(1, 641, 64)])
    assert (readers.outlet.paused, readers.pauses, readers.counters["pauses"]) == (True, 1, 1)
    assert readers.got == list(range(1, TURN_EVENTS + 1))
    readers.outlet.give([(message(641), 0)])
    assert readers.got == list(range(1, TURN_EVENTS + 1))
    assert [each[0][1].first_seq for each in readers.outlet.ready] == [257, 321, 385, 449, 513, 577, 641]
    assert not readers.outlet.go_on()  # still behind, after TURN_EVENTS more
    assert (readers.got[-1], readers.pauses) == (2 * TURN_EVENTS, 2)
    assert readers.outlet.go_on()
    assert readers.got == list(range(1, 642))
    assert not readers.outlet.ready
    assert not readers.outlet.go_on()  # there was no pause to end


@given(
    counts=st.lists(st.integers(1, 64), max_size=60),
    cuts=st.lists(st.integers(1, 8), max_size=60),
    behind=st.lists(st.integers(0, 3), max_size=60),
)
def test_whatever_the_readers_do_every_fact_is_given_on_once_and_in_order(counts, cuts, behind):
    readers = Readers()
    first, todo = 1, []
    for count in counts:
        todo.append((message(first, count), 0))
        first += count
    looks = iter(behind)
    for many in cuts:
        readers.behind_for = next(looks, 0)
        readers.outlet.give(todo[:many])
        del todo[:many]
        readers.outlet.go_on()
    readers.behind_for = 0
    readers.outlet.give(todo)
    while readers.outlet.paused:
        readers.outlet.go_on()
    assert readers.got == list(range(1, first))


# -- who is behind


class Inbox:
    def __init__(self):
        self.full = False

    def crowded(self):
        return self.full


def test_nobody_is_behind_when_nobody_is_there_or_nobody_says_so():
    pressure = Pressure(lambda: 0.0)
    assert not pressure.behind()
    pressure.add(None)
    pressure.remove(None)
    pressure.add(lambda: False)
    assert not pressure.behind()


def test_one_that_is_crowded_holds_up_all_for_so_long_and_then_gives_way_until_it_has_caught_up():
    now_s = [0.0]
    pressure = Pressure(lambda: now_s[0])
    slow, other = Inbox(), Inbox()
    for each in (slow.crowded, other.crowded):
        pressure.add(each)
    slow.full = True
    assert pressure.behind()
    now_s[0] = BEHIND_S - 0.1
    assert pressure.behind()
    now_s[0] = BEHIND_S
    assert not pressure.behind()
    other.full = True  # has its own time
    assert pressure.behind()
    other.full = False
    assert not pressure.behind()
    slow.full = False
    assert not pressure.behind()
    slow.full = True
    assert pressure.behind()
    now_s[0] = 2 * BEHIND_S
    assert not pressure.behind()


def test_one_that_is_removed_while_it_is_crowded_holds_up_nobody_and_is_forgotten():
    pressure = Pressure(lambda: 0.0)
    for _ in range(100):
        inbox = Inbox()
        inbox.full = True
        crowded = inbox.crowded
        pressure.add(crowded)
        assert pressure.behind()
        pressure.remove(crowded)
        assert not pressure.behind()
    assert not pressure._since_s


@given(st.lists(st.tuples(st.integers(0, 2), st.booleans(), st.floats(0.0, 40.0)), max_size=40))
def test_it_says_behind_as_long_as_one_is_crowded_for_less_than_its_time(steps):
    now_s = [0.0]
    pressure = Pressure(lambda: now_s[0])
    inboxes = [Inbox() for _ in range(3)]
    since_s: dict[int, float] = {}
    for inbox in inboxes:
        pressure.add(inbox.crowded)
    for which, full, wait_s in steps:
        now_s[0] += wait_s
        inboxes[which].full = full
        if full:
            since_s.setdefault(which, now_s[0])
        else:
            since_s.pop(which, None)
        assert pressure.behind() == any(now_s[0] - began_s < BEHIND_S for began_s in since_s.values())
