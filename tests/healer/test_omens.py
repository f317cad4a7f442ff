from hypothesis import given
from hypothesis import strategies as st

from actors.healer.learning import Tally
from actors.healer.lore import Omen
from actors.healer.omens import SIGNS_MAX, Sightings, expected, signs_of
from bus.messages import LogErrorLine, LogLinesRead, ProcessReady, TrendChanged

HELPED = Tally().plus("verified", 1.0).plus("verified", 2.0)
CAN = {"restart": "restart", "hook:mend": "hook:mend"}


def omen(fingerprint="", **counts):
    return Omen(origin="alpha", subject="api", sign="log: a", fingerprint=fingerprint, **counts)


def foreseen(*rows, helped=None):
    tallies = {"f": {"hook:mend": HELPED}} if helped is None else helped
    return expected("log: a", rows, tallies, CAN)


def test_an_error_line_is_a_sign_freed_of_what_changes_and_a_metric_that_gets_worse_is_one():
    lines = ["12:00:01 ERROR queue 17 is full", "12:00:02 ERROR queue 18 is full"]
    read = LogLinesRead(
        subject="api", lines=2, errors=2, read_bytes=9, sample=[LogErrorLine(offset=0, text=text) for text in lines]
    )
    assert signs_of(read) == ["log: <*> ERROR queue <*> is full"]
    worse = TrendChanged(subject="api", metric="latency", trend="degrading", before="stable", slope_per_s=0.1)
    assert signs_of(worse) == ["trend: latency is degrading"]
    better = TrendChanged(subject="api", metric="latency", trend="stable", before="degrading", slope_per_s=0.0)
    assert signs_of(better) == signs_of(ProcessReady(subject="api", pid=1, incarnation=1, after_s=0.1)) == []


def test_a_sign_counts_once_in_its_window():
    seen = Sightings()
    assert seen.new("api", ["a", "b"], 0.0, 10.0) == ["a", "b"]
    assert seen.new("api", ["a", "c"], 5.0, 10.0) == ["c"]
    assert seen.new("web", ["a"], 5.0, 10.0) == ["a"]
    assert seen.new("api", ["a"], 10.5, 10.0) == ["a"]


def test_what_came_just_ahead_of_a_failure_or_long_before_it_did_not_announce_it():
    seen = Sightings()
    seen.new("api", ["old"], 0.0, 100.0)
    seen.new("api", ["right"], 60.0, 100.0)
    seen.new("api", ["part of it"], 99.5, 100.0)
    assert seen.before("api", 100.0, 2.0, 50.0) == {"right": 40.0}
    assert seen.before("api", 100.0, 2.0, 50.0) == {}


def test_of_a_flood_of_different_lines_only_some_are_signs():
    seen = Sightings()
    assert len(seen.new("api", [str(number) for number in range(1000)], 0.0, 10.0)) == SIGNS_MAX
    assert seen.new("api", ["one more"], 1.0, 10.0) == []


def test_a_failure_that_followed_twice_is_foreseen_with_what_helped_twice():
    found = foreseen(omen(seen=3), omen("f", preceded=2))
    assert found is not None
    assert (found.fingerprint, found.remedy, found.preceded, found.seen, found.helped) == ("f", "hook:mend", 2, 3, 2)


def test_once_is_chance_and_so_is_what_mostly_is_followed_by_nothing():
    assert foreseen(omen(seen=1), omen("f", preceded=1)) is None
    assert foreseen(omen(seen=5), omen("f", preceded=2)) is None
    assert foreseen(omen(seen=5), omen("f", preceded=2, prevented=1))


def test_what_did_not_prevent_it_more_often_than_it_did_is_given_up():
    assert foreseen(omen(seen=4), omen("f", preceded=2, missed=1)) is None
    assert foreseen(omen(seen=4), omen("f", preceded=2, missed=1, prevented=1))


def test_a_remedy_that_helped_once_or_failed_the_last_time_or_can_not_be_done_beforehand_is_not_done():
    rows = omen(seen=2), omen("f", preceded=2)
    assert foreseen(*rows, helped={"f": {"hook:mend": Tally().plus("verified", 1.0)}}) is None
    assert foreseen(*rows, helped={"f": {"hook:mend": HELPED.plus("failed", 3.0)}}) is None
    assert foreseen(*rows, helped={"f": {"clear_lock": HELPED}}) is None
    assert foreseen(*rows, helped={}) is None


def test_the_failure_that_followed_more_often_comes_first():
    rows = omen(seen=5), omen("f", preceded=2), omen("g", preceded=3)
    found = foreseen(*rows, helped={"f": {"hook:mend": HELPED}, "g": {"restart": HELPED}})
    assert found is not None
    assert found.fingerprint == "g"


COUNTS = st.integers(0, 6)


@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_nothing_is_foreseen_that_did_not_follow_at_least_twice(seen, preceded, prevented, missed):
    found = foreseen(omen(seen=seen), omen("f", preceded=preceded, prevented=prevented, missed=missed))
    assert found is None or (preceded + missed >= 2 and missed <= prevented)
