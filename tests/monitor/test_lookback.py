from array import array

import pytest

from actors.monitor.lookback import Archived, Fresh, Nature, Window, look_back
from actors.monitor.rollup import rolled_up

T0 = 1_700_006_400.0
NONE = Archived(60, {}, 0.0)


def fresh(begin, end, step_s=10, value=lambda at: at):
    times = range(begin, end, step_s)
    return {"cpu": Fresh(array("d", (T0 + at for at in times)), array("d", map(value, times)))}


def archived(begin, end, grain=60, written=None, value=lambda at: at):
    """Readings each 10 s, by the minute or the hour."""
    times = range(begin, end, 10)
    bands = rolled_up(array("d", (T0 + at for at in times)), {"cpu": array("d", map(value, times))}, grain)
    return Archived(grain, bands, T0 + (end - 10 if written is None else written))


def look(live, kept, *, since=0, until=3600, points=1000, nature=None):
    window = Window(T0 + since, T0 + until, points, 0.05)
    rows = look_back(("web", "workload"), live, kept, window, {"cpu": nature} if nature else {})
    return rows[0] if rows else None


def at(row):
    return [time - T0 for time in row.times]


def test_readings_in_memory_are_told_one_by_one():
    row = look(fresh(0, 60), NONE)
    assert (row.subject, row.scope, row.metric, row.step_s, row.unit) == ("web", "workload", "cpu", 0.0, "")
    assert at(row) == [0, 10, 20, 30, 40, 50]
    assert row.counts == [1] * 6
    assert row.lows == row.means == row.highs == [0, 10, 20, 30, 40, 50]
    assert (row.lowest, row.mean, row.highest, row.last) == (0, 25, 50, 50)


def test_too_many_readings_are_taken_together():
    row = look(fresh(0, 3600), NONE, points=60)
    assert row.step_s == 60
    assert len(row.times) == 60
    assert (row.counts[0], row.lows[0], row.means[0], row.highs[0]) == (6, 0, 25, 50)
    assert (row.lowest, row.mean, row.highest, row.last) == (0, 1795, 3590, 3590)


def test_what_was_before_the_window_is_left_out():
    assert at(look(fresh(0, 100), NONE, since=75)) == [80, 90]
    assert look(fresh(0, 100), NONE, since=200) is None
    assert look({}, NONE) is None


def test_readings_of_before_a_restart_come_by_the_minute_and_each_counts_once():
    row = look(fresh(300, 600), archived(0, 480, written=470))
    assert row.step_s == 60
    assert at(row) == [60 * minute for minute in range(10)]
    assert row.counts == [6] * 10
    assert (row.lowest, row.highest, row.last) == (0, 590, 590)


def test_a_minute_that_is_partly_written_counts_whole():
    row = look(fresh(300, 600), archived(0, 500, written=490))
    assert row.counts == [6] * 10
    assert row.means[8] == pytest.approx(505)


def test_an_archive_that_reaches_no_further_than_memory_adds_nothing():
    assert look(fresh(0, 600), archived(0, 480)).step_s == 0.0
    assert look(fresh(30, 600), archived(0, 480)).step_s == 0.0, "the same minute"
    assert look(fresh(60, 600), archived(0, 480)).step_s == 60


def test_what_is_only_in_the_archive_is_told_from_there():
    row = look({}, archived(0, 600))
    assert len(row.times) == 10
    assert row.last == 565, "the mean of the last minute"


def test_hours_take_in_what_is_not_written_yet():
    row = look(fresh(7200, 9000), archived(0, 8100, grain=3600, written=8090), until=9000)
    assert row.step_s == 3600
    assert at(row) == [0, 3600, 7200]
    assert row.counts == [360, 360, 180]
    assert row.last == 8990


def test_points_of_the_archive_are_taken_together_when_too_many_are_asked_for():
    row = look({}, archived(0, 36_000), until=36_000, points=12)
    assert row.step_s == 3600
    assert row.counts == [360] * 10
    assert row.means[1] == pytest.approx(5395)


def test_the_trend_is_that_of_the_time_asked_for():
    row = look(fresh(0, 3600), NONE, nature=Nature("falling", "bytes"))
    assert (row.trend, row.unit) == ("improving", "bytes")
    assert row.slope_per_s == pytest.approx(1.0)
    assert look(fresh(0, 3600, value=lambda _: 5.0), NONE).trend == "stable"
    assert look(fresh(0, 50), NONE).trend is None
    window = Window(T0, T0 + 3600, 1000, 0.05)
    (uptime,) = look_back(("web", "workload"), {"uptime": fresh(0, 3600)["cpu"]}, NONE, window, {})
    assert uptime.trend is None


def test_metrics_are_told_in_the_order_of_their_names():
    live = {"b": fresh(0, 20)["cpu"], "a": fresh(0, 20)["cpu"]}
    window = Window(T0, T0 + 60, 10, 0.05)
    kept = Archived(60, {"c": archived(0, 10).bands["cpu"]}, T0)
    assert [row.metric for row in look_back(("web", "workload"), live, kept, window, {})] == ["a", "b", "c"]
