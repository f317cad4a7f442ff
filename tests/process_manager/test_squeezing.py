import errno
import gzip
import os
from pathlib import Path

import pytest

from actors.process_manager import squeezing
from actors.process_manager.cuts import older_files, read_older
from actors.process_manager.rotation import Limits
from actors.process_manager.squeezing import plain_older, squeeze

LIMITS = Limits(100_000, 4)


@pytest.fixture
def log(tmp_path):
    """A log with three rotated files that are not compressed; gives its path."""
    path = tmp_path / "web.log"
    path.write_text(lines("now", 10))
    for number in (1, 2, 3):
        path.with_name(f"web.log.{number}").write_text(lines(f"file {number}", 6000))
    return str(path)


def lines(word, count):
    return "".join(f"{word} line {number} of a program that says much\n" for number in range(count))


def content(name):
    return b"".join(read_older(name)).decode()


@pytest.fixture
def no_room(monkeypatch):
    """A disk on which no new file finds room."""

    def full(plain):
        Path(f"{plain}.gz.new").write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), plain)

    monkeypatch.setattr(squeezing, "compress_file", full)


def test_rotated_files_are_compressed_and_the_newest_stays_as_it_is(log):
    done, freed = squeeze(log, LIMITS)
    assert [Path(name).name for name in older_files(log)] == ["web.log.1", "web.log.2.gz", "web.log.3.gz"]
    assert [content(name) for name in older_files(log)] == [lines(f"file {number}", 6000) for number in (1, 2, 3)]
    assert freed > 400_000
    assert (done.taken, plain_older(log, 4)) == (0, [])


def test_without_room_a_file_is_compressed_over_itself_and_nothing_of_it_is_lost(log, no_room):
    inode = Path(f"{log}.3").stat().st_ino
    _, freed = squeeze(log, LIMITS)
    assert Path(f"{log}.3.gz").stat().st_ino == inode
    assert [content(name) for name in older_files(log)] == [lines(f"file {number}", 6000) for number in (1, 2, 3)]
    assert freed > 400_000
    assert not list(Path(log).parent.glob("*.new"))


def test_what_cannot_be_compressed_grows_a_little_and_is_whole(log, no_room):
    noise = os.urandom(300_000)
    Path(f"{log}.2").write_bytes(noise)
    squeeze(log, LIMITS)
    assert gzip.decompress(Path(f"{log}.2.gz").read_bytes()) == noise


def test_another_trouble_than_room_is_told(log, monkeypatch):
    def broken(plain):
        raise OSError(errno.EIO, "Input/output error", plain)

    monkeypatch.setattr(squeezing, "compress_file", broken)
    with pytest.raises(OSError, match="Input/output"):
        squeeze(log, LIMITS)
    assert content(f"{log}.3") == lines("file 3", 6000)


def test_a_log_that_is_over_its_size_is_rotated_too_and_pushes_no_file_out_that_is_to_be_kept(log):
    Path(log).write_text(lines("now", 6000))
    done, _ = squeeze(log, LIMITS)
    assert done.taken > 0
    assert "".join(reversed([content(name) for name in older_files(log)][:1])).startswith("now line")
    assert len(older_files(log)) == 4
