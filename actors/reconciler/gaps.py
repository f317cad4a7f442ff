"""Gaps: how what is there differs from what should be, which of them go first, and what would be done. Pure."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final

import msgspec

from actors.reconciler.batches import Batch
from actors.settings import TaskPriority, format_duration, format_size
from actors.settings.datasets import Checks, Fill, GapKind

KINDS: Final[tuple[GapKind, ...]] = ("missing", "corrupt", "truncated", "stale", "unexpected")
"""In the order of their weight: a key that is two of them is told as the first."""


PRIORITIES: Final[tuple[TaskPriority, ...]] = ("critical", "high", "medium", "low", "deferred")
"""In order; the first goes first."""


Model = tuple[int, float, str]
"""Size in bytes, wall seconds of the last change, and checksum; 0 and empty for what is not known."""


class Gap(msgspec.Struct, frozen=True, gc=False):
    """One key that is not as it should be. why: in words; empty for one that is missing.

    values: what the key stands for in each dimension; dates as ISO 8601 has them. model: size, time and checksum that
    it should have, of a copy; None of others.
    """

    key: str
    kind: GapKind
    why: str = ""
    priority: TaskPriority = "medium"
    order_s: float = 0.0
    """What orders gaps of one priority, the least first."""
    values: dict[str, str] = {}
    model: Model | None = None

    @property
    def rank(self) -> tuple[int, float, str]:
        """The least goes first."""
        return PRIORITIES.index(self.priority), self.order_s, self.key


class Wrong(msgspec.Struct, frozen=True, gc=False):
    """A row that does not hold what it should."""

    key: str
    kind: GapKind
    why: str


class NoColumn(ValueError):
    """A check needs what the source does not give."""


def check_columns(checks: Checks, batch: Batch, *, like: bool) -> None:
    """See that the source gives what is to be checked. like: sizes are compared with another data set's.

    Raises: NoColumn.
    """
    needs = {
        "sizes": ("size_min", checks.size_min is not None or like),
        "times_s": ("fresh_within", checks.fresh_within is not None),
        "records": ("records_min", checks.records_min is not None),
    }
    for column, (check, needed) in needs.items():
        if needed and batch.keys and not getattr(batch, column):
            what = "like" if like and check == "size_min" and checks.size_min is None else f"checks.{check}"
            raise NoColumn(f"{what} needs {column.removesuffix('_s')}, which the source does not give")


def wrong_rows(batch: Batch, checks: Checks, now_s: float) -> Iterator[Wrong]:
    """The rows that do not pass the checks; a batch that passes costs one look at each column."""
    if any(batch.faults):
        for key, fault in zip(batch.keys, batch.faults, strict=True):
            kind, _, why = fault.partition(":")
            if kind in KINDS:
                yield Wrong(key, kind, why)
    if checks.size_min is not None:
        for key, size in _below(batch.keys, batch.sizes, checks.size_min):
            yield Wrong(key, "truncated", f"{format_size(size)}, less than {format_size(checks.size_min)}")
    if checks.records_min is not None:
        for key, count in _below(batch.keys, batch.records, checks.records_min):
            yield Wrong(key, "truncated", f"{count:.0f} records, fewer than {checks.records_min}")
    if checks.fresh_within is not None:
        for key, time_s in _below(batch.keys, batch.times_s, now_s - checks.fresh_within):
            yield Wrong(key, "stale", f"changed {format_duration(round(now_s - time_s))} ago")


def _below(keys: list[str], column: Sequence[float], least: float) -> Iterator[tuple[str, float]]:
    if column and min(column) < least:
        yield from ((key, value) for key, value in zip(keys, column, strict=True) if value < least)


def unlike_rows(should: Batch, have: Batch) -> Iterator[Wrong]:
    """The rows whose size or checksum is not that of the same key in the other data set, or which are older."""
    sums_agree = not should.sums or not have.sums or should.sums == have.sums
    if should.keys == have.keys and should.sizes == have.sizes and sums_agree and not _older(should, have):
        return
    at = {key: index for index, key in enumerate(should.keys)}
    for index, key in enumerate(have.keys):
        other = at.get(key)
        if other is None:
            continue
        if should.sizes and have.sizes and should.sizes[other] != have.sizes[index]:
            ours, theirs = have.sizes[index], should.sizes[other]
            kind: GapKind = "truncated" if ours < theirs else "corrupt"
            yield Wrong(key, kind, f"{ours} bytes, should be {theirs}")
        elif should.sums and have.sums and should.sums[other] and should.sums[other] != have.sums[index]:
            yield Wrong(key, "corrupt", f"checksum {have.sums[index][:12]}, should be {should.sums[other][:12]}")
        elif should.times_s and have.times_s and have.times_s[index] < should.times_s[other]:
            yield Wrong(key, "stale", "older than what it is a copy of")


def _older(should: Batch, have: Batch) -> bool:
    if not should.times_s or not have.times_s:
        return False
    return any(ours < theirs for ours, theirs in zip(have.times_s, should.times_s, strict=True))


class Ranking:
    """Gives each gap its priority and place.

    date_of: the date of a key, for rules and orders by date; now: in the zone of those dates.
    """

    def __init__(self, fill: Fill | None, date_of: Callable[[str], datetime | None], now: datetime) -> None:
        self._fill = fill or Fill(task="none", order="key")
        self._date_of = date_of
        self._now = now.replace(tzinfo=None)
        self._dated = self._fill.order != "key" or any(rule.newer_than is not None for rule in self._fill.rules)

    def __call__(self, key: str, kind: GapKind, why: str = "") -> Gap:
        """The gap with both."""
        date = self._date_of(key) if self._dated else None
        order_s = 0.0
        if date is not None and self._fill.order != "key":
            age_s = (self._now - date).total_seconds()
            order_s = age_s if self._fill.order == "newest" else -age_s
        return Gap(key, kind, why, self._priority(kind, date), order_s)

    def fills(self, kind: GapKind) -> bool:
        """Whether gaps of this kind are filled, and not only told."""
        return kind in self._fill.kinds

    def _priority(self, kind: GapKind, date: datetime | None) -> TaskPriority:
        for rule in self._fill.rules:
            if rule.kinds and kind not in rule.kinds:
                continue
            if rule.newer_than is None:
                return rule.priority
            if date is not None and (self._now - date).total_seconds() <= rule.newer_than:
                return rule.priority
        return self._fill.priority


class Collector:
    """Counts every gap, and keeps the first ones. A key counts once, as the weightiest of what it is."""

    def __init__(self, rank: Ranking, kept_max: int, given_up: Container[str] = frozenset()) -> None:
        """given_up: keys that were tried often enough; they are kept only where there is room for them."""
        self.counts: dict[GapKind, int] = dict.fromkeys(KINDS, 0)
        self._rank = rank
        self._kept_max = kept_max
        self._given_up = given_up
        self._kept: list[tuple[_Last, Gap]] = []
        self._digest = hashlib.sha256()

    def add(self, found: Iterable[Wrong]) -> None:
        """Take in what one window showed."""
        weightiest: dict[str, Wrong] = {}
        for one in found:
            known = weightiest.get(one.key)
            if known is None or KINDS.index(one.kind) < KINDS.index(known.kind):
                weightiest[one.key] = one
        for one in weightiest.values():
            self._keep(self._rank(one.key, one.kind, one.why))

    def add_missing(self, keys: Iterable[str]) -> None:
        """Take in keys that are not there."""
        for key in keys:
            self._keep(self._rank(key, "missing"))

    def gaps(self) -> list[Gap]:
        """Those that are kept, the first first."""
        return [gap for _, gap in sorted(self._kept, key=lambda kept: kept[0].rank)]

    @property
    def digest(self) -> str:
        """What tells two sets of gaps apart, those that are not kept included."""
        return self._digest.hexdigest()

    def _keep(self, gap: Gap) -> None:
        self.counts[gap.kind] += 1
        self._digest.update(f"{gap.kind} {gap.key}\n".encode("utf-8", "surrogateescape"))
        rank = (gap.key in self._given_up or not self._rank.fills(gap.kind), *gap.rank)
        if len(self._kept) < self._kept_max:
            heapq.heappush(self._kept, (_Last(rank), gap))
        elif rank < self._kept[0][0].rank:
            heapq.heapreplace(self._kept, (_Last(rank), gap))


class _Last:
    """A rank that compares the other way round, so that the heap's first is the last."""

    __slots__ = ("rank",)

    def __init__(self, rank: tuple[bool, int, float, str]) -> None:
        self.rank = rank

    def __lt__(self, other: _Last) -> bool:
        return other.rank < self.rank
