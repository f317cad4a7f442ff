"""HAVE against SHOULD: our merge in windows beside a plain sorted merge, Python sets and an SQLite anti-join.

python -m benchmarks.gaps [172754] [10000000]

Each runs in a process of its own, so that its memory is its own. Every 97th key is missing and one in 50,000 is not
expected. `merge` is what one can write at best in plain Python over two sorted iterators; ours also looks at size and
age of every row, counts the gaps and keeps the first 10,000 of them; `look` is ours with the inventory read from and
written to files, as the node does it.
"""

from __future__ import annotations

import json
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from actors.reconciler.batches import Batch
from actors.reconciler.compare import Rules, compare
from actors.reconciler.expected import Expected
from actors.reconciler.gaps import Collector, Ranking
from actors.reconciler.inventory import Head, read, write
from actors.settings import Bytes, Seconds
from actors.settings.datasets import Checks
from actors.settings.patterns import parse_pattern

SIZES = (172_754, 10_000_000)
NOW_S = 1_700_000_000.0


def pattern(keys):
    """About so many keys: days of 1,000 symbols."""
    first = datetime(1990, 1, 1)  # noqa: DTZ001
    days = [first + timedelta(days=number) for number in range(-(-keys // 1000))]
    symbols = [f"S{number:04}" for number in range(1000)]
    return Expected(parse_pattern("{day:%Y/%m/%d}/{symbol}.csv"), {"day": days, "symbol": symbols}, {}, 2 * keys + 1000)


def have_of(expected):
    """The inventory: what is expected, less every 97th key, with size and time."""
    number = 0
    for batch in expected.batches():
        keys = [key for index, key in enumerate(batch.keys, number) if index % 97]
        if number % 50_000 < len(batch.keys):
            keys.append(f"{keys[-1]}.old")
        number += len(batch.keys)
        yield Batch(keys, [5000] * len(keys), [NOW_S - 3600] * len(keys))


def ours(expected, path, out=None):
    found = Collector(Ranking(None, lambda _: None, datetime.fromtimestamp(NOW_S, UTC)), 10_000)
    rules = Rules(
        checks=Checks(size_min=Bytes(1000), fresh_within=Seconds(86_400)),
        like=False,
        now_s=NOW_S,
        unexpected_after_s=0.0,
    )
    have = read(path)[1]
    if out is not None:
        have = write(out, Head(spec="", taken_s=0.0), have)
    compare(expected.batches(), have, rules, found)
    return found.counts["missing"], found.counts["unexpected"]


def look(expected, path):
    return ours(expected, path, path.with_suffix(".new"))


def flat(batches):
    for batch in batches:
        yield from batch.keys


def merge(expected, path):
    should, have = flat(expected.batches()), flat(read(path)[1])
    missing = unexpected = 0
    left, right = next(should, None), next(have, None)
    while left is not None and right is not None:
        if left == right:
            left, right = next(should, None), next(have, None)
        elif left < right:
            missing += 1
            left = next(should, None)
        else:
            unexpected += 1
            right = next(have, None)
    missing += left is not None
    unexpected += right is not None
    return missing + sum(1 for _ in should), unexpected + sum(1 for _ in have)


def sets(expected, path):
    should, have = set(flat(expected.batches())), set(flat(read(path)[1]))
    return len(should - have), len(have - should)


def sqlite(expected, path):
    with tempfile.TemporaryDirectory() as folder:
        database = sqlite3.connect(Path(folder) / "a.db")
        for table, batches in (("should", expected.batches()), ("have", read(path)[1])):
            database.execute(f"create table {table} (key text primary key) without rowid")
            database.executemany(f"insert into {table} values (?)", ((key,) for key in flat(batches)))
        database.commit()
        counts = [
            database.execute(f"select count(*) from {a} left join {b} using (key) where {b}.key is null").fetchone()[0]
            for a, b in (("should", "have"), ("have", "should"))
        ]
        database.close()
    return tuple(counts)


WAYS = {"ours": ours, "look": look, "merge": merge, "sets": sets, "sqlite": sqlite}


def one(way, keys, path):
    expected = pattern(keys)
    before_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    began_s = time.perf_counter()
    outcome = WAYS[way](expected, Path(path))
    took_s = time.perf_counter() - began_s
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps([took_s, peak_mb - before_mb, peak_mb, outcome]))


def main(sizes):
    for keys in sizes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "have"
            for _ in write(path, Head(spec="", taken_s=0.0), have_of(pattern(keys))):
                pass
            size_mb = path.stat().st_size / 1e6
            print(f"{pattern(keys).count_max:,} keys; the inventory has {size_mb:.1f} MB")
            outcomes = set()
            for way in WAYS:
                argv = [sys.executable, "-m", "benchmarks.gaps", "--one", way, str(keys), str(path)]
                took_s, grown_mb, peak_mb, outcome = json.loads(subprocess.check_output(argv))
                outcomes.add(tuple(outcome))
                print(f"  {way:7} {took_s:8.2f} s  {grown_mb:7.0f} MB more, {peak_mb:6.0f} MB at most  {outcome}")
            assert len(outcomes) == 1, outcomes


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        one(sys.argv[2], int(sys.argv[3]), sys.argv[4])
    else:
        main([int(text) for text in sys.argv[1:]] or SIZES)
