import contextlib
import sqlite3
from array import array

import pytest

from actors.monitor.archive import DAY, HOUR, MINUTE, Archive, ArchiveFailed, Kept, Key
from actors.monitor.rollup import rolled_up

WEB = Key("workload", "web")
OFF = Key("workload", "off")
T0 = 1_700_006_400.0  # a day begins
EVER = Kept(1000 * DAY, 1000 * DAY, 1000 * DAY, 1e12)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "history.db"


@pytest.fixture
def archive(path):
    with contextlib.closing(Archive(path, lambda: T0, 0.0)) as opened:
        yield opened


def put(archive, begin, end, *, key=WEB, step_s=10, value=lambda at: at - T0, metric="memory"):
    """Readings from begin up to, not with, end, both seconds after T0, in one write."""
    times = array("d", (T0 + at for at in range(begin, end, step_s)))
    values = array("d", map(value, times))
    archive.write(lambda _: [(key, rolled_up(times, {metric: values}, MINUTE))], float(end))


def points(archive, since=0.0, step_s=0.0, key=WEB, wanted=None):
    """Grain, metric -> (count, low, mean, high) by seconds after T0."""
    grain, found, _ = archive.read(key, wanted, T0 + since, step_s)
    return grain, {
        metric: {
            number * grain - T0: (count, low, mean, high)
            for number, count, low, mean, high in zip(
                band.numbers, band.counts, band.lows, band.means, band.highs, strict=True
            )
        }
        for metric, band in found.items()
    }


def rows(path, grain):
    with contextlib.closing(sqlite3.connect(path)) as database:
        return database.execute("SELECT span, done FROM piece WHERE grain = ? ORDER BY span", (grain,)).fetchall()


def test_what_is_written_is_read_by_the_minute(archive):
    put(archive, 0, 90)
    put(archive, 90, 180)
    assert points(archive) == (
        MINUTE,
        {"memory": {0.0: (6, 0, 25, 50), 60.0: (6, 60, 85, 110), 120.0: (6, 120, 145, 170)}},
    )
    assert archive.written_s == 180.0
    assert points(archive, since=120)[1] == {"memory": {120.0: (6, 120, 145, 170)}}


def test_it_is_there_when_the_file_is_opened_again(archive, path):
    put(archive, 0, 60)
    archive.close()
    with contextlib.closing(Archive(path, lambda: T0, 0.0)) as again:
        assert points(again)[1] == {"memory": {0.0: (6, 0, 25, 50)}}


def test_of_several_metrics_only_the_wanted_are_read(archive):
    put(archive, 0, 60)
    put(archive, 0, 60, metric="cpu")
    put(archive, 0, 60, metric="fds", key=OFF)
    assert points(archive, wanted=["cpu", "fds"])[1].keys() == {"cpu"}
    assert points(archive, key=Key("host", "host")) == (MINUTE, {})
    assert archive.metrics(OFF) == {"fds"}
    assert archive.metrics(Key("host", "host")) == set()


def test_the_minutes_of_an_hour_that_is_over_become_one_row_and_one_point_by_the_hour(archive, path):
    for begin in range(0, 2 * HOUR, 300):
        put(archive, begin, begin + 300)
    archive.tidy([WEB], EVER, T0 + 1.5 * HOUR)
    first = int(T0 // HOUR)
    assert rows(path, MINUTE) == [(first, 1), *[(first + 1, 0)] * 12]
    assert len(points(archive)[1]["memory"]) == 120
    grain, found = points(archive, step_s=HOUR)
    assert grain == HOUR
    assert found["memory"][0.0] == (360, 0, 1795, 3590)
    assert found["memory"][3600.0] == (360, 3600, 5395, 7190), "also of an hour that is not over"


def test_the_hours_of_a_day_that_is_over_become_one_row(archive, path):
    for hour in range(26):
        put(archive, hour * HOUR, hour * HOUR + 60)
        archive.tidy([WEB], EVER, T0 + (hour + 1) * HOUR)
    day = int(T0 // DAY)
    assert rows(path, HOUR) == [(day, 1), (day + 1, 0), (day + 1, 0)]
    assert list(points(archive, step_s=HOUR)[1]["memory"]) == [hour * 3600.0 for hour in range(26)]


def test_readings_that_come_after_their_hour_was_closed_count_too_and_once(archive, path):
    put(archive, 0, 1800)
    archive.tidy([WEB], EVER, T0 + HOUR)
    put(archive, 1800, 3600)  # as after the wall clock was set back
    archive.tidy([WEB], EVER, T0 + HOUR)
    assert points(archive, step_s=HOUR)[1] == {"memory": {0.0: (360, 0, 1795, 3590)}}
    assert len(points(archive)[1]["memory"]) == 60
    assert rows(path, MINUTE) == [(int(T0 // HOUR), 1)]


def test_minutes_leave_before_hours_and_the_hours_are_read_where_only_they_reach(archive):
    for hour in range(5):
        put(archive, hour * HOUR, hour * HOUR + HOUR, step_s=60)
    archive.tidy([WEB], Kept(2 * HOUR, DAY, DAY, 1e12), T0 + 5 * HOUR)
    assert points(archive, since=3.5 * HOUR)[0] == MINUTE
    grain, found = points(archive)
    assert (grain, len(found["memory"])) == (HOUR, 5)
    archive.tidy([WEB], Kept(2 * HOUR, DAY, DAY, 1e12), T0 + 2.1 * DAY)
    assert points(archive) == (MINUTE, {})


def test_of_what_is_too_much_the_oldest_minutes_go_first(archive):
    for hour in range(20):
        put(archive, hour * HOUR, hour * HOUR + HOUR, value=lambda at: (at * 7919.37) % 1013)
    small = Kept(DAY * 9, DAY * 9, DAY * 9, 45_000)
    archive.tidy([WEB], small, T0 + 20 * HOUR)
    found = points(archive, since=18.5 * HOUR)
    assert found[0] == MINUTE
    assert len(found[1]["memory"]) == 90
    assert points(archive)[0] == HOUR
    assert len(points(archive)[1]["memory"]) == 20
    archive.tidy([WEB], Kept(DAY * 9, DAY * 9, DAY * 9, 1), T0 + 20 * HOUR)
    assert points(archive) == (MINUTE, {})


def test_the_past_of_a_subject_that_is_gone_ages_out_unless_it_comes_back(archive):
    put(archive, 0, 60)
    put(archive, 0, 60, key=OFF)
    kept = Kept(99 * DAY, 99 * DAY, DAY, 1e12)
    archive.tidy([WEB], kept, T0 + HOUR)
    assert {one.key: (one.since, one.gone) for one in archive.subjects()} == {OFF: (T0, T0 + HOUR), WEB: (T0, None)}
    archive.tidy([WEB, OFF], kept, T0 + 2 * HOUR)
    assert {one.gone for one in archive.subjects()} == {None}
    archive.tidy([WEB], kept, T0 + 3 * HOUR)
    archive.tidy([WEB], kept, T0 + 2 * DAY)
    assert [one.key for one in archive.subjects()] == [WEB]
    assert points(archive, key=OFF) == (MINUTE, {})


def test_the_last_hours_of_everything_are_brought_back(archive):
    put(archive, 0, 2 * HOUR)
    put(archive, 0, 60, key=OFF)
    found = dict(archive.recent(T0 + HOUR))
    assert {key: {metric: len(band) for metric, band in bands.items()} for key, bands in found.items()} == {
        WEB: {"memory": 60},
        OFF: {},
    }


def test_a_write_that_fails_changes_nothing(archive):
    put(archive, 0, 60)

    def broken(_):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        archive.write(broken, 120.0)
    assert archive.written_s == 60.0
    put(archive, 60, 120)
    assert len(points(archive)[1]["memory"]) == 2


def test_a_full_disk_is_said_and_leaves_what_was_there(archive):
    put(archive, 0, 60)
    archive._db.execute("PRAGMA max_page_count = 10")
    with pytest.raises(ArchiveFailed, match="full"):
        put(archive, 60, DAY, value=lambda at: (at * 7919.37) % 1013)
    assert archive.written_s == 60.0
    assert points(archive)[1] == {"memory": {0.0: (6, 0, 25, 50)}}
    archive._db.execute("PRAGMA max_page_count = 1000000")
    put(archive, 60, 120)
    assert archive.written_s == 120.0


def test_a_file_that_is_no_archive_is_put_aside(path):
    path.write_bytes(b"this was something else" * 500)
    with contextlib.closing(Archive(path, lambda: T0, 0.0)) as archive:
        assert archive.set_aside is not None
        assert archive.set_aside.read_bytes().startswith(b"this was something else")
        put(archive, 0, 60)
        assert len(points(archive)[1]["memory"]) == 1


def test_a_file_that_is_damaged_while_it_is_open_is_put_aside_and_a_new_one_begun(path):
    with contextlib.closing(Archive(path, lambda: T0, 0.0)) as archive:
        for hour in range(30):
            put(archive, hour * HOUR, (hour + 1) * HOUR, value=lambda at: (at * 7919.37) % 1013)
        archive._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        archive._db.execute("PRAGMA cache_size = 0")
        with path.open("r+b") as file:
            for page in range(1, path.stat().st_size // 4096):
                file.seek(page * 4096)
                file.write(b"\xff" * 4096)
        with pytest.raises(ArchiveFailed, match="malformed"):
            archive.read(WEB, None, T0, 0.0)
        assert archive.set_aside is not None
        put(archive, 0, 60)
        assert points(archive)[1] == {"memory": {0.0: (6, 0, 25, 50)}}


def test_a_row_that_cannot_be_read_is_left_out(archive):
    put(archive, 0, 60)
    put(archive, 60, 120)
    archive._db.execute("UPDATE piece SET body = x'00' WHERE rowid = 1")
    assert points(archive)[1] == {"memory": {60.0: (6, 60, 85, 110)}}


def test_a_place_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ArchiveFailed):
        Archive(tmp_path / "file" / "history.db", lambda: T0, 0.0)
