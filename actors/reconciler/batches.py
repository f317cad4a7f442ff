"""Rows of an inventory in columns, so that whole batches are compared, cut and sorted at once. Pure.

A stream of batches is sorted when its keys ascend by code point, within a batch and from one to the next.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec

BATCH_ROWS: Final = 8192
"""Rows of a batch: enough for whole columns to be handled at once, few enough for some batches to be nothing."""

Row = tuple[str, int, float, str, int, str]
"""key, size, time_s, sum, records, fault: the columns of a batch, in order."""


class Unsorted(ValueError):
    """A stream that has to ascend does not."""


class Batch(msgspec.Struct, gc=False, array_like=True):
    """Some rows. A column that the source does not have is empty.

    sizes: bytes. times_s: wall seconds of the last change. sums: checksums. records: lines or elements. faults: what is
    wrong with the content, as `kind:why`; empty for what is well.
    """

    keys: list[str] = []
    sizes: list[int] = []
    times_s: list[float] = []
    sums: list[str] = []
    records: list[int] = []
    faults: list[str] = []

    @property
    def columns(self) -> tuple[list[Any], ...]:
        """All of them, in the order of a row."""
        return self.keys, self.sizes, self.times_s, self.sums, self.records, self.faults

    def cut(self, start: int, stop: int) -> Batch:
        """The rows from start to before stop."""
        return Batch(*(column[start:stop] for column in self.columns))


def of_rows(rows: Sequence[Row]) -> Batch:
    """Rows as a batch; a column that says nothing anywhere is one that the source does not have."""
    columns = [list(column) for column in zip(*rows, strict=True)]
    return Batch(*(column if any(column) else [] for column in columns))


def rows_of(batch: Batch) -> list[Row]:
    """Every row; 0 and empty for what is not known."""
    count, blank = len(batch.keys), ("", 0, 0.0, "", 0, "")
    filled = (column or [nothing] * count for column, nothing in zip(batch.columns, blank, strict=True))
    return list(zip(*filled, strict=True))


def joined(batches: Sequence[Batch]) -> Batch:
    """Several batches as one."""
    if len(batches) == 1:
        return batches[0]
    return Batch(
        *([each for part in parts for each in part] for parts in zip(*(b.columns for b in batches), strict=True))
    )


def ascending(batches: Iterable[Batch]) -> Iterator[Batch]:
    """The same stream without its empty batches and without a key that comes twice.

    Raises: Unsorted.
    """
    last = ""
    first = True
    for batch in batches:
        keys = batch.keys
        if not keys:
            continue
        if keys != sorted(keys) or (not first and keys[0] < last):
            raise Unsorted(f"the keys do not ascend after {last or keys[0]!r}")
        if len(set(keys)) != len(keys) or (not first and keys[0] == last):
            batch = _once(batch, None if first else last)  # noqa: PLW2901 - the same batch, put right
        first, last = False, keys[-1]
        if batch.keys:
            yield batch


def _once(batch: Batch, before: str | None) -> Batch:
    """Without the rows whose key the row before has; the first one counts."""
    kept = []
    for index, key in enumerate(batch.keys):
        if key != before:
            kept.append(index)
        before = key
    return Batch(*([column[index] for index in kept] if column else [] for column in batch.columns))


class Cursor:
    """Reads a sorted stream up to a key."""

    def __init__(self, batches: Iterator[Batch]) -> None:
        self._batches = batches
        self._batch: Batch | None = next(batches, None)
        self._at = 0

    @property
    def last(self) -> str | None:
        """The last key at hand; None at the end of the stream."""
        return None if self._batch is None else self._batch.keys[-1]

    def take(self, key: str) -> Batch:
        """What is at hand up to this key, included."""
        if self._batch is None:
            return Batch()
        keys = self._batch.keys
        stop = len(keys) if keys[-1] <= key else bisect_right(keys, key, self._at)
        taken = self._batch if self._at == 0 and stop == len(keys) else self._batch.cut(self._at, stop)
        self._at = stop
        if stop == len(keys):
            self._batch = next(self._batches, None)
            self._at = 0
        return taken


def side_by_side(left: Iterator[Batch], right: Iterator[Batch]) -> Iterator[tuple[Batch, Batch]]:
    """Two sorted streams in windows: each pair holds all rows of both in one stretch of keys; the stretches ascend.

    One side of a pair may be empty. Holds two batches of each at a time.
    """
    here, there = Cursor(left), Cursor(right)
    while True:
        ends = [last for last in (here.last, there.last) if last is not None]
        if not ends:
            return
        until = min(ends)
        yield here.take(until), there.take(until)


def merged(streams: Sequence[Iterator[Batch]]) -> Iterator[Batch]:
    """Sorted streams as one, with keys that come twice left twice, in the order of the streams."""
    cursors = [Cursor(stream) for stream in streams]
    while True:
        ends = [cursor.last for cursor in cursors if cursor.last is not None]
        if not ends:
            return
        until = min(ends)
        parts = [part for cursor in cursors if (part := cursor.take(until)).keys]
        yield in_order(joined(parts)) if len(parts) > 1 else parts[0]


def in_order(batch: Batch) -> Batch:
    """The rows by key; those with the same key stay in their order."""
    keys = batch.keys
    order = sorted(range(len(keys)), key=keys.__getitem__)
    return Batch(*([column[index] for index in order] if column else [] for column in batch.columns))
