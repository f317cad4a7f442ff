"""Which times a schedule means: over changes to and from summer time, missed, set back; and windows."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.settings import Schedule, Seconds, Window
from actors.timetable import BACKWARD_S, LATE_S, following, look, makes_up, opening, said_time
from actors.zones import zone

BERLIN = ZoneInfo("Europe/Berlin")
NIGHTLY = Schedule(cron="30 2 * * *", timezone="Europe/Berlin")
HOURLY = Schedule(cron="0 * * * *", timezone="Europe/Berlin")
EVERY = Schedule(every=Seconds(60))


def at(*parts: int, fold: int = 0) -> float:
    return datetime(*parts, tzinfo=BERLIN, fold=fold).timestamp()  # type: ignore[misc,arg-type]


def times(schedule: Schedule, begin_s: float, number: int) -> list[str]:
    found = []
    for _ in range(number):
        begin_s = following(schedule, begin_s, begin_s, zone)
        found.append(datetime.fromtimestamp(begin_s, BERLIN).isoformat())
    return found


def test_a_time_that_summer_time_leaves_out_is_made_up_for_at_once():
    assert times(NIGHTLY, at(2026, 3, 28, 0), 3) == [
        "2026-03-28T02:30:00+01:00",
        "2026-03-29T03:00:00+02:00",
        "2026-03-30T02:30:00+02:00",
    ]


def test_a_time_that_comes_twice_counts_once_and_every_hour_counts_each():
    assert times(NIGHTLY, at(2026, 10, 24, 3), 2) == ["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"]
    assert times(HOURLY, at(2026, 10, 25, 1), 3) == [
        "2026-10-25T02:00:00+02:00",
        "2026-10-25T02:00:00+01:00",
        "2026-10-25T03:00:00+01:00",
    ]


def test_a_look_shows_what_is_due_once():
    planned = at(2026, 1, 5, 2, 30)
    early = look(NIGHTLY, planned - 3600, planned - 0.3, zone)
    assert (early.due_s, early.missed_s, early.next_s) == (None, None, planned)
    due = look(NIGHTLY, early.decided_s, planned + 0.1, zone)
    assert (due.due_s, due.missed_s, due.decided_s) == (planned, None, planned)
    again = look(NIGHTLY, due.decided_s, planned + 0.2, zone)
    assert (again.due_s, again.missed_s, again.next_s) == (None, None, at(2026, 1, 6, 2, 30))


def test_what_is_longer_past_than_a_look_takes_was_missed_and_only_the_last_one_counts():
    planned = at(2026, 1, 5, 2, 30)
    seen = look(NIGHTLY, planned - 5 * 86_400, planned + LATE_S + 1, zone)
    assert (seen.due_s, seen.missed_s, seen.decided_s) == (None, planned, planned)


@pytest.mark.parametrize(
    ("missed", "ago_s", "made_up"), [("skip", 10, False), ("run_once", 10, True), ("run_once", 3601, False)]
)
def test_a_missed_time_is_made_up_for_as_the_policy_says(missed, ago_s, made_up):
    schedule = Schedule(cron="0 * * * *", missed=missed, missed_within=Seconds(3600))
    assert makes_up(schedule, 1000.0, 1000.0 + ago_s) is made_up


def test_a_clock_that_goes_back_a_little_repeats_nothing_and_one_that_goes_back_far_begins_afresh():
    planned = at(2026, 1, 5, 2, 30)
    little = look(NIGHTLY, planned, planned - 1800, zone)
    assert (little.due_s, little.next_s) == (None, at(2026, 1, 6, 2, 30))
    far = look(NIGHTLY, planned, planned - BACKWARD_S - 1, zone)
    assert (far.due_s, far.next_s) == (None, planned)


def test_an_interval_counts_from_what_was_decided_last():
    assert look(EVERY, 100.0, 159.9, zone).due_s is None
    assert look(EVERY, 100.0, 160.0, zone).due_s == 160.0
    late = look(EVERY, 100.0, 1000.0, zone)
    assert (late.due_s, late.decided_s, late.next_s) == (1000.0, 1000.0, 1060.0)
    later = look(Schedule(every=Seconds(600)), 100.0, 790.0, zone)
    assert (later.due_s, later.missed_s, later.next_s) == (None, 700.0, 1300.0)


@given(st.floats(0, 4e9), st.floats(0, 1e6), st.integers(1, 100_000))
@settings(deadline=None)
def test_the_next_time_of_an_interval_is_ahead_and_at_most_one_interval_away(anchor_s, since_s, every_s):
    next_s = following(Schedule(every=Seconds(every_s)), anchor_s + since_s, anchor_s, zone)
    assert anchor_s + since_s < next_s + 1e-3
    assert next_s <= anchor_s + since_s + every_s + 1e-3


@given(st.integers(1_600_000_000, 2_000_000_000), st.integers(0, 200_000))
@settings(deadline=None, max_examples=60)
def test_looks_at_any_moments_find_each_time_once(begin_s, span_s):
    decided_s, found = float(begin_s), []
    for part in range(1, 8):
        seen = look(HOURLY, decided_s, begin_s + span_s * part / 7, zone)
        decided_s = seen.decided_s
        found += [one for one in (seen.due_s, seen.missed_s) if one is not None]
        assert seen.next_s > begin_s + span_s * part / 7
    assert found == sorted(set(found))


NIGHT = Window(opens="0 22 * * *", lasts=Seconds(8 * 3600), timezone="Europe/Berlin")
MORNING = Window(opens="0 5 * * *", lasts=Seconds(3 * 3600), timezone="Europe/Berlin")


@pytest.mark.parametrize(
    ("now", "open_", "changes"),
    [
        ((2026, 1, 5, 21, 59), False, (2026, 1, 5, 22, 0)),
        ((2026, 1, 5, 22, 0), True, (2026, 1, 6, 8, 0)),
        ((2026, 1, 6, 5, 30), True, (2026, 1, 6, 8, 0)),
        ((2026, 1, 6, 8, 0), False, (2026, 1, 6, 22, 0)),
    ],
)
def test_windows_that_overlap_count_as_one(now, open_, changes):
    seen = opening([NIGHT, MORNING], at(*now), zone)
    assert (seen.open, seen.changes_s) == (open_, at(*changes))


def test_windows_without_a_gap_are_not_followed_for_ever():
    seen = opening([Window(opens="* * * * *", lasts=Seconds(60))], 1_700_000_000.0, zone)
    assert seen.open
    assert seen.changes_s > 1_700_000_000 + 86_400


def test_a_time_is_said_with_its_date_on_another_day_only():
    now_s = at(2026, 1, 5, 12)
    assert said_time(at(2026, 1, 5, 14, 5), BERLIN, now_s) == "14:05"
    assert said_time(at(2026, 1, 6, 14, 5, 9), BERLIN, now_s) == "2026-01-06 14:05:09"


def test_zones_are_those_of_the_machine_or_named(monkeypatch):
    zone.cache_clear()
    try:
        monkeypatch.setenv("TZ", "Europe/Berlin")
        assert zone(None) == BERLIN
        zone.cache_clear()
        monkeypatch.setenv("TZ", "No/Where")
        assert zone(None) == UTC
        with pytest.raises(ValueError, match='no time zone "Mars/Base" on this machine'):
            zone("Mars/Base")
        for nothing in ("", "../etc/passwd", "Europe"):
            with pytest.raises(ValueError, match="no time zone"):
                zone(nothing)
    finally:
        zone.cache_clear()
