import os

import pytest

from actors.cli.follow import Follower, tail
from actors.process_manager.logs import open_log, rotate_in_place


def read(follower):
    return b"".join(follower.look())


def append(path, text):
    with path.open("ab") as file:
        file.write(text)


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "web.log"
    path.write_bytes(b"one\ntwo\n")
    return path


@pytest.fixture
def follower(log):
    follower = Follower(log, log.stat().st_size)
    yield follower
    follower.close()


def test_a_tail_gives_the_last_lines(log):
    assert tail(log, 1) == b"two\n"
    assert tail(log, 9) == b"one\ntwo\n"
    assert tail(log, 0) == b""


def test_a_tail_goes_on_in_the_rotated_file_when_the_present_one_is_short(log):
    log.with_name("web.log.1").write_bytes(b"older\nold\n")
    assert tail(log, 3) == b"old\none\ntwo\n"


def test_a_tail_of_many_long_lines_is_exact(log):
    lines = [b"%d %s\n" % (number, b"x" * 500) for number in range(1000)]
    log.write_bytes(b"".join(lines))
    assert tail(log, 300) == b"".join(lines[-300:])


def test_a_tail_of_nothing_is_nothing(tmp_path):
    assert tail(tmp_path / "none.log", 5) == b""


def test_what_is_added_is_given_once(log, follower):
    append(log, b"three\n")
    assert read(follower) == b"three\n"
    assert read(follower) == b""


def test_a_file_that_comes_later_is_followed_from_its_beginning(tmp_path):
    follower = Follower(tmp_path / "late.log", 0)
    assert read(follower) == b""
    (tmp_path / "late.log").write_bytes(b"here\n")
    assert read(follower) == b"here\n"
    follower.close()


def test_nothing_is_missed_when_the_file_is_renamed(log, follower):
    assert read(follower) == b""
    append(log, b"before\n")
    fd, _ = open_log(str(log), size_max=1, keep=2)
    os.write(fd, b"after\n")
    os.close(fd)
    assert read(follower) == b"before\nafter\n"
    append(log, b"more\n")
    assert read(follower) == b"more\n"


def test_nothing_is_missed_when_the_file_is_cut_in_place_while_it_is_written(log, follower):
    written = b""
    for number in range(2000):
        line = b"%06d %s\n" % (number, b"x" * 90)
        append(log, line)
        written += line
    assert read(follower) == written
    append(log, b"unread\n")
    assert rotate_in_place(str(log), size_max=1000, keep=2) > 0
    append(log, b"added\n")
    assert read(follower) == b"unread\nadded\n"


def test_a_file_that_is_emptied_is_followed_from_its_new_beginning(log, follower):
    append(log, b"seen\n")
    assert read(follower) == b"seen\n"
    log.write_bytes(b"")
    append(log, b"new\n")
    assert read(follower) == b"new\n"
