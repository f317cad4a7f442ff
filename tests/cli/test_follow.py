import contextlib
import json
import os
import subprocess
import sys
import threading

import pytest

from actors.cli import follow
from actors.cli.follow import Follower, tail
from actors.cli.forms import Lines, as_object
from actors.process_manager.logs import open_log
from actors.process_manager.rotation import Limits, rotate


def read(follower):
    return b"".join(follower.look())


def append(path, text):
    with path.open("ab") as file:
        file.write(text)


MILLION = """
import os
for first in range(0, 10**6, 50):
    os.write(1, b"".join(b"%099d\\n" % number for number in range(first, first + 50)))
"""
"""Writes a million lines of a hundred bytes."""


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


def test_what_is_written_between_the_tail_and_the_following_is_there_once(tmp_path, monkeypatch):
    log = tmp_path / "web.log"
    log.write_bytes(b"one\ntwo\n")

    def written_meanwhile(*given):
        with log.open("ab") as file:
            file.write(b"three\n")
        return tail(*given)

    monkeypatch.setattr(follow, "tail", written_meanwhile)
    last, follower = follow.tail_and_on(log, 5)
    with contextlib.closing(follower):
        assert (last, b"".join(follower.look())) == (b"one\ntwo\n", b"three\n")


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
    assert rotate(str(log), Limits(1000, 99)).taken > 0
    append(log, b"added\n")
    assert read(follower) == b"unread\nadded\n"


def test_a_file_that_is_emptied_is_followed_from_its_new_beginning(log, follower):
    append(log, b"seen\n")
    assert read(follower) == b"seen\n"
    log.write_bytes(b"")
    append(log, b"new\n")
    assert read(follower) == b"new\n"


def test_a_follower_that_is_slow_gets_all_that_was_rotated_meanwhile_once(log, follower):
    assert read(follower) == b""
    written = b""
    for _ in range(5):
        for number in range(2000):
            line = b"%06d %s\n" % (number, b"x" * 90)
            append(log, line)
            written += line
        rotate(str(log), Limits(50_000, 99, compress=True))
    assert read(follower) == written


def test_a_follower_reads_a_million_lines_while_they_are_written_and_rotated(log):
    follower = Follower(log, 0)
    assert read(follower) == b"one\ntwo\n"
    with log.open("ab") as output:
        writer = subprocess.Popen([sys.executable, "-c", MILLION], stdout=output)
    stop = threading.Event()

    def rotating():
        while not stop.is_set():
            rotate(str(log), Limits(1_000_000, 200))

    rotator = threading.Thread(target=rotating)
    rotator.start()
    got = []
    try:
        while writer.poll() is None:
            got.append(read(follower))
    finally:
        stop.set()
        rotator.join()
        got.append(read(follower))
        follower.close()
    assert [int(line) for line in b"".join(got).splitlines()] == list(range(1_000_000))


def test_nothing_is_missed_when_the_file_is_renamed_twice_between_two_looks(log, follower):
    assert read(follower) == b""
    for word in (b"first\n", b"second\n", b"third\n"):
        append(log, word)
        os.close(open_log(str(log), size_max=1, keep=5)[0])
    append(log, b"last\n")
    assert read(follower) == b"first\nsecond\nthird\nlast\n"


def test_lines_become_objects_wherever_a_block_ends():
    objects = Lines(as_object)
    blocks = [b'plain\n{"level": "warn"}\n{brok', "en\ncaf\u00e9".encode()]
    out = b"".join(objects.take("web", block) for block in blocks) + objects.rest()
    assert [json.loads(line) for line in out.splitlines()] == [
        {"workload": "web", "line": "plain"},
        {"workload": "web", "fields": {"level": "warn"}},
        {"workload": "web", "line": "{broken"},
        {"workload": "web", "line": "caf\u00e9"},
    ]
    assert objects.rest() == b""
