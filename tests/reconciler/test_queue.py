import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from actors.reconciler.queue import WorkQueue

FIRST_S, MAX_S = 1.0, 8.0
KEYS = st.sampled_from("abc")


def queue() -> WorkQueue[str]:
    return WorkQueue(FIRST_S, MAX_S)


def test_keys_are_taken_in_the_order_they_came():
    keys = queue()
    for key in "cab":
        keys.add(key)
    assert [keys.take(0.0) for _ in range(4)] == ["c", "a", "b", None]


def test_a_key_added_many_times_is_taken_once():
    keys = queue()
    keys.add("a")
    keys.add("a")
    assert keys.take(0.0) == "a"
    keys.done("a")
    assert keys.take(0.0) is None


def test_a_key_added_while_it_is_processed_comes_when_that_is_done():
    keys = queue()
    keys.add("a")
    keys.take(0.0)
    keys.add("a")
    assert keys.take(0.0) is None
    keys.done("a")
    assert keys.take(0.0) == "a"


def test_the_back_off_doubles_up_to_its_longest():
    keys = queue()
    waits = []
    now_s = 0.0
    for _ in range(6):
        keys.add("a")
        assert keys.take(now_s) == "a"
        waits.append(keys.again("a", now_s))
        now_s += waits[-1]
    assert waits == [1.0, 2.0, 4.0, 8.0, 8.0, 8.0]


def test_a_back_off_of_thousands_of_tries_is_still_a_number():
    keys = queue()
    for _ in range(5000):
        assert keys.again("a", 0.0) <= MAX_S


def test_adding_does_not_shorten_a_back_off_and_hurry_ends_it():
    keys = queue()
    keys.again("a", 0.0)
    keys.add("a")
    assert keys.take(0.5) is None
    assert keys.due_s() == 1.0 == keys.due_s_of("a")
    keys.hurry()
    assert keys.due_s() is None
    assert keys.take(0.5) == "a"


def test_a_forgotten_key_starts_afresh():
    keys = queue()
    keys.again("a", 0.0)
    keys.again("a", 0.0)
    assert keys.tries("a") == 2
    keys.forget("a")
    assert (keys.tries("a"), keys.due_s_of("a"), keys.take(100.0)) == (0, None, None)
    assert keys.again("a", 0.0) == FIRST_S


class Promises(RuleBasedStateMachine):
    """The queue beside a model that holds only what the promises speak of."""

    def __init__(self):
        super().__init__()
        self.queue = queue()
        self.now_s = 0.0
        self.wanted = set()
        self.processing = set()
        self.not_before_s = {}
        self.tries = {}

    @rule(key=KEYS)
    def add(self, key):
        self.queue.add(key)
        self.wanted.add(key)

    @rule(seconds=st.sampled_from([0.25, 1.0, 3.0, 10.0]))
    def wait(self, seconds):
        self.now_s += seconds

    @rule()
    def take(self):
        may = {key for key in self.wanted - self.processing if self.not_before_s.get(key, self.now_s) <= self.now_s}
        key = self.queue.take(self.now_s)
        if key is None:
            assert not may
            return
        assert key in may
        self.wanted.discard(key)
        self.processing.add(key)

    @precondition(lambda self: self.processing)
    @rule(data=st.data())
    def done(self, data):
        key = data.draw(st.sampled_from(sorted(self.processing)))
        self.queue.done(key)
        self.processing.discard(key)

    @precondition(lambda self: self.processing)
    @rule(data=st.data())
    def again(self, data):
        key = data.draw(st.sampled_from(sorted(self.processing)))
        wait_s = self.queue.again(key, self.now_s)
        assert wait_s == min(FIRST_S * 2 ** self.tries.get(key, 0), MAX_S)
        self.tries[key] = self.tries.get(key, 0) + 1
        self.not_before_s[key] = self.now_s + wait_s
        self.processing.discard(key)
        self.wanted.add(key)

    @rule(key=KEYS)
    def forget(self, key):
        self.queue.forget(key)
        self.wanted.discard(key)
        self.not_before_s.pop(key, None)
        self.tries.pop(key, None)

    @rule()
    def hurry(self):
        self.queue.hurry()
        self.not_before_s.clear()
        self.tries.clear()

    @invariant()
    def what_is_processed_is_known(self):
        assert self.queue.processing == self.processing

    @invariant()
    def the_next_due_time_is_that_of_a_waiting_key(self):
        due = [self.not_before_s[key] for key in self.wanted - self.processing if key in self.not_before_s]
        assert self.queue.due_s() == min(due, default=None)

    def teardown(self):
        """Nothing was lost: whatever is wanted can be taken in the end."""
        for key in sorted(self.processing):
            self.queue.done(key)
        taken = set()
        while (key := self.queue.take(self.now_s + 2 * MAX_S)) is not None:
            taken.add(key)
        assert taken == self.wanted


Promises.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestPromises = pytest.mark.filterwarnings("default")(Promises.TestCase)
