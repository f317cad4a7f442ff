"""The keys that a pattern stands for: how many, each in order, and what a key says about its values. Pure.

The keys are never all at hand: the product of the dimensions is walked in the order of the pattern, and that is the
order of the keys wherever no value is the beginning of another that goes on otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice, pairwise
from math import prod

from actors.reconciler.batches import BATCH_ROWS, Batch
from actors.settings.patterns import Hole, Piece, holes

Value = str | datetime


class TooMany(ValueError):
    """A pattern that stands for more keys than are allowed."""


def written(value: Value, hole: Hole, form: str) -> str:
    """A value as a hole says it is written. form: that of a date for a hole that does not say it."""
    return value if isinstance(value, str) else value.strftime(hole.form or form)


class Expected:
    """A pattern with the values of its holes.

    axes: name of each hole -> its values, or forms: how its dates are written by default.
    Raises: TooMany when there may be more than keys_max.
    """

    def __init__(
        self, pieces: list[Piece], axes: Mapping[str, Sequence[Value]], forms: Mapping[str, str], keys_max: int
    ) -> None:
        self.count_max = prod(len(axes[name]) for name in {hole.name for hole in holes(pieces)})
        if self.count_max > keys_max:
            sizes = " x ".join(f"{len(axes[name]):,} {name}" for name in dict.fromkeys(h.name for h in holes(pieces)))
            raise TooMany(f"the pattern stands for {self.count_max:,} keys ({sizes}), and keys_max is {keys_max:,}")
        self._pieces = pieces
        self._axes = axes
        self._forms = forms
        names = [hole.name for hole in holes(pieces)]
        self._known = [
            {written(value, hole, forms.get(hole.name, "")): value for value in axes[hole.name]}
            for hole in holes(pieces)
        ]
        self._lengths = [sorted({len(text) for text in known}) for known in self._known]
        self._head, self._columns = self._laid_out()
        self.ordered = len(set(names)) == len(names) and not any(
            after.startswith(before) for column in self._columns[:-1] for before, after in pairwise(column)
        )
        """Whether `batches` gives the keys in order; otherwise they have to be sorted."""

    def batches(self) -> Iterator[Batch]:
        """The keys; each once when they are ordered."""
        if self.ordered:
            yield from map(Batch, _products(self._head, self._columns))
        else:
            combined = self._combined()
            while keys := list(islice(combined, BATCH_ROWS)):
                yield Batch(keys)

    def values_of(self, key: str) -> dict[str, Value] | None:
        """The values that a key stands for; None for a key that is not expected."""
        return self._match(key, 0, 0, 0, {})

    def date_of(self, key: str) -> datetime | None:
        """The date of a key, that of its first hole with one."""
        return next((each for each in (self.values_of(key) or {}).values() if isinstance(each, datetime)), None)

    def _laid_out(self) -> tuple[str, list[list[str]]]:
        """The text before the first hole, and for each hole what may stand there with the text that follows it."""
        head, columns, number = "", [], 0
        tails: list[str] = []
        for piece in self._pieces:
            if isinstance(piece, Hole):
                columns.append(list(self._known[number]))
                tails.append("")
                number += 1
            elif tails:
                tails[-1] = piece
            else:
                head = piece
        return head, [sorted({text + tail for text in column}) for column, tail in zip(columns, tails, strict=True)]

    def _combined(self) -> Iterator[str]:
        """Every key of a pattern that names a dimension twice or is out of order, in any order."""
        names = list(dict.fromkeys(hole.name for hole in holes(self._pieces)))
        for values in _combinations([self._axes[name] for name in names]):
            chosen = dict(zip(names, values, strict=True))
            yield "".join(
                piece if isinstance(piece, str) else written(chosen[piece.name], piece, self._forms.get(piece.name, ""))
                for piece in self._pieces
            )

    def _match(self, key: str, piece: int, hole: int, at: int, found: dict[str, Value]) -> dict[str, Value] | None:
        if piece == len(self._pieces):
            return found if at == len(key) else None
        here = self._pieces[piece]
        if isinstance(here, str):
            return self._match(key, piece + 1, hole, at + len(here), found) if key.startswith(here, at) else None
        for length in self._lengths[hole]:
            value = self._known[hole].get(key[at : at + length])
            if value is None or (here.name in found and not self._agree(found[here.name], key[at : at + length], here)):
                continue
            whole = self._match(key, piece + 1, hole + 1, at + length, {here.name: value, **found})
            if whole is not None:
                return whole
        return None

    def _agree(self, value: Value, text: str, hole: Hole) -> bool:
        return written(value, hole, self._forms.get(hole.name, "")) == text


def _combinations(axes: list[Sequence[Value]]) -> Iterator[tuple[Value, ...]]:
    """As itertools.product, which would first copy every axis."""
    if not axes:
        yield ()
        return
    for value in axes[0]:
        for rest in _combinations(axes[1:]):
            yield (value, *rest)


def _products(head: str, columns: list[list[str]]) -> Iterator[list[str]]:
    """Lists of keys: head, then one of each column, the last one changing first."""
    tails = [""]
    rest = list(columns)
    while rest and len(tails) * len(rest[-1]) <= BATCH_ROWS:
        column = rest.pop()
        tails = [text + tail for text in column for tail in tails]
    waiting: list[str] = []
    for beginning in _beginnings(head, rest):
        waiting += [beginning + tail for tail in tails]
        if len(waiting) >= BATCH_ROWS // 2:
            yield waiting
            waiting = []
    if waiting:
        yield waiting


def _beginnings(head: str, columns: list[list[str]]) -> Iterator[str]:
    if not columns:
        yield head
        return
    for text in columns[0]:
        yield from _beginnings(head + text, columns[1:])
