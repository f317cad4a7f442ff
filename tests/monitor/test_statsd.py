import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.monitor.pushed import Pushed
from actors.monitor.statsd import Item, items_in


@pytest.mark.parametrize(
    ("line", "items"),
    [
        ("jobs:1|c", [Item("jobs", "add", 1)]),
        ("jobs:3|c|@0.1", [Item("jobs", "add", 30)]),
        ("jobs:1|c|#region:eu,host:a", [Item("jobs", "add", 1)]),
        ("jobs:-2|c", [Item("jobs", "add", -2)]),
        ("depth:42.5|g", [Item("depth", "set", 42.5)]),
        ("depth:+4|g", [Item("depth", "shift", 4)]),
        ("depth:-4|g", [Item("depth", "shift", -4)]),
        ("took:320|ms", [Item("took", "time", 0.32)]),
        ("took:320|h", [Item("took", "time", 320)]),
        ("took:1:2:3|d\n", [Item("took", "time", 1), Item("took", "time", 2), Item("took", "time", 3)]),
    ],
)
def test_a_line_is_read(line, items):
    assert items_in(line) == items


@pytest.mark.parametrize(
    "line",
    ["jobs", "jobs:1", ":1|c", "jobs:|c", "jobs:one|c", "jobs:1|x", "users:7|s", "jobs:nan|g", "jobs:inf|c",
     "jobs:1|c|@0", "jobs:1|c|@2", "jobs:1|c|@x", "jobs:1_0|c", "x" * 201 + ":1|c", "|", ":", "\0"],
)  # fmt: skip
def test_what_is_no_line_is_refused_in_one_sentence(line):
    with pytest.raises(ValueError, match=r"is no|has a") as refused:
        items_in(line)
    assert len(str(refused.value)) < 200
    assert "\n" not in str(refused.value)


@given(st.text(max_size=80))
def test_any_text_gives_finite_items_or_is_refused(text):
    try:
        items = items_in(text)
    except ValueError:
        return
    assert all(math.isfinite(item.value) and item.name for item in items)


def test_a_value_is_given_once_and_the_newest_wins():
    pushed = Pushed()
    pushed.add([Item("depth", "set", 1), Item("depth", "set", 2)])
    assert (pushed.fresh, pushed.take()) == (True, {"depth": 2})
    assert (pushed.fresh, pushed.take()) == (False, {})


def test_a_shift_counts_from_the_last_value_though_that_was_given():
    pushed = Pushed()
    pushed.add([Item("depth", "set", 10)])
    pushed.take()
    pushed.add([Item("depth", "shift", -3)])
    assert pushed.take() == {"depth": 7}


def test_a_count_goes_on_and_is_given_each_time():
    pushed = Pushed()
    counting = [pushed.counting]
    pushed.add([Item("jobs", "add", 2), Item("jobs", "add", 3)])
    assert [*counting, pushed.counting] == [False, True]
    assert [pushed.take(), pushed.take()] == [{"jobs": 5}, {"jobs": 5}]
    pushed.add([Item("jobs", "add", 1)])
    assert pushed.take() == {"jobs": 6}


def test_times_are_averaged():
    pushed = Pushed()
    pushed.add([Item("took", "time", 0.1), Item("took", "time", 0.3)])
    assert pushed.take() == {"took": 0.2}
    assert pushed.take() == {}


def test_a_sum_that_leaves_the_numbers_begins_anew():
    pushed = Pushed()
    pushed.add([Item("jobs", "add", 1.7e308), Item("jobs", "add", 1.7e308), Item("took", "time", 1.7e308)])
    pushed.add([Item("took", "time", 1.7e308), Item("depth", "shift", 1.7e308), Item("depth", "shift", 1.7e308)])
    assert pushed.take() == {"jobs": 1.7e308}
