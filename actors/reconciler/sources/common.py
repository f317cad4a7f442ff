"""What sources have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final, Protocol, runtime_checkable

import msgspec

from actors.reconciler.batches import BATCH_ROWS, Batch, Row

COLUMNS: Final = ("key", "size", "time", "sum", "records")
"""Names of the columns, as queries give them."""


class SourceError(Exception):
    """The source cannot be read, or not to its end. Says nothing of what is there."""

    retryable = True


class Source(Protocol):
    """Something that can be looked at.

    ascends: its batches are sorted. as_of_s: wall seconds as of which it counts when that is not now; known once the
    first batch was asked for.
    """

    ascends: bool
    as_of_s: float | None

    def batches(self) -> Iterator[Batch]:
        """Every row. Raises: SourceError."""

    def spot(self, keys: list[str]) -> dict[str, Row | None] | None:
        """These keys only, None for one that is not there; None when the source cannot be asked for some.

        Raises: SourceError.
        """


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """The inventory of the last look. mark: what the source has said then of how far it goes.

    first_gap: the least key that was not as it should be; empty when all were, None when that is not known.
    """

    mark: str
    first_gap: str | None
    batches: Callable[[], Iterator[Batch]]


@runtime_checkable
class Growing(Protocol):
    """A source that can be asked for what is new only. mark: how far it goes, known once the first batch was asked."""

    mark: str

    def laid_over(self, kept: Kept) -> Iterator[Batch] | None:
        """What is known with what is new, sorted; None when it has to be looked at as a whole. Raises: SourceError."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """root: what relative paths start from. scratch: a directory for what does not fit into memory."""

    root: Path
    scratch: Path


def batched(rows: Iterable[tuple[Any, ...]], columns: tuple[str, ...]) -> Iterator[Batch]:
    """Rows with the named columns as batches. Raises: SourceError for a value of the wrong kind."""
    places = [columns.index(name) if name in columns else None for name in COLUMNS]
    listed = iter(rows)
    while some := list(islice(listed, BATCH_ROWS)):
        by_column = list(zip(*some, strict=True))
        given = [list(by_column[place]) if place is not None else [] for place in places]
        yield _checked(Batch(given[0], given[1], given[2], given[3], given[4]))


def _checked(batch: Batch) -> Batch:
    """The batch with every value of its type. Raises: SourceError."""
    try:
        batch = Batch(
            [_text(key) for key in batch.keys],
            [int(size) for size in batch.sizes],
            [_seconds(at) for at in batch.times_s],
            [str(each or "") for each in batch.sums],
            [int(count) for count in batch.records],
        )
    except (TypeError, ValueError) as error:
        raise SourceError(f"a row has a value of the wrong kind: {error}") from None
    return batch


def _text(key: object) -> str:
    """A key as text. Raises: ValueError for one that is none."""
    if isinstance(key, bool) or not isinstance(key, str | int) or key == "":
        raise ValueError(f"{key!r} is no key")
    return str(key)


def _seconds(at: object) -> float:
    """A time as wall seconds: a number, or a date with its zone. Raises: ValueError, TypeError."""
    if not isinstance(at, str | datetime):
        return float(at)  # type: ignore[arg-type]
    try:
        found = at if isinstance(at, datetime) else float(at)
    except ValueError:
        found = datetime.fromisoformat(str(at))
    if isinstance(found, float):
        return found
    if found.tzinfo is None:
        raise ValueError(f'the date "{at}" has no zone')
    return found.timestamp()
