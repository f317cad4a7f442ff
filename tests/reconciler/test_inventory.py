from __future__ import annotations

import random

import pytest

from actors.reconciler import inventory
from actors.reconciler.batches import Batch
from actors.reconciler.inventory import Head, NotWhole, read, sort, write

HEAD = Head(spec="x", taken_s=5.0)


def kept(path, batches):
    for _ in write(path, HEAD, batches):
        pass


def test_what_was_written_is_read_with_every_column(tmp_path):
    batches = [Batch(["a", "é"], [1, 2], [0.5, 1.5], ["x", ""], [3, 4], ["", "corrupt:y"]), Batch(["z"], [9])]
    kept(tmp_path / "i", batches)
    head, found = read(tmp_path / "i")
    assert head == HEAD
    assert list(found) == batches
    assert [path.name for path in tmp_path.iterdir()] == ["i"]


def test_a_stream_that_fails_leaves_what_was_there(tmp_path):
    kept(tmp_path / "i", [Batch(["a"])])

    def broken():
        yield Batch(["b"])
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        kept(tmp_path / "i", broken())
    half = write(tmp_path / "i", HEAD, iter([Batch(["b"]), Batch(["c"])]))
    next(half)
    half.close()
    assert list(read(tmp_path / "i")[1]) == [Batch(["a"])]
    assert [path.name for path in tmp_path.iterdir()] == ["i"]


@pytest.mark.parametrize("cut", range(1, 80, 7))
def test_a_file_that_was_cut_off_is_seen_wherever_it_was(tmp_path, cut):
    kept(tmp_path / "i", [Batch([f"key {number}"]) for number in range(5)])
    raw = (tmp_path / "i").read_bytes()
    (tmp_path / "i").write_bytes(raw[:-cut])
    with pytest.raises(NotWhole):
        list(read(tmp_path / "i")[1])


def test_a_damaged_file_and_one_that_is_something_else_are_seen(tmp_path):
    kept(tmp_path / "i", [Batch(["a" * 50])])
    raw = bytearray((tmp_path / "i").read_bytes())
    raw[-12] ^= 255
    (tmp_path / "i").write_bytes(raw)
    with pytest.raises(NotWhole, match="damaged"):
        list(read(tmp_path / "i")[1])
    (tmp_path / "j").write_text("{}")
    with pytest.raises(NotWhole, match="is no inventory"):
        read(tmp_path / "j")


@pytest.mark.parametrize("rows", [7, 100, 10_000])
def test_more_rows_than_fit_are_sorted_in_runs_on_the_disk(tmp_path, monkeypatch, rows):
    monkeypatch.setattr(inventory, "RUN_ROWS", rows)
    keys = [f"{number:05}" for number in range(1000)]
    mixed = [*keys, *keys[:50]]
    random.Random(1).shuffle(mixed)
    batches = [Batch(mixed[at : at + 10], [int(key) for key in mixed[at : at + 10]]) for at in range(0, len(mixed), 10)]
    found = list(sort(batches, tmp_path))
    assert [key for batch in found for key in batch.keys] == keys
    assert [size for batch in found for size in batch.sizes] == list(range(1000))
    assert not list(tmp_path.iterdir())


def test_nothing_to_sort_is_nothing(tmp_path):
    assert list(sort([], tmp_path)) == []
