import os
import random

import pytest

from actors.process_manager.increments import Place, end_of, read_on
from actors.process_manager.logs import open_log
from actors.process_manager.rotation import Limits, compress_older, rotate

PLENTY = 1 << 30


@pytest.fixture
def log(tmp_path):
    """A log that is written to as a workload does: through one descriptor that stays open."""
    path = str(tmp_path / "web.log")
    opened = [os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)]

    class Log:
        def __init__(self):
            self.path = path
            self.place = Place()
            self.lines = 0

        def write(self, raw: bytes):
            os.write(opened[-1], raw)

        def add(self, count: int):
            """Numbered lines of 100 bytes."""
            self.write(b"".join(b"%-99d\n" % (self.lines + number) for number in range(count)))
            self.lines += count

        def read(self, bytes_max=PLENTY):
            """The text that was added, and the bytes that were skipped."""
            found = read_on(path, self.place, bytes_max)
            if found is None:
                return b"", 0
            self.place = found.place
            return found.text, found.skipped

        def numbers(self):
            text, skipped = self.read()
            assert skipped == 0
            return [int(line) for line in text.splitlines()]

        def respawn(self, size_max):
            """Another process is started, which may rename the file."""
            opened.append(open_log(path, size_max, 5)[0])

    yield Log()
    for fd in opened:
        os.close(fd)


def test_lines_are_read_once_and_one_without_end_is_left_for_later(log):
    log.write(b"one\ntwo\nthr")
    assert log.read() == (b"one\ntwo\n", 0)
    assert log.read() == (b"", 0)
    log.write(b"ee\n")
    assert log.read() == (b"three\n", 0)
    assert read_on(log.path, log.place, PLENTY) is None


def test_it_begins_at_the_present_end_and_at_the_front_of_a_log_that_is_not_there_yet(log, tmp_path):
    log.write(b"old\n")
    log.place = end_of(log.path)
    log.write(b"new\n")
    assert log.read() == (b"new\n", 0)
    missing = str(tmp_path / "none.log")
    assert end_of(missing) == Place()
    assert read_on(missing, Place(), PLENTY) is None


@pytest.mark.parametrize("readings", ["before", "after", "both"])
def test_nothing_is_missed_or_read_twice_when_its_front_is_cut_out(log, readings):
    seen = []
    log.add(3000)
    if readings != "after":
        seen += log.numbers()
    log.add(500)
    assert rotate(log.path, Limits(100_000, 5)).taken
    if readings != "before":
        seen += log.numbers()
    log.add(700)
    assert seen + log.numbers() == list(range(4200))


def test_nothing_is_missed_when_it_is_renamed_once_or_twice(log):
    log.add(10)
    seen = log.numbers()
    log.add(5)
    log.respawn(100)
    log.add(5)
    log.respawn(100)
    log.add(1)
    assert seen + log.numbers() == list(range(21))


def test_a_line_torn_by_renaming_is_read_as_one(log):
    log.write(b"one\ntw")
    assert log.read() == (b"one\n", 0)
    log.respawn(1)
    assert log.read() == (b"", 0)
    log.write(b"o\nthree\n")
    assert log.read() == (b"two\nthree\n", 0)


def test_any_order_of_writing_cutting_renaming_and_reading_gives_each_line_once(log):
    chance = random.Random(7)
    seen = []
    for _ in range(300):
        match chance.randrange(8):
            case 0:
                rotate(log.path, Limits(chance.choice([10_000, 50_000]), 8))
            case 1:
                seen += log.numbers()
                log.respawn(30_000)
            case 2 | 3:
                seen += log.numbers()
            case _:
                log.add(chance.randrange(1, 200))
    assert seen + log.numbers() == list(range(log.lines))


def test_of_more_than_it_may_read_the_newest_whole_lines_are_read_and_the_rest_is_counted(log):
    log.add(1000)
    text, skipped = log.read(bytes_max=1050)
    assert [int(line) for line in text.splitlines()] == list(range(990, 1000))
    assert skipped == 99_000
    assert len(text) + skipped == 100_000
    log.add(1)
    assert log.numbers() == [1000]


def test_a_line_without_end_that_is_too_long_is_skipped(log):
    log.write(b"x" * 5000)
    assert log.read(bytes_max=1000) == (b"", 5000)
    log.write(b"end\nnext\n")
    assert log.read(bytes_max=1000) == (b"end\nnext\n", 0)


def test_a_log_that_somebody_emptied_is_read_from_its_front(log):
    log.write(b"one\ntwo\n")
    log.read()
    os.truncate(log.path, 0)
    log.write(b"new\n")
    assert log.read() == (b"new\n", 0)


def test_what_was_compressed_or_taken_away_before_it_was_read_is_passed_over(log):
    log.add(3000)
    assert rotate(log.path, Limits(100_000, 2)).taken
    log.add(1)
    text, skipped = log.read()
    assert [int(line) for line in text.splitlines()][-1] == 3000
    assert len(text) + skipped == 300_100, "one file of the three was kept too short a time"
    for _ in range(3):
        log.add(50)
        log.respawn(1)
    compress_older(log.path, 5)
    log.add(1)
    assert log.numbers()[-1] == log.lines - 1
