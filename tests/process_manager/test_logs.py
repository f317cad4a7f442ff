import itertools
import os
import subprocess
from pathlib import Path

import pytest

from actors.process_manager import logs
from actors.process_manager.logs import collapse, open_log, rotate_in_place, tail

NUMBERS = 'i=0; while [ $i -lt 60000 ]; do echo "line $i"; i=$((i+1)); done'


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


def test_a_log_in_use_is_cut_down_and_no_line_is_lost(log):
    with Path(log).open("ab") as output:
        writer = subprocess.Popen(["sh", "-c", NUMBERS], stdout=output)
    if not can_collapse(log):
        writer.wait()
        pytest.skip("this file system cannot take a range out of a file")
    taken = 0
    while writer.poll() is None:
        taken += rotate_in_place(log, 100_000, 1000) > 0
    assert taken >= 2
    assert parts_in_order(log) == b"".join(b"line %d\n" % number for number in range(60_000))


def can_collapse(log):
    probe = f"{log}.probe"
    write(probe, b"x" * 100_000)
    with Path(probe).open("r+b") as file:
        done = collapse(file.fileno(), 4096)
    Path(probe).unlink()
    return done


def parts_in_order(log):
    numbers = itertools.takewhile(lambda number: Path(f"{log}.{number}").exists(), itertools.count(1))
    files = [*reversed([f"{log}.{number}" for number in numbers]), log]
    return b"".join(read(name) for name in files)


def test_where_no_range_can_be_taken_out_all_is_copied_and_truncated(log, monkeypatch):
    monkeypatch.setattr(logs, "collapse", lambda fd, count: False)
    write(log, b"a" * 10_000)
    with Path(log).open("ab") as writer:
        assert rotate_in_place(log, 10_000, 2) == 10_000
        writer.write(b"after")
    assert read(log) == b"after"
    assert read(f"{log}.1") == b"a" * 10_000


def test_a_log_in_use_keeps_as_many_copies_as_it_should(log):
    for number in range(4):
        write(log, b"%d" % number * 20_000)
        rotate_in_place(log, 10_000, 2)
    assert names(log) == ["web.log", "web.log.1", "web.log.2"]
    write(log, b"x" * 20_000)
    assert rotate_in_place(log, 10_000, 0) > 0
    assert read(f"{log}.1")[:1] == b"3"


def test_a_log_below_its_size_is_left_alone(log):
    write(log, b"a" * 999)
    assert rotate_in_place(log, 1000, 2) == 0
    with pytest.raises(FileNotFoundError):
        rotate_in_place(f"{log}.gone", 1000, 2)
