import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.monitor.usage import Key, Spent, cpu_used_s

MAIN = Key(10, 1.0)


def test_the_difference_of_what_members_spent():
    before = {MAIN: Spent(1.0, 0.0, 1), Key(11, 2.0): Spent(3.0, 0.0, 10)}
    after = {MAIN: Spent(1.5, 0.0, 1), Key(11, 2.0): Spent(3.25, 0.0, 10)}
    assert cpu_used_s(before, after, 50.0) == pytest.approx(0.75)


def test_a_member_born_since_counts_whole_and_an_older_one_that_joined_from_now_on():
    before = {MAIN: Spent(0.0, 0.0, 1)}
    after = {MAIN: Spent(0.0, 0.0, 1), Key(11, 60.0): Spent(0.5, 0.25, 10), Key(12, 40.0): Spent(99.0, 0.0, 10)}
    assert cpu_used_s(before, after, 50.0) == pytest.approx(0.75)


def test_what_an_ended_child_had_spent_before_is_not_counted_again_when_it_is_waited_for():
    before = {MAIN: Spent(1.0, 0.0, 1), Key(11, 2.0): Spent(30.0, 0.0, 10)}
    after = {MAIN: Spent(1.0, 30.4, 1)}
    assert cpu_used_s(before, after, 50.0) == pytest.approx(0.4)


def test_children_that_came_and_went_between_two_looks_count():
    assert cpu_used_s({MAIN: Spent(1.0, 2.0, 1)}, {MAIN: Spent(1.0, 5.0, 1)}, 50.0) == pytest.approx(3.0)


def test_an_ended_child_that_nobody_waited_for_makes_nothing_negative():
    before = {MAIN: Spent(1.0, 0.0, 1), Key(11, 2.0): Spent(30.0, 0.0, 10)}
    assert cpu_used_s(before, {MAIN: Spent(1.2, 0.0, 1)}, 50.0) == pytest.approx(0.2)


def test_a_whole_branch_that_ended_is_taken_off_its_nearest_survivor():
    child, grandchild = Key(11, 2.0), Key(12, 3.0)
    before = {MAIN: Spent(0.0, 0.0, 1), child: Spent(2.0, 0.0, 10), grandchild: Spent(5.0, 0.0, 11)}
    assert cpu_used_s(before, {MAIN: Spent(0.0, 7.5, 1)}, 50.0) == pytest.approx(0.5)


def test_a_pid_used_again_is_another_process():
    before = {MAIN: Spent(1.0, 0.0, 1), Key(11, 2.0): Spent(30.0, 0.0, 10)}
    after = {MAIN: Spent(1.0, 30.0, 1), Key(11, 55.0): Spent(0.1, 0.0, 10)}
    assert cpu_used_s(before, after, 50.0) == pytest.approx(0.1)


def test_parents_in_a_ring_end_nowhere():
    before = {Key(11, 1.0): Spent(1.0, 0.0, 12), Key(12, 1.0): Spent(1.0, 0.0, 11)}
    assert cpu_used_s(before, {MAIN: Spent(1.0, 0.0, 1)}, 50.0) == 0.0


looks = st.dictionaries(
    st.builds(Key, st.integers(1, 6), st.floats(0, 100)),
    st.builds(Spent, st.floats(0, 1e6), st.floats(0, 1e6), st.integers(0, 6)),
    max_size=8,
)


@given(looks, looks, st.floats(0, 100))
def test_it_is_never_negative(before, after, looked_s):
    assert cpu_used_s(before, after, looked_s) >= 0.0


@given(looks)
def test_two_equal_looks_used_nothing(look):
    assert cpu_used_s(look, look, 1000.0) == 0.0
