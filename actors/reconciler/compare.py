"""What should be there against what is there, in one pass over two sorted streams. Pure."""

from __future__ import annotations

from collections.abc import Container, Iterator

import msgspec

from actors.reconciler.batches import Batch, side_by_side
from actors.reconciler.gaps import Collector, Wrong, check_columns, unlike_rows, wrong_rows
from actors.settings.datasets import Checks


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """How a row is judged.

    like: the expected rows have sizes and checksums that have to be met. now_s: wall seconds. unexpected_after_s: age
    from which on a key that is not expected is told; one without a time is told at once. filled: keys that our own
    tasks have put there since an inventory that says otherwise was begun.
    """

    checks: Checks
    like: bool
    now_s: float
    unexpected_after_s: float
    filled: Container[str] = frozenset()


class Seen(msgspec.Struct, kw_only=True):
    """How many keys are expected, and how many are there."""

    should: int = 0
    have: int = 0


def compare(should: Iterator[Batch], have: Iterator[Batch], rules: Rules, found: Collector) -> Seen:
    """Go through both, and give the gaps to the collector.

    Raises: NoColumn when a check needs what the source does not give; whatever the streams raise.
    """
    seen = Seen()
    for wanted, there in side_by_side(should, have):
        seen.should += len(wanted.keys)
        seen.have += len(there.keys)
        check_columns(rules.checks, there, like=rules.like)
        if wanted.keys != there.keys:
            _strangers(wanted, there, rules, found)
        if there.keys:
            found.add(_wrong(wanted, there, rules))
    return seen


def _strangers(wanted: Batch, there: Batch, rules: Rules, found: Collector) -> None:
    """Keys on one side only."""
    missing = set(wanted.keys).difference(there.keys)
    if missing:
        found.add_missing(sorted(key for key in missing if key not in rules.filled))
    if len(there.keys) > len(wanted.keys) - len(missing):
        found.add(_old_ones(set(there.keys).difference(wanted.keys), there, rules))


def _old_ones(unexpected: set[str], there: Batch, rules: Rules) -> Iterator[Wrong]:
    youngest_s = rules.now_s - rules.unexpected_after_s
    for index, key in enumerate(there.keys):
        if key in unexpected and (not there.times_s or there.times_s[index] <= youngest_s):
            yield Wrong(key, "unexpected", "not expected")


def _wrong(wanted: Batch, there: Batch, rules: Rules) -> Iterator[Wrong]:
    """Rows of expected keys that are not as they should be."""
    expected: set[str] | None = None
    for one in _found(wanted, there, rules):
        if expected is None:
            expected = set(wanted.keys)
        if one.key in expected and one.key not in rules.filled:
            yield one


def _found(wanted: Batch, there: Batch, rules: Rules) -> Iterator[Wrong]:
    yield from wrong_rows(there, rules.checks, rules.now_s)
    if rules.like:
        yield from unlike_rows(wanted, there)


class Change(msgspec.Struct, kw_only=True):
    """How an inventory differs from the one before. changed: of another size, time or checksum."""

    before: int = 0
    appeared: int = 0
    vanished: int = 0
    changed: int = 0


def difference(before: Iterator[Batch], now: Iterator[Batch]) -> Change:
    """Count what came, went and changed between two sorted inventories."""
    change = Change()
    for old, new in side_by_side(before, now):
        change.before += len(old.keys)
        if old == new:
            continue
        if old.keys == new.keys:
            same = old.keys
        else:
            both = set(old.keys).intersection(new.keys)
            change.vanished += len(old.keys) - len(both)
            change.appeared += len(new.keys) - len(both)
            same = sorted(both)
        change.changed += _changed(old, new, same)
    return change


def _changed(old: Batch, new: Batch, same: list[str]) -> int:
    if not same:
        return 0
    was = {key: index for index, key in enumerate(old.keys)}
    now = {key: index for index, key in enumerate(new.keys)}
    columns = [(a, b) for a, b in zip(old.columns[1:4], new.columns[1:4], strict=True) if a and b]
    return sum(any(a[was[key]] != b[now[key]] for a, b in columns) for key in same)
