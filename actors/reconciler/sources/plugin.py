"""A function of the operator's own that gives the rows."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from typing import Any

from actors.reconciler.batches import Batch, Row
from actors.reconciler.sources.common import COLUMNS, Place, SourceError, batched
from actors.settings.datasets import PluginSource


class Plugin:
    """A function, in any order. It runs in the process of the look, so that it can neither hang nor end the node."""

    ascends = False
    as_of_s: float | None = None

    def __init__(self, settings: PluginSource, place: Place) -> None:
        self._settings = settings
        self._root = str(place.root)

    def batches(self) -> Iterator[Batch]:
        """Every row that it gives."""
        rows = self._rows()
        first = next(rows, None)
        if first is not None:
            yield from batched(_after(first, rows), COLUMNS[: len(first)])

    def spot(self, keys: list[str]) -> dict[str, Row | None] | None:  # noqa: ARG002 - a function is asked as a whole
        return None

    def _rows(self) -> Iterator[tuple[Any, ...]]:
        if self._root not in sys.path:
            sys.path.append(self._root)
        module, _, name = self._settings.use.partition(":")
        try:
            function = getattr(importlib.import_module(module), name)
            for row in function(**self._settings.options):
                yield (row,) if isinstance(row, str) else tuple(row)
        except Exception as error:  # noqa: BLE001 - it is not ours, and whatever it raises makes the look fail
            raise SourceError(f"{self._settings.use}: {type(error).__name__}: {error}") from None


def _after(first: tuple[Any, ...], rows: Iterator[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    yield first
    for row in rows:
        if len(row) != len(first):
            raise SourceError(f"the row of {row[:1]} has {len(row)} values, the first one {len(first)}")
        yield row
