import gzip
import itertools
import subprocess
import sys
from pathlib import Path

import pytest

from actors.process_manager import rotation
from actors.process_manager.cuts import cut_of, data_start, next_of_older, older_files, read_older
from actors.process_manager.rotation import Limits, Rotated, allocate, rotate, rotate_all

BLOCK = 4096
NUMBERS = 'i=0; while [ $i -lt 60000 ] || [ ! -e enough ]; do echo "line $i"; i=$((i+1)); done; echo $i >count'
COLLAPSE, PUNCH = 0x08, 0x03


MILLION = """
import os
for first in range(0, 10**6, 50):
    os.write(1, b"".join(b"%099d\\n" % number for number in range(first, first + 50)))
"""
"""Writes a million lines of a hundred bytes."""


@pytest.fixture
def log(tmp_path):
    return str(tmp_path / "web.log")


@pytest.fixture(params=["collapse", "punch"])
def way(request, monkeypatch, tmp_path):
    """Both ways of taking something out, where this file system knows them."""
    mode = {"collapse": COLLAPSE, "punch": PUNCH}[request.param]
    probe = tmp_path / "probe"
    probe.write_bytes(b"x" * 3 * BLOCK)
    with probe.open("r+b") as file:
        if not allocate(file.fileno(), mode, 0, BLOCK):
            pytest.skip("this file system does not know it")
    probe.unlink()
    monkeypatch.setattr(rotation, "allocate", lambda fd, wanted, *rest: wanted == mode and allocate(fd, wanted, *rest))
    return request.param


def lines(count, width=64):
    """Some line ends with every block."""
    return b"".join(b"%0*d\n" % (width - 1, number) for number in range(count))


def write(path, content, mode="wb"):
    with Path(path).open(mode) as file:
        file.write(content)


def content(path):
    with Path(path).open("rb") as file:
        file.seek(data_start(file.fileno()))
        return file.read()


def all_of(log):
    return b"".join(b"".join(read_older(name)) for name in reversed(older_files(log))) + content(log)


def test_a_log_is_cut_into_files_of_its_size_at_line_ends_and_nothing_is_lost(log, way):
    write(log, lines(5000))
    done = rotate(log, Limits(100_000, 9))
    assert done.taken == 3 * 98304
    assert done.moved == (done.taken if way == "collapse" else 0)
    files = older_files(log)
    assert [len(b"".join(read_older(name))) for name in files] == [98304] * 3
    assert all(b"".join(read_older(name)).endswith(b"\n") for name in files)
    assert all_of(log) == lines(5000)
    assert rotate(log, Limits(100_000, 9)) == Rotated(0, 0)


def test_a_log_in_use_is_cut_down_again_and_again_and_no_line_is_lost_or_torn(log, way, tmp_path):
    with Path(log).open("ab") as output:
        writer = subprocess.Popen(["sh", "-c", NUMBERS], stdout=output, cwd=tmp_path)
    rounds = 0
    while writer.poll() is None:
        rounds += rotate(log, Limits(100_000, 1000)).taken > 0
        if rounds >= 2:  # a busy machine may let the writer write all of it in one turn
            (tmp_path / "enough").touch()
    assert rounds >= 2
    count = int((tmp_path / "count").read_text())
    assert all_of(log) == b"".join(b"line %d\n" % number for number in range(count))
    assert all(b"".join(read_older(name)).endswith(b"\n") for name in older_files(log))


def test_a_million_lines_of_a_hundred_bytes_are_there_once_in_whole_after_rotations_and_compression(log, way):
    with Path(log).open("ab") as output:
        writer = subprocess.Popen([sys.executable, "-c", MILLION], stdout=output)
    limits = Limits(8_000_000, 100, compress=True)
    while writer.poll() is None:
        rotate(log, limits)
    rotate(log, limits)
    files = older_files(log)
    assert len(files) >= 11
    assert all(name.endswith(".gz") for name in files[1:])
    numbers = itertools.count()
    for name in [*reversed(files), None]:
        part = b"".join(read_older(name)) if name else content(log)
        assert part.endswith(b"\n")
        assert all(int(line) == next(numbers) for line in part.splitlines())
    assert next(numbers) == 1_000_000
    assert not Path(f"{log}.new").exists()


def test_a_line_is_torn_only_when_none_ends_with_a_block_in_four_times_the_size(log, way):
    text = b"".join(b"x" * 8190 + b"\n" for _ in range(12))  # 8191 bytes: ends with a block at none of these
    write(log, text[:39_000])
    assert rotate(log, Limits(10_000, 9)) == Rotated(0, 0)
    write(log, text)
    assert rotate(log, Limits(10_000, 9)).taken > 0
    assert all_of(log) == text


def test_where_nothing_can_be_taken_out_all_is_copied_and_truncated(log, monkeypatch):
    monkeypatch.setattr(rotation, "allocate", lambda *_: False)
    write(log, lines(2000))
    with Path(log).open("ab", buffering=0) as writer:
        assert rotate(log, Limits(100_000, 2)) == Rotated(128_000, 128_000)
        writer.write(b"after\n")
    assert content(log) == b"after\n"
    assert content(f"{log}.1") == lines(2000)


@pytest.mark.parametrize("instant", ["before the cut", "after the cut"])
def test_a_rotation_that_was_killed_on_the_way_is_finished_and_nothing_is_there_twice(log, way, monkeypatch, instant):
    write(log, lines(3000))
    real = rotation.allocate

    def killed(fd, mode, start, count):
        if instant == "after the cut":
            real(fd, mode, start, count)
        raise KeyboardInterrupt

    monkeypatch.setattr(rotation, "allocate", killed)
    with pytest.raises(KeyboardInterrupt):
        rotate(log, Limits(100_000, 9))
    monkeypatch.setattr(rotation, "allocate", real)
    write(log, lines(1600), "ab")
    rotate(log, Limits(100_000, 9))
    assert all_of(log) == lines(3000) + lines(1600)


def test_without_files_to_keep_the_front_is_dropped(log, way):
    write(log, lines(3000))
    rotate(log, Limits(100_000, 0))
    assert older_files(log) == []
    assert lines(3000).endswith(content(log))
    assert len(content(log)) < 100_000


def test_as_many_files_are_kept_as_should_be(log, way):
    write(log, lines(9000))
    rotate(log, Limits(100_000, 2))
    assert len(older_files(log)) == 2
    assert lines(9000).endswith(all_of(log))


def test_a_log_is_rotated_when_its_time_has_come_though_it_is_small(log, way):
    limits = Limits(1_000_000, 5, every_s=60)
    write(log, lines(200))
    assert rotate(log, limits, 1000.0).taken == 0  # the first look
    assert rotate(log, limits, 1059.0).taken == 0
    assert rotate(log, limits, 1061.0).taken == 12288
    assert all_of(log) == lines(200)
    assert rotate(log, limits, 1100.0).taken == 0
    assert rotate(log, limits, 900.0).taken == 0  # the clock was set back: counted from now
    write(log, lines(200), "ab")
    assert rotate(log, limits, 961.0).taken > 0


def test_compression_leaves_the_newest_and_what_is_compressed_already(log):
    for number in (1, 2, 3):
        write(f"{log}.{number}", b"%d\n" % number * 100)
    write(log, b"now\n")
    rotate(log, Limits(1000, 3, compress=True))
    assert sorted(path.name for path in Path(log).parent.iterdir()) == [
        "web.log",
        "web.log.1",
        "web.log.2.gz",
        "web.log.3.gz",
    ]
    with gzip.open(f"{log}.3.gz") as file:
        assert file.read() == b"3\n" * 100
    assert next_of_older(log, 500) == (b"3\n" * 50, 0)
    assert next_of_older(log, 150) == (b"1\n" * 75, 0)
    assert next_of_older(log, 700) == (b"3\n" * 100, 100)
    assert next_of_older(f"{log}.none", 7) == (b"", 7)


def test_a_log_that_is_gone_is_passed_over_and_a_full_disk_is_told(log, monkeypatch):
    assert rotate_all({"web": (log, Limits(1000, 2))}, 0.0) == {}
    write(log, lines(2000))

    def full(*_):
        raise OSError(28, "No space left on device", f"{log}.new")

    monkeypatch.setattr(rotation, "_copy", full)
    assert rotate_all({"web": (log, Limits(1000, 2))}, 0.0) == {"web": f"No space left on device: {log}.new"}
    assert content(log) == lines(2000)


def test_the_cut_speaks_of_one_file_only(log):
    with cut_of(log) as cut:
        assert (cut.of(5), cut.since_s) == (0, 0)
    with cut_of(log, write=True) as cut:
        cut.write(5, 4096, 0)
    with cut_of(log) as cut:
        assert (cut.of(5), cut.of(6)) == (4096, 0)
