"""The ring gives again what it holds, in order and from any number on, and never holds more than its limits."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from bus import ring as module
from bus.ring import Entry, LastValues, Limits, Ring

AGE_S = 60.0


def entry(first, count=1, size=10, at_s=0.0):
    return Entry(first, count, (b"t", b"h" * 4, b"b" * (size - 5)), at_s)


def test_the_size_of_an_entry_is_that_of_its_frames():
    assert entry(1, size=10).size == 10
    assert Entry(1, 1, (b"", b"", b""), 0.0).size == 0


def test_an_empty_ring_has_no_first_number_and_gives_nothing():
    ring = Ring(Limits(100, 100, AGE_S))
    assert (ring.first, list(ring.since(0)), list(ring.since(10**9))) == (None, [], [])
    ring.prune(1e9)


def test_a_message_beyond_the_limit_is_not_held_and_the_ring_goes_on():
    ring = Ring(Limits(50, 100, AGE_S))
    ring.put(entry(1))
    ring.put(entry(2, size=51))
    assert (ring.first, ring.size_bytes, ring.events) == (None, 0, 0)
    ring.put(entry(3))
    assert [each.first for each in ring.since(1)] == [3]


def test_facts_are_limited_too_not_only_messages_and_bytes():
    ring = Ring(Limits(1 << 20, 10, AGE_S))
    for first in range(1, 13, 4):
        ring.put(entry(first, 4))
    assert ([each.first for each in ring.since(0)], ring.events) == ([5, 9], 8)


class Model(RuleBasedStateMachine):
    """A ring beside a list that is cut at the front by the same limits."""

    @initialize(size=st.integers(10, 2_000), events=st.integers(1, 300), compact=st.sampled_from([1, 4, 1_024]))
    def begin(self, size, events, compact):
        self.compact, module._COMPACT_FROM = module._COMPACT_FROM, compact  # type: ignore[misc]
        self.limits = Limits(size, events, AGE_S)
        self.ring = Ring(self.limits)
        self.held = []
        self.next, self.now_s = 1, 0.0

    @rule(counts=st.lists(st.integers(1, 64), min_size=1, max_size=8), size=st.integers(5, 300))
    def put(self, counts, size):
        for count in counts:
            one = entry(self.next, count, size, self.now_s)
            self.next += count
            self.ring.put(one)
            self.held.append(one)
            while sum(e.size for e in self.held) > self.limits.size_bytes or (
                sum(e.count for e in self.held) > self.limits.events
            ):
                self.held.pop(0)

    @rule(wait_s=st.floats(0.0, AGE_S))
    def age(self, wait_s):
        self.now_s += wait_s
        self.ring.prune(self.now_s)
        self.held = [each for each in self.held if self.now_s - each.at_s <= AGE_S]

    @rule(back=st.integers(-3, 400))
    def ask(self, back):
        number = self.next - back
        wanted = [each for each in self.held if each.first + each.count > number]
        assert list(self.ring.since(number)) == wanted

    @invariant()
    def it_holds_what_the_limits_let_it(self):
        if hasattr(self, "ring"):
            assert list(self.ring.since(0)) == self.held
            assert self.ring.first == (self.held[0].first if self.held else None)
            assert self.ring.size_bytes == sum(each.size for each in self.held) <= self.limits.size_bytes
            assert self.ring.events == sum(each.count for each in self.held) <= self.limits.events

    def teardown(self):
        if hasattr(self, "compact"):
            module._COMPACT_FROM = self.compact  # type: ignore[misc]


TestModel = Model.TestCase


def test_what_was_forgotten_is_let_go_of_and_not_only_hidden():
    ring = Ring(Limits(1 << 20, 10, AGE_S))
    for first in range(1, 10 * module._COMPACT_FROM):
        ring.put(entry(first))
    assert len(ring._entries) <= 2 * module._COMPACT_FROM + 10
    assert len(ring._firsts) == len(ring._entries)
    assert [each.first for each in ring.since(0)] == list(range(ring.first or 0, 10 * module._COMPACT_FROM))


# -- last values


@given(st.lists(st.sampled_from("abcdefgh"), max_size=60), st.integers(0, 70))
def test_the_last_value_of_every_topic_beyond_a_number_comes_oldest_first(topics, after):
    values = LastValues()
    newest = {}
    for number, topic in enumerate(topics, 1):
        values.put(topic, number, f"{topic}{number}")  # type: ignore[arg-type]
        newest[topic] = number
    numbers = sorted((number, topic) for topic, number in newest.items() if number > after)
    wanted: list[Any] = [(number, topic, f"{topic}{number}") for number, topic in numbers]
    assert values.by_number(after) == wanted


@pytest.mark.parametrize("values_max", [1, 2, 16, 100])
def test_of_too_many_states_those_that_changed_longest_ago_are_forgotten(values_max):
    values = LastValues(values_max)
    for number in range(1, 500):
        values.put(f"topic-{number}", number, None)  # type: ignore[arg-type]
        values.put("busy", 1_000 + number, None)  # type: ignore[arg-type]
        held = [number for number, _, _ in values.by_number(0)]
        assert values_max - values_max // 16 - 1 <= len(held) or number < values_max
        assert len(held) <= values_max
        assert held[-1] == 1_000 + number
