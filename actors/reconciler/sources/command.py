"""What a program prints: one line for each key."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from typing import Any, Final

from actors.reconciler.batches import Batch, Row
from actors.reconciler.sources.common import COLUMNS, Place, SourceError, batched
from actors.settings.datasets import CommandSource

SAID_BYTES: Final = 300
"""Bytes of the end of what it wrote to stderr that are told."""


class Command:
    """A program, in any order. Its process is in our group, so that it ends with the look."""

    ascends = False
    as_of_s: float | None = None

    def __init__(self, settings: CommandSource, place: Place) -> None:
        self._settings = settings
        self._cwd = place.root / settings.cwd

    def batches(self) -> Iterator[Batch]:
        """Every line; the end code is looked at before the last batch counts, as the caller reads to the end."""
        with tempfile.TemporaryFile() as errors:
            try:
                process = subprocess.Popen(
                    self._settings.command,
                    cwd=self._cwd,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                )
            except OSError as error:
                raise SourceError(f"{self._settings.command[0]} cannot be started: {error.strerror}") from None
            try:
                with process:
                    yield from _lines(process)
            finally:
                if process.poll() is None:
                    process.kill()
                    process.wait()
            if process.returncode:
                errors.seek(max(0, errors.seek(0, 2) - SAID_BYTES))
                said = " ".join(errors.read().decode("utf-8", "replace").split())
                raise SourceError(f"{self._settings.command[0]} ended with code {process.returncode}: {said}")

    def spot(self, keys: list[str]) -> dict[str, Row | None] | None:  # noqa: ARG002 - a program is asked as a whole
        return None


def _lines(process: subprocess.Popen[bytes]) -> Iterator[Batch]:
    if process.stdout is None:
        return
    rows = _rows(process.stdout)
    first = next(rows, None)
    if first is not None:
        yield from batched(_alike(first, rows), COLUMNS[: len(first)])


def _rows(lines: Any) -> Iterator[tuple[str, ...]]:
    for line in lines:
        text = line.decode("utf-8", "backslashreplace").rstrip("\r\n")
        if text:
            yield tuple(text.split("\t"))


def _alike(first: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    if len(first) > len(COLUMNS):
        raise SourceError(f"a line has {len(first)} columns; at most {len(COLUMNS)}: {', '.join(COLUMNS)}")
    yield first
    for row in rows:
        if len(row) != len(first):
            raise SourceError(f"the line of {row[0]!r} has {len(row)} columns, the first one {len(first)}")
        yield row
