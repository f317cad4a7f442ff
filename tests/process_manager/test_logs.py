import os
from pathlib import Path

import pytest

from actors.process_manager.logs import open_log, tail


@pytest.fixture
def log(tmp_path):
    return str(tmp_path / "web.log")


def write(path, text, mode="wb"):
    with Path(path).open(mode) as file:
        file.write(text)


def read(path):
    return Path(path).read_bytes()


def names(log):
    return sorted(path.name for path in Path(log).parent.iterdir())


def test_the_last_lines_are_given_oldest_first(log):
    write(log, b"".join(b"%d\n" % number for number in range(100_000)))
    assert tail(log, 3, 4096) == ["99997", "99998", "99999"]


def test_a_last_line_without_an_end_is_a_line(log):
    write(log, b"one\ntwo\nthr")
    assert tail(log, 2, 4096) == ["two", "thr"]


def test_fewer_lines_than_asked_for_are_all_of_them(log):
    write(log, b"one\n\nthree\n")
    assert tail(log, 20, 4096) == ["one", "", "three"]


def test_only_what_lies_between_two_offsets_is_shown(log):
    write(log, b"old\nmine\nmine too\nnew\n")
    assert tail(log, 20, 4096, start=4, end=18) == ["mine", "mine too"]
    assert tail(log, 20, 4096, start=4, end=4) == []
    assert tail(log, 20, 4096, start=400) == []


def test_bytes_that_are_no_text_are_replaced_and_long_lines_cut(log):
    write(log, b"caf\xe9 \xff\n" + b"x" * 10_000 + b"\n")
    assert tail(log, 2, 4096) == ["caf� �", "x" * 4096]


def test_a_line_without_end_costs_no_more_than_it_may(log):
    write(log, b"y" * 5_000_000)
    assert tail(log, 20, 100) == ["y" * 100]


def test_a_log_that_is_missing_or_not_wanted_has_no_lines(log):
    assert tail(log, 20, 4096) == []
    write(log, b"one\n")
    assert tail(log, 0, 4096) == []


def test_a_log_is_appended_to_and_told_how_long_it_was(log):
    write(log, b"12345")
    fd, opened = open_log(log, 1000, 3)
    os.write(fd, b"6")
    os.close(fd)
    assert (opened.size, opened.former_path, opened.former_end) == (5, log, 5)
    assert Path(log).stat().st_size == 6


def test_full_logs_move_on_by_name_and_the_oldest_goes(log):
    for number in range(5):
        write(log, b"%d" % number * 1000)
        fd, _ = open_log(log, 1000, 2)
        os.close(fd)
    assert Path(log).stat().st_size == 0
    assert [read(f"{log}.{number}")[:1] for number in (1, 2)] == [b"4", b"3"]
    assert not Path(f"{log}.3").exists()


def test_without_copies_to_keep_a_full_log_is_begun_afresh(log):
    write(log, b"0" * 1000)
    fd, opened = open_log(log, 1000, 0)
    os.close(fd)
    assert (opened.size, opened.former_end, names(log)) == (0, 0, ["web.log"])


def test_compressed_files_move_on_with_the_others(log):
    write(f"{log}.2.gz", b"two")
    write(f"{log}.3.gz", b"three")
    write(f"{log}.1", b"one")
    write(log, b"0" * 1000)
    fd, _ = open_log(log, 1000, 3)
    os.close(fd)
    assert names(log) == ["web.log", "web.log.1", "web.log.2", "web.log.3.gz"]
    assert read(f"{log}.3.gz") == b"two"
