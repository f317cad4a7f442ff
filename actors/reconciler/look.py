"""One look at a data set: what should be there, what is there, and the difference. Writes only its own files."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Container, Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from actors.reconciler.batches import Batch, Unsorted, ascending, of_rows, rows_of
from actors.reconciler.compare import Change, Rules, compare, difference
from actors.reconciler.expected import Expected, TooMany, Value
from actors.reconciler.gaps import Collector, Gap, Model, NoColumn, Ranking
from actors.reconciler.guard import Counts, doubt
from actors.reconciler.inventory import Head, NotWhole, read, sort, write
from actors.reconciler.sources.common import Growing, Kept, Place, Source, SourceError
from actors.reconciler.sources.open import open_source
from actors.reconciler.sources.sql import first_column, place_of
from actors.settings.datasets import DatasetSettings, GapKind
from actors.settings.dates import FORMS, date_range, zone_now
from actors.settings.dimensions import Dimension
from actors.settings.patterns import parse_pattern
from actors.settings.units import enc_hook
from actors.zones import zone

VALUES_MAX: Final = 1_000_000
"""Values of one dimension that are not dates: they are in memory, some hundred bytes each."""


class NotSeen(Exception):
    """The look could not be brought to its end, so nothing is known."""


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be looked at.

    datasets: all of them, as one may name another. folder: where the inventory of the last look that was believed is.
    scratch: where that of this look is put, and what does not fit into memory. now_s: wall seconds. filled: key -> wall
    seconds at which our own task for it had done. should_before: keys that were expected at the last look that was
    believed. given_up: keys whose gaps come last. models: of a copy, what keys should be like that are looked at by
    themselves. gaps_max: gaps that are wanted; the rest is counted. partly: only what is new need be asked for, where
    the source allows that. first_gap: the least key that was not as it should be, as Kept has it.
    """

    dataset: str
    datasets: dict[str, DatasetSettings]
    root: str
    folder: str
    scratch: str
    now_s: float
    filled: dict[str, float] = {}
    should_before: int = 0
    given_up: list[str] = []
    models: dict[str, Model] = {}
    gaps_max: int = 10_000
    partly: bool = False
    first_gap: str | None = None


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """What a look showed.

    gaps: the first ones. counts: all of them by kind. index: what tells apart two looks at which something else would
    have to be done. as_of_s: wall seconds as of which it counts. doubt: why it is not to be believed, or empty.
    """

    dataset: str
    should: int
    have: int
    counts: dict[GapKind, int]
    gaps: list[Gap]
    index: str
    as_of_s: float
    change: Change
    doubt: str = ""

    @property
    def total(self) -> int:
        """All gaps."""
        return sum(self.counts.values())


def kept_path(folder: Path, dataset: str) -> Path:
    """Where the inventory of the last look that was believed is."""
    return folder / f"{dataset}.inventory"


def new_path(scratch: Path, dataset: str) -> Path:
    """Where that of a look is until it is believed."""
    return scratch / f"{dataset}.looked"


def model_path(scratch: Path, dataset: str) -> Path:
    """Where it is kept during a look at a copy what it should be like."""
    return scratch / f"{dataset}.model"


def look(ask: Ask) -> Looked:
    """Look once.

    Raises: NotSeen with one line when the source, or what should be there, cannot be had.
    """
    with _told():
        try:
            return _Look(ask).take()
        except (SourceError, ValueError, OSError):
            for path in (new_path(Path(ask.scratch), ask.dataset), model_path(Path(ask.scratch), ask.dataset)):
                path.unlink(missing_ok=True)
            raise


def look_at(ask: Ask, keys: list[str]) -> dict[str, Gap | None] | None:
    """Look at some keys only, which have to be expected; None for one that is as it should be.

    Gives None when the source cannot be asked for single keys. Raises: NotSeen.
    """
    with _told():
        return _Look(ask).at(keys)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except (SourceError, Unsorted, TooMany, NoColumn) as error:
        raise NotSeen(str(error)) from None
    except OSError as error:
        raise NotSeen(f"{error.filename}: {error.strerror}" if error.filename else str(error)) from None


class _Look:
    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._settings = ask.datasets[ask.dataset]
        self._folder = Path(ask.folder)
        self._scratch = Path(ask.scratch)
        self._scratch.mkdir(parents=True, exist_ok=True)
        self._place = Place(root=Path(ask.root), scratch=self._scratch)

    def take(self) -> Looked:
        settings, ask = self._settings, self._ask
        expected = self._expected() if settings.keys is not None else None
        source = self._source(ask.dataset)
        there, whole_s = self._there(source)
        first = next(there, None)  # from here on as_of_s and mark are known
        as_of_s = source.as_of_s if source.as_of_s is not None else ask.now_s
        mark = source.mark if isinstance(source, Growing) else ""
        head = Head(spec=spec_of(settings), taken_s=as_of_s, whole_s=whole_s or as_of_s, mark=mark)
        have = write(new_path(self._scratch, ask.dataset), head, _after(first, there))
        found = Collector(self._ranking(expected), ask.gaps_max, frozenset(ask.given_up))
        rules = self._rules({key for key, at_s in ask.filled.items() if at_s > as_of_s})
        with contextlib.closing(have):
            seen = compare(self._should(expected), have, rules, found)
        gaps = [_with_values(gap, expected) for gap in found.gaps()]
        if settings.like is not None:
            gaps = self._with_models(gaps)
            model_path(self._scratch, self._ask.dataset).unlink()
        change = self._change()
        counts = Counts(
            had=change.before, vanished=change.vanished, should_before=ask.should_before, should=seen.should
        )
        return Looked(
            dataset=ask.dataset,
            should=seen.should,
            have=seen.have,
            counts=found.counts,
            gaps=gaps,
            index=hashlib.sha256(f"{found.digest} {_plain(settings.fill)}".encode()).hexdigest()[:12],
            as_of_s=as_of_s,
            change=change,
            doubt=doubt(counts, settings),
        )

    def at(self, keys: list[str]) -> dict[str, Gap | None] | None:
        settings = self._settings
        should: Batch | None = Batch(sorted(keys))
        if settings.like is not None:
            should = self._models(keys) or _spotted(self._source(settings.like), keys)
        have = _spotted(self._source(self._ask.dataset), keys)
        if should is None or have is None:
            return None
        found = Collector(self._ranking(None), len(keys))
        compare(iter([should] if should.keys else []), iter([have] if have.keys else []), self._rules({}), found)
        gaps = {gap.key: gap for gap in found.gaps()}
        return {key: gaps.get(key) for key in keys}

    def _models(self, keys: list[str]) -> Batch | None:
        """What keys of a copy should be like, as the last whole look has shown it; None when it did not show all."""
        models = self._ask.models
        if any(key not in models for key in keys):
            return None
        return of_rows([(key, *models[key], 0, "") for key in sorted(keys)])

    def _rules(self, filled: Container[str]) -> Rules:
        return Rules(
            checks=self._settings.checks,
            like=self._settings.like is not None,
            now_s=self._ask.now_s,
            unexpected_after_s=self._settings.unexpected_after,
            filled=filled,
        )

    def _source(self, name: str) -> Source:
        settings = self._ask.datasets[name]
        return open_source(settings.have, settings.checks, self._place, self._former(name))

    def _there(self, source: Source) -> tuple[Iterator[Batch], float]:
        """What is there, and the whole look that it is made of; 0 when this is one."""
        path = kept_path(self._folder, self._ask.dataset)
        if self._ask.partly and isinstance(source, Growing):
            with contextlib.suppress(FileNotFoundError, NotWhole):
                head, _ = read(path)
                fresh = 0 <= self._ask.now_s - head.whole_s < self._settings.have.whole_every
                if fresh and head.spec == spec_of(self._settings):
                    kept = Kept(mark=head.mark, first_gap=self._ask.first_gap, batches=lambda: read(path)[1])
                    there = source.laid_over(kept)
                    if there is not None:
                        return there, head.whole_s
        return self._sorted(source), 0.0

    def _former(self, name: str) -> Iterator[Batch]:
        """The inventory of the last look at a data set that was made in the same way; empty when there is none."""
        with contextlib.suppress(FileNotFoundError, NotWhole):
            head, batches = read(kept_path(self._folder, name))
            if head.spec == spec_of(self._ask.datasets[name]):
                yield from batches

    def _sorted(self, source: Source) -> Iterator[Batch]:
        return ascending(source.batches()) if source.ascends else sort(source.batches(), self._scratch)

    def _should(self, expected: Expected | None) -> Iterator[Batch]:
        if expected is None:
            rows = self._sorted(self._source(self._settings.like or ""))
            return write(model_path(self._scratch, self._ask.dataset), Head(spec="", taken_s=0.0), rows)
        return ascending(expected.batches()) if expected.ordered else sort(expected.batches(), self._scratch)

    def _expected(self) -> Expected:
        over = self._settings.over
        axes = {name: self._values(dimension) for name, dimension in over.items()}
        forms = {name: FORMS[each.dates.step] for name, each in over.items() if each.dates is not None}
        return Expected(parse_pattern(self._settings.keys or ""), axes, forms, self._settings.keys_max)

    def _values(self, dimension: Dimension) -> list[Value]:
        if dimension.dates is not None:
            dates = dimension.dates
            now = zone_now(self._ask.now_s, zone(dates.timezone))
            found = date_range(dates.bounds, dates.step, now, dates.lag)
            if found.count > self._settings.keys_max:
                raise TooMany(f"there are {found.count:,} dates, and keys_max is {self._settings.keys_max:,}")
            return list(found)
        if dimension.sql is not None:
            return list(first_column(place_of(dimension.database or "", self._place.root), dimension.sql, VALUES_MAX))
        return list(self._keys_of(dimension)) if dimension.dataset is not None else list(dimension.values or [])

    def _keys_of(self, dimension: Dimension) -> list[str]:
        found: list[str] = []
        start = len(dimension.prefix)
        for batch in self._source(dimension.dataset or "").batches():
            mine = (key for key in batch.keys if key.startswith(dimension.prefix) and key.endswith(dimension.suffix))
            found.extend(key[start : len(key) - len(dimension.suffix)] for key in mine)
            if len(found) > VALUES_MAX:
                raise TooMany(f"the data set {dimension.dataset} gives more than {VALUES_MAX:,} values")
        return found

    def _ranking(self, expected: Expected | None) -> Ranking:
        dates = next((each.dates for each in self._settings.over.values() if each.dates is not None), None)
        now = zone_now(self._ask.now_s, zone(dates.timezone if dates is not None else "UTC"))
        return Ranking(self._settings.fill, expected.date_of if expected is not None else _no_date, now)

    def _with_models(self, gaps: list[Gap]) -> list[Gap]:
        """The gaps of a copy with what each key should be like."""
        keys = {gap.key for gap in gaps}
        models: dict[str, Model] = {}
        for batch in read(model_path(self._scratch, self._ask.dataset))[1]:
            if not keys.isdisjoint(batch.keys):
                models.update((key, (size, at_s, mark)) for key, size, at_s, mark, *_ in rows_of(batch) if key in keys)
        return [msgspec.structs.replace(gap, model=models.get(gap.key)) for gap in gaps]

    def _change(self) -> Change:
        """How what is there differs from the last look that was believed."""
        _, now = read(new_path(self._scratch, self._ask.dataset))
        try:
            _, before = read(kept_path(self._folder, self._ask.dataset))
            return difference(before, now)
        except (FileNotFoundError, NotWhole):
            return Change()


def spec_of(settings: DatasetSettings) -> str:
    """What tells apart two ways to look at what is there."""
    return hashlib.sha256(f"{_plain(settings.have)} {_plain(settings.checks)}".encode()).hexdigest()[:16]


def _plain(value: object) -> str:
    return msgspec.json.encode(value, enc_hook=enc_hook, order="deterministic").decode()


def _with_values(gap: Gap, expected: Expected | None) -> Gap:
    values = expected.values_of(gap.key) if expected is not None else None
    if not values:
        return gap
    texts = {name: value if isinstance(value, str) else value.isoformat() for name, value in values.items()}
    return msgspec.structs.replace(gap, values=texts)


def _spotted(source: Source, keys: list[str]) -> Batch | None:
    """The rows of some keys, sorted; None when the source cannot be asked for some."""
    found = source.spot(keys)
    if found is None:
        return None
    return of_rows(sorted(row for row in found.values() if row is not None))


def _after(first: Batch | None, rest: Iterator[Batch]) -> Iterator[Batch]:
    if first is not None:
        yield first
        yield from rest


def _no_date(_: str) -> datetime | None:
    return None
