"""The last lines of a log, with their places."""

import pytest

from actors.process_manager.lookback import LINE_BYTES, PART_BYTES, last_lines


def texts(found):
    return [line.text for line in found]


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "api.log"
    path.write_bytes(b"one\ntwo\r\nthree\xff\nno end")
    return str(path)


def test_lines_come_with_their_places_and_the_one_without_end_is_among_them(log):
    found = last_lines(log, 0, None, 10)
    assert [(line.offset, line.text) for line in found] == [(0, "one"), (4, "two"), (9, "three\ufffd"), (16, "no end")]


def test_only_the_lines_of_a_run_are_given(log):
    assert texts(last_lines(log, 4, 9, 10)) == ["two"]
    assert texts(last_lines(log, 0, None, 2)) == ["three\ufffd", "no end"]
    assert last_lines(log, 0, None, 0) == []


def test_a_log_that_is_missing_or_shorter_has_none(log, tmp_path):
    assert last_lines(str(tmp_path / "none"), 0, None, 10) == []
    assert last_lines(log, 10_000, None, 10) == []


def test_of_a_long_log_the_end_is_read_and_of_a_long_line_the_beginning(tmp_path):
    path = tmp_path / "api.log"
    path.write_bytes(b"x" * 50 + b"\n" + b"first\n" * PART_BYTES + b"y" * 10_000 + b"\n")
    found = last_lines(str(path), 0, None, 1_000_000)
    assert len(found[-1].text) == LINE_BYTES
    assert found[0].text == "first"
    assert path.stat().st_size - found[0].offset <= PART_BYTES
