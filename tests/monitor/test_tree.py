from hypothesis import given
from hypothesis import strategies as st

from actors.monitor.tree import descendants, members


def test_children_and_those_of_the_session_belong_to_it_each_once():
    children = {10: [11, 12], 11: [13], 1: [14], 14: [15]}
    sessions = {10: [10, 11, 14], 12: [12]}
    assert sorted(members(10, children, sessions)) == [10, 11, 12, 13, 14, 15]


def test_a_process_that_leads_no_session_brings_its_descendants_only():
    assert members(10, {10: [11]}, {5: [5, 10, 99]}) == [10, 11]


def test_the_main_process_is_first():
    assert members(10, {10: [3]}, {10: [2, 3, 10]})[0] == 10


@given(st.dictionaries(st.integers(0, 8), st.lists(st.integers(0, 8), max_size=4)), st.lists(st.integers(0, 8)))
def test_any_links_come_to_an_end_with_each_process_once(children, roots):
    found = descendants(roots, children)
    assert len(found) == len(set(found))
    assert set(roots) <= set(found)
    assert all(child in found for pid in found for child in children.get(pid, ()))
