"""One look, in this process and in one of its own."""

from __future__ import annotations

import os
import threading
import time

import pytest

from actors.reconciler.look import Ask, NotSeen, kept_path, look, look_at, new_path
from actors.reconciler.looking import Looker
from actors.settings import DatasetSettings, Seconds
from actors.settings.datasets import (
    Checks,
    CommandSource,
    FilesSource,
    PluginSource,
    S3InventorySource,
    Source,
)
from actors.settings.dimensions import Dates, Dimension
from tests.reconciler.datasets import STAMP, csv_gz, every_key, prices, put, write_report


def asked(root, datasets, name="prices", **differs):
    said = {
        "dataset": name,
        "datasets": datasets,
        "root": str(root),
        "folder": str(root / "kept"),
        "scratch": str(root / "kept"),
        "now_s": time.time(),
    }
    return Ask(**{**said, **differs})


def believe(root, name="prices"):
    new_path(root / "kept", name).replace(kept_path(root / "kept", name))


def test_a_look_tells_what_came_and_went_since_the_one_that_was_believed(tmp_path):
    for key in every_key()[:50]:
        put(tmp_path, key)
    first = look(asked(tmp_path, {"prices": prices()}))
    assert (first.should, first.have, first.counts["missing"], first.doubt) == (100, 50, 50, "")
    believe(tmp_path)
    (tmp_path / "data" / every_key()[0]).unlink()
    put(tmp_path, every_key()[60])
    second = look(asked(tmp_path, {"prices": prices()}))
    assert (second.change.before, second.change.appeared, second.change.vanished) == (50, 1, 1)
    assert second.index != first.index


def test_the_index_is_the_same_as_long_as_the_same_would_be_done(tmp_path):
    put(tmp_path, every_key()[0])
    one = look(asked(tmp_path, {"prices": prices()}))
    assert look(asked(tmp_path, {"prices": prices()}, now_s=time.time() + 5)).index == one.index
    assert look(asked(tmp_path, {"prices": prices(fill=None)})).index != one.index


def test_a_data_set_can_be_a_copy_of_another(tmp_path):
    origin = DatasetSettings(
        keys="{n}", over={"n": Dimension(values=["a"])}, have=Source(files=FilesSource(root="from", checksum="md5"))
    )
    copy = DatasetSettings(like="origin", have=Source(files=FilesSource(root="to", checksum="md5")))
    for folder in ("from", "to"):
        (tmp_path / folder).mkdir()
        for name in "abcd":
            (tmp_path / folder / name).write_text(name * 5)
            os.utime(tmp_path / folder / name, (1000, 1000))
    (tmp_path / "to/a").unlink()
    (tmp_path / "to/b").write_text("bb")
    (tmp_path / "to/c").write_text("xxxxx")
    (tmp_path / "to/e").write_text("e")
    ask = asked(tmp_path, {"origin": origin, "copy": copy}, "copy", now_s=time.time() + 90_000)
    found = {gap.key: gap.kind for gap in look(ask).gaps}
    assert found == {"a": "missing", "b": "truncated", "c": "corrupt", "e": "unexpected"}
    spotted = look_at(ask, ["a", "c", "d"])
    assert spotted is not None
    assert {key: gap and gap.kind for key, gap in spotted.items()} == {"a": "missing", "c": "corrupt", "d": None}


def test_the_values_of_a_dimension_can_be_the_keys_of_another_data_set(tmp_path):
    raw = DatasetSettings(keys="x", have=Source(files=FilesSource(root="raw")))
    over = {"name": Dimension(dataset="raw", prefix="in/", suffix=".json")}
    clean = DatasetSettings(keys="clean-{name}.csv", over=over, have=Source(files=FilesSource(root="clean")))
    (tmp_path / "raw/in").mkdir(parents=True)
    (tmp_path / "clean").mkdir()
    for name in ("in/a.json", "in/b.json", "in/c.txt", "d.json"):
        (tmp_path / "raw" / name).write_text("x")
    (tmp_path / "clean/clean-a.csv").write_text("x")
    found = look(asked(tmp_path, {"raw": raw, "clean": clean}, "clean"))
    assert [(gap.key, gap.values) for gap in found.gaps] == [("clean-b.csv", {"name": "b"})]


def test_a_pattern_out_of_order_is_sorted(tmp_path):
    over = {"day": Dimension(dates=Dates(first="2023-12-30", to="2024-01-02")), "s": Dimension(values=["a", "b"])}
    twice = DatasetSettings(keys="{day:%m}/{s}/{day}", over=over, have=Source(files=FilesSource(root="data")))
    put(tmp_path, "12/a/2023-12-30")
    found = look(asked(tmp_path, {"prices": twice}))
    assert (found.should, found.counts["missing"], found.counts["unexpected"]) == (8, 7, 0)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (prices(), "data is no directory"),
        (prices(keys_max=99), r"stands for 100 keys \(10 day x 10 symbol\), and keys_max is 99"),
        (
            prices(keys="{day}", over={"day": Dimension(dates=Dates(first="1000-01-01", step="minute"))}),
            r"there are 5\d\d,\d+,\d+ dates, and keys_max is 20,000,000",
        ),
        (prices(have=Source(command=CommandSource(command=["false"]))), "false ended with code 1"),
        (prices(have=Source(command=CommandSource(command=["echo", "a"]))), "checks.size_min needs sizes"),
    ],
)
def test_a_look_that_fails_says_why_and_leaves_nothing_behind(tmp_path, settings, said):
    with pytest.raises(NotSeen, match=said):
        look(asked(tmp_path, {"prices": settings}))
    assert not list((tmp_path / "kept").iterdir())


def test_what_our_tasks_put_there_since_a_report_was_begun_is_laid_over_it(tmp_path):
    write_report(tmp_path / "r", csv_gz(['"prices","a","10","2024-01-01T00:00:00.000Z","aa","true","false"']))
    over = {"n": Dimension(values=["a", "b", "c"])}
    have = Source(s3_inventory=S3InventorySource(manifest="r/manifest.json"))
    reported = DatasetSettings(keys="{n}", over=over, have=have)
    filled = {"b": STAMP + 10, "c": STAMP - 10}
    found = look(asked(tmp_path, {"prices": reported}, filled=filled))
    assert [gap.key for gap in found.gaps] == ["c"]
    assert found.as_of_s == STAMP


# --- in a process of its own


@pytest.fixture
def looker():
    made = Looker()
    yield made
    made.stop()


def test_a_look_in_a_process_of_its_own_shows_the_same(tmp_path, looker):
    for key in every_key()[:50]:
        put(tmp_path, key)
    ask = asked(tmp_path, {"prices": prices()})
    assert looker.look(ask, 30.0) == look(ask)


def test_its_failure_is_told_in_the_same_words(tmp_path, looker):
    with pytest.raises(NotSeen, match="data is no directory"):
        looker.look(asked(tmp_path, {"prices": prices()}), 30.0)


def plugged(tmp_path, body):
    (tmp_path / "plugged.py").write_text(f"import os, time\ndef rows():\n    {body}\n")
    return prices(have=Source(plugin=PluginSource(use="plugged:rows")), checks=Checks())


def test_a_plug_in_that_prints_or_ends_the_process_does_no_harm(tmp_path, looker):
    noisy = plugged(tmp_path, "print('{'); return ['2024-01-01/s0.csv']")
    assert looker.look(asked(tmp_path, {"prices": noisy}), 30.0).have == 1
    with pytest.raises(NotSeen, match="the look ended with code 7"):
        looker.look(asked(tmp_path, {"prices": plugged(tmp_path, "os._exit(7)")}), 30.0)


def test_a_look_that_hangs_is_ended_with_what_it_started(tmp_path, looker):
    hanging = prices(have=Source(command=CommandSource(command=["sleep", "600"])), look_within=Seconds(600))
    with pytest.raises(NotSeen, match="took longer than 1 s"):
        looker.look(asked(tmp_path, {"prices": hanging}), 1.0)


def test_stopping_ends_the_looks_that_are_under_way(tmp_path):
    looker = Looker()
    hanging = prices(have=Source(command=CommandSource(command=["sleep", "600"])))
    outcome: list[BaseException] = []

    def hang():
        try:
            looker.look(asked(tmp_path, {"prices": hanging}), 600.0)
        except NotSeen as error:
            outcome.append(error)

    thread = threading.Thread(target=hang)
    thread.start()
    end_s = time.monotonic() + 20
    while not looker._under_way and time.monotonic() < end_s:
        time.sleep(0.01)
    looker.stop()
    thread.join(20)
    assert "ended with code -9" in str(outcome[0])
    with pytest.raises(NotSeen, match="the node stops"):
        looker.look(asked(tmp_path, {"prices": prices()}), 1.0)
