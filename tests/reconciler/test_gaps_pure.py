"""Batches, patterns, comparison and guard: whatever the streams are, they agree with plain sets."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.reconciler import expected as expected_module
from actors.reconciler.batches import Batch, Unsorted, ascending, in_order, joined, merged, of_rows, side_by_side
from actors.reconciler.compare import Rules, compare, difference
from actors.reconciler.expected import Expected, TooMany
from actors.reconciler.gaps import Collector, NoColumn, Ranking
from actors.reconciler.guard import Counts, doubt
from actors.settings import Bytes, Seconds, Share
from actors.settings.datasets import Checks, DatasetSettings, FilesSource, Fill, Rule, Source
from actors.settings.patterns import parse_pattern

NOW = datetime(2024, 2, 1, tzinfo=UTC)
KEYS = st.text(st.sampled_from("ab/-.Zé"), min_size=1, max_size=4)
STREAM = st.lists(KEYS, unique=True).flatmap(
    lambda keys: st.integers(1, 5).map(lambda size: [sorted(keys)[at : at + size] for at in range(0, len(keys), size)])
)


def stream(chunks):
    return iter([Batch(list(chunk)) for chunk in chunks])


def flat(batches):
    return [key for batch in batches for key in batch.keys]


@given(STREAM, STREAM)
def test_windows_hold_every_row_of_both_once_and_a_key_on_both_sides_together(left, right):
    pairs = list(side_by_side(stream(left), stream(right)))
    ours, theirs = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    assert flat(ours) == flat(stream(left))
    assert flat(theirs) == flat(stream(right))
    both = set(flat(ours)) & set(flat(theirs))
    assert sum(len(set(a.keys) & set(b.keys)) for a, b in pairs) == len(both)


@given(st.lists(STREAM, min_size=1, max_size=4))
def test_merged_streams_are_what_sorting_them_together_gives(streams):
    assert flat(merged([stream(each) for each in streams])) == sorted(
        key for each in streams for key in flat(stream(each))
    )


@given(st.lists(KEYS))
def test_rows_are_ordered_by_key_with_their_columns(keys):
    batch = in_order(Batch(keys, list(range(len(keys)))))
    assert batch.keys == sorted(keys)
    assert [keys[size] for size in batch.sizes] == batch.keys


def test_a_key_that_comes_twice_counts_once_within_a_batch_and_from_one_to_the_next():
    batches = [Batch(["a", "a", "b"], [1, 2, 3]), Batch(["b", "c"], [4, 5]), Batch(["c"], [6])]
    assert [batch.columns[:2] for batch in ascending(batches)] == [(["a", "b"], [1, 3]), (["c"], [5])]


@pytest.mark.parametrize("chunks", [[["b", "a"]], [["b"], ["a"]], [["a", "c"], ["b"]]])
def test_a_stream_that_does_not_ascend_is_refused(chunks):
    with pytest.raises(Unsorted, match="do not ascend"):
        list(ascending(stream(chunks)))


def test_joined_batches_have_all_columns():
    assert joined([Batch(["a"], [1]), Batch(["b"], [2])]) == Batch(["a", "b"], [1, 2])
    assert of_rows([("a", 0, 0.0, "", 0, ""), ("b", 3, 0.0, "", 0, "")]) == Batch(["a", "b"], [0, 3])


# --- patterns


def made(text, keys_max=10_000, **axes):
    return Expected(parse_pattern(text), axes, dict.fromkeys(axes, "%Y-%m-%d"), keys_max)


VALUES = st.lists(st.text(st.sampled_from("ab-/"), min_size=1, max_size=3), unique=True, min_size=1, max_size=6)
PATTERNS = ["{x}/{y}.csv", "{x}{y}", "p{x}-{y}", "{x}/{y}/{x}", "{y}"]


@given(st.sampled_from(PATTERNS), VALUES, VALUES)
def test_the_keys_of_a_pattern_are_every_combination_and_each_says_what_it_stands_for(text, x, y):
    every = {text.replace("{x}", a).replace("{y}", b) for a, b in product(x, y)}
    pattern = made(text, x=x, y=y)
    keys = flat(pattern.batches())
    assert set(keys) == every
    if pattern.ordered:
        assert keys == sorted(keys)
    for key in every:
        values = pattern.values_of(key)
        assert values is not None
        assert text.replace("{x}", str(values.get("x"))).replace("{y}", str(values.get("y"))) == key


def test_a_pattern_of_dates_and_names_is_in_order_and_large_ones_come_in_pieces(monkeypatch):
    monkeypatch.setattr(expected_module, "BATCH_ROWS", 10)
    days = [datetime(2024, 1, day) for day in range(1, 29)]  # noqa: DTZ001
    pattern = made("{d:%Y/%m/%d}/{s}.csv", d=days, s=[f"s{number}" for number in range(33)])
    batches = list(pattern.batches())
    assert pattern.ordered
    assert flat(batches) == sorted(flat(batches))
    assert len(flat(batches)) == 28 * 33
    assert pattern.date_of("2024/01/07/s3.csv") == datetime(2024, 1, 7)  # noqa: DTZ001
    assert pattern.values_of("2024/01/30/s3.csv") is None
    assert pattern.values_of("2024/01/07/s3.csv2") is None


def test_a_pattern_without_holes_is_one_key():
    assert flat(made("all.csv").batches()) == ["all.csv"]


def test_values_that_would_be_out_of_order_are_said_to_be():
    assert not made("{x}{y}", x=["a", "ab"], y=["b", "c"]).ordered
    assert made("{x}/{y}", x=["a", "a-b"], y=["b"]).ordered
    assert flat(made("{x}/{y}", x=["a", "a-b"], y=["b"]).batches()) == ["a-b/b", "a/b"]


def test_a_billion_keys_are_refused_before_one_is_made():
    many = [str(number) for number in range(1000)]
    said = r"stands for 1,000,000,000 keys \(1,000 x x 1,000 y x 1,000 z\), and keys_max is 10,000"
    with pytest.raises(TooMany, match=said):
        made("{x}{y}{z}", x=many, y=many, z=many)


# --- comparison


def collector(fill=None, kept=1000, given_up=frozenset(), date_of=lambda _: None):
    return Collector(Ranking(fill, date_of, NOW), kept, given_up)


def rules(**differs):
    said = {"checks": Checks(), "like": False, "now_s": 1000.0, "unexpected_after_s": 0.0}
    return Rules(**{**said, **differs})


@given(STREAM, STREAM)
def test_the_gaps_are_what_sets_say(should, have):
    found = collector(fill=Fill(task="t", order="key"))
    seen = compare(stream(should), stream(have), rules(), found)
    wanted, there = set(flat(stream(should))), set(flat(stream(have)))
    assert (seen.should, seen.have) == (len(wanted), len(there))
    assert {gap.key for gap in found.gaps() if gap.kind == "missing"} == wanted - there
    assert {gap.key for gap in found.gaps() if gap.kind == "unexpected"} == there - wanted
    assert found.counts["missing"] == len(wanted - there)


def kinds(should, have, **differs):
    found = collector()
    compare(iter([should]), iter([have]), rules(**differs), found)
    return {gap.key: (gap.kind, gap.why) for gap in found.gaps()}


def test_each_check_finds_what_it_is_for():
    keys = ["a", "b", "c", "d"]
    have = Batch(
        keys, [10, 3, 10, 10], [999.0, 999.0, 100.0, 999.0], [], [5, 5, 5, 1], ["", "", "", "corrupt:no column x"]
    )
    checks = Checks(size_min=Bytes(4), fresh_within=Seconds(60), records_min=2)
    assert kinds(Batch(keys), have, checks=checks) == {
        "b": ("truncated", "3B, less than 4B"),
        "c": ("stale", "changed 15m ago"),
        "d": ("corrupt", "no column x"),
    }
    assert kinds(Batch(["a"]), have, checks=checks, unexpected_after_s=2000.0) == {}


def test_what_is_not_expected_is_told_once_it_is_old_enough():
    have = Batch(["new", "old"], [], [990.0, 100.0])
    assert kinds(Batch(["x"]), have, unexpected_after_s=60.0) == {
        "old": ("unexpected", "not expected"),
        "x": ("missing", ""),
    }
    assert set(kinds(Batch(["x"]), Batch(["y"]), unexpected_after_s=60.0)) == {"x", "y"}


def test_a_copy_has_to_have_the_same_sizes_checksums_and_be_as_new():
    keys = ["a", "b", "c", "d", "e"]
    should = Batch(keys, [10, 10, 10, 10, 10], [500.0] * 5, ["1", "2", "3", "4", ""])
    have = Batch(keys, [10, 9, 11, 10, 10], [500.0, 500.0, 500.0, 500.0, 400.0], ["1", "2", "3", "x", "5"])
    assert kinds(should, have, like=True) == {
        "b": ("truncated", "9 bytes, should be 10"),
        "c": ("corrupt", "11 bytes, should be 10"),
        "d": ("corrupt", "checksum x, should be 4"),
        "e": ("stale", "older than what it is a copy of"),
    }
    assert kinds(should, should, like=True) == {}


def test_what_our_own_tasks_have_put_there_since_counts_as_there():
    assert kinds(Batch(["a", "b"]), Batch(["c"]), filled={"a"}, unexpected_after_s=0.0).keys() == {"b", "c"}


@pytest.mark.parametrize(
    ("checks", "like", "said"),
    [
        (Checks(size_min=Bytes(1)), False, "checks.size_min needs sizes"),
        (Checks(fresh_within=Seconds(1)), False, "checks.fresh_within needs times"),
        (Checks(records_min=1), False, "checks.records_min needs records"),
        (Checks(), True, "like needs sizes"),
    ],
)
def test_a_check_of_what_the_source_does_not_give_is_an_error_and_no_gap(checks, like, said):
    with pytest.raises(NoColumn, match=said):
        kinds(Batch(["a"]), Batch(["a"]), checks=checks, like=like)


def test_the_first_gaps_are_kept_and_all_are_counted():
    fill = Fill(task="t", order="key", rules=[Rule(kinds=["stale"], priority="critical")])
    found = collector(fill, kept=3, given_up={"a"})
    found.add_missing(["a", "b", "c", "d"])
    compare(iter([Batch(["z"])]), iter([Batch(["z"], [], [0.0])]), rules(checks=Checks(fresh_within=Seconds(1))), found)
    assert [gap.key for gap in found.gaps()] == ["z", "b", "c"]
    assert found.counts == {"missing": 4, "corrupt": 0, "truncated": 0, "stale": 1, "unexpected": 0}


def test_rules_and_order_go_by_the_date_of_a_key():
    dates = {"new": datetime(2024, 1, 31), "old": datetime(2020, 1, 1)}  # noqa: DTZ001
    fill = Fill(task="t", rules=[Rule(newer_than=Seconds(7 * 86_400), priority="high")])
    for by_date, first in ((Fill(task="t", order="newest"), "new"), (Fill(task="t", order="oldest"), "old")):
        same = collector(by_date, date_of=dates.get)
        same.add_missing(["new", "old"])
        assert same.gaps()[0].key == first
    ranked = collector(fill, date_of=dates.get)
    ranked.add_missing(["new", "old", "none"])
    assert {gap.key: gap.priority for gap in ranked.gaps()} == {"new": "high", "old": "medium", "none": "medium"}


@given(STREAM, STREAM)
def test_the_difference_of_two_inventories_is_what_sets_say(before, now):
    change = difference(stream(before), stream(now))
    was, is_ = set(flat(stream(before))), set(flat(stream(now)))
    assert (change.before, change.appeared, change.vanished) == (len(was), len(is_ - was), len(was - is_))


def test_a_changed_row_is_counted():
    before, now = Batch(["a", "b", "c"], [1, 2, 3]), Batch(["b", "c", "d"], [2, 4, 5])
    change = difference(iter([before]), iter([now]))
    assert (change.appeared, change.vanished, change.changed) == (1, 1, 1)
    assert difference(iter([before]), iter([Batch(["a", "b", "c"], [1, 2, 9])])).changed == 1


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        (Counts(had=100, vanished=20, should_before=100, should=100), ""),
        (Counts(had=100, vanished=21, should_before=100, should=100), "21 of 100 keys are gone at once, more than 20%"),
        (Counts(had=12, vanished=10, should_before=12, should=12), ""),
        (Counts(had=12, vanished=11, should_before=12, should=12), "11 of 12 keys are gone at once, more than 20%"),
        (Counts(had=0, vanished=0, should_before=0, should=5), ""),
        (Counts(had=0, vanished=0, should_before=100, should=80), ""),
        (
            Counts(had=0, vanished=0, should_before=100, should=70),
            "70 keys are expected, where 100 were: 20% fewer at most",
        ),
    ],
)
def test_a_look_is_doubted_when_too_much_is_gone(counts, said):
    settings = DatasetSettings(keys="a", have=Source(files=FilesSource(root=".")), shrink_max=Share(0.2))
    assert doubt(counts, settings) == said
