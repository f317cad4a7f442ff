from __future__ import annotations

import pytest

from actors.reconciler.course import Tried, due_s, failed, next_gaps, not_needed, open_gaps, task_for
from actors.reconciler.gaps import Gap
from actors.settings import Seconds, TaskKind
from actors.settings.datasets import DatasetSettings, FilesSource, Fill, Source
from actors.settings.dimensions import Dates, Dimension
from actors.settings.tasks import Param

FILL = Fill(task="fetch", in_flight_max=3, attempts_max=2, backoff_first=Seconds(10), backoff_max=Seconds(15))
GAPS = [Gap(key, "missing") for key in "abcdef"]


def tried(key, **differs):
    return Tried(**{"key": key, "gap": "missing", **differs})


def test_only_as_many_as_there_is_room_for_in_order_of_rank():
    assert [gap.key for gap in next_gaps(GAPS, {}, FILL, 0.0)] == ["a", "b", "c"]
    assert [gap.key for gap in next_gaps(GAPS, {"a": tried("a", task=7)}, FILL, 0.0)] == ["b", "c"]


def test_a_key_in_flight_given_up_or_waiting_is_passed_over_and_holds_up_no_other():
    known = {"a": tried("a", unfillable=True), "b": tried("b", due_s=5.0), "c": tried("c", task=1)}
    assert [gap.key for gap in next_gaps(GAPS, known, FILL, 4.0)] == ["d", "e"]
    assert [gap.key for gap in next_gaps(GAPS, known, FILL, 5.0)] == ["b", "d"]


def test_a_kind_that_is_only_told_is_never_filled():
    gaps = [Gap("x", "unexpected"), Gap("y", "stale")]
    assert [gap.key for gap in next_gaps(gaps, {}, FILL, 0.0)] == ["y"]
    assert open_gaps(gaps, {}, FILL) == 1
    assert open_gaps(gaps, {"y": tried("y", unfillable=True)}, FILL) == 0
    assert open_gaps(gaps, {}, None) == 0


def test_the_wait_doubles_up_to_its_longest_and_the_last_attempt_gives_up():
    once = failed(tried("a", task=4), "no", FILL, 100.0)
    assert (once.attempts, once.due_s, once.task, once.unfillable, once.why) == (1, 110.0, None, False, "no")
    twice = failed(once, "no", FILL, 200.0)
    assert (twice.attempts, twice.due_s, twice.unfillable) == (2, 215.0, True)
    assert failed(tried("a", attempts=5000), "no", FILL, 0.0).due_s == 15.0


def test_the_next_time_is_that_of_the_first_key_that_waits():
    known = [tried("a", due_s=9.0), tried("b", due_s=7.0), tried("c", due_s=5.0, task=1), tried("d", due_s=1.0)]
    assert due_s(known, 3.0) == 7.0
    assert due_s([tried("a", due_s=9.0, unfillable=True)], 3.0) is None


def test_a_task_whose_key_is_right_is_not_needed():
    known = {"a": tried("a", task=1), "b": tried("b", task=2), "c": tried("c")}
    assert not_needed(known, {"b": GAPS[1]}) == [known["a"]]


@pytest.mark.parametrize(
    ("text", "kind", "value"), [("7", "int", 7), ("7.5", "float", 7.5), ("7", "text", "7"), ("x", "int", "x")]
)
def test_parameters_have_the_type_of_the_kind(text, kind, value):
    over = {"n": Dimension(values=[text]), "d": Dimension(dates=Dates(first="2024-01-01"))}
    settings = DatasetSettings(keys="{n}/{d}", over=over, have=Source(files=FilesSource(root=".")))
    how = Fill(task="fetch", params={"number": "{n}", "month": "{d:%Y-%m}", "day": "{d}", "file": "{key}"})
    declared = TaskKind(command=["x"], params={"number": Param(type=kind)})
    gap = Gap("7/2024-01-02", "missing", priority="high", values={"n": text, "d": "2024-01-02T00:00:00"})
    wanted = task_for(gap, ("prices", settings), how, declared)
    assert wanted.params == {"number": value, "month": "2024-01", "day": "2024-01-02", "file": "7/2024-01-02"}
    assert (wanted.key, wanted.priority, wanted.tags) == ("prices/7/2024-01-02", "high", ("dataset:prices",))
