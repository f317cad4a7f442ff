"""The files beneath a directory, in the order of their keys, and what is in them where that is asked for."""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Callable, Iterator
from fnmatch import translate
from pathlib import Path
from re import compile as pattern_of
from typing import Any, Final

import msgspec

from actors.reconciler.batches import BATCH_ROWS, Batch, Cursor, Row
from actors.reconciler.sources.common import Place, SourceError
from actors.settings.datasets import Checks, FilesSource

CHUNK_BYTES: Final = 1 << 20
"""Bytes that are read at once."""

LINE_BYTES_MAX: Final = 1 << 16
"""Bytes of the longest line of a CSV file; one that is longer is taken for no CSV."""

JSON_BYTES_MAX: Final = 256 << 20
"""Bytes of the largest JSON file that is looked into, as it has to be in memory whole."""


class Files:
    """A directory. former: the inventory of the last look, so that only what is new or changed is read."""

    ascends = True
    as_of_s: float | None = None

    def __init__(self, settings: FilesSource, checks: Checks, place: Place, former: Iterator[Batch]) -> None:
        self._settings = settings
        self._root = place.root / settings.root
        self._checks = checks
        self._former = Cursor(former)
        self._ignored: Callable[[str], Any] = pattern_of("|".join(map(translate, settings.ignore)) or "(?!)").match
        self._reads = settings.checksum is not None or checks.columns is not None

    def batches(self) -> Iterator[Batch]:
        """Every file, sorted."""
        if not self._root.is_dir():
            raise SourceError(f"{self._root} is no directory")
        keys: list[str] = []
        sizes: list[int] = []
        times_s: list[float] = []
        for key, size, time_s in self._walk(os.fspath(self._root), ""):
            keys.append(key)
            sizes.append(size)
            times_s.append(time_s)
            if len(keys) == BATCH_ROWS:
                yield self._looked_into(Batch(keys, sizes, times_s))
                keys, sizes, times_s = [], [], []
        if keys:
            yield self._looked_into(Batch(keys, sizes, times_s))

    def spot(self, keys: list[str]) -> dict[str, Row | None] | None:
        """Single files, read anew."""
        if not self._root.is_dir():
            raise SourceError(f"{self._root} is no directory")
        return {key: self._one(key) for key in keys}

    def _one(self, key: str) -> Row | None:
        try:
            found = (self._root / key).stat()
            mark, records, fault = self._content(key) if self._reads else ("", 0, "")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise SourceError(f"{self._root / key} cannot be read: {error.strerror}") from None
        return key, found.st_size, found.st_mtime, mark, records, fault

    def _walk(self, directory: str, prefix: str) -> Iterator[tuple[str, int, float]]:
        """A directory that cannot be read fails the whole look: what is in it is not missing, it is not known."""
        try:
            with os.scandir(directory) as listed:
                entries = [(each, each.is_dir(follow_symlinks=False)) for each in listed]
        except FileNotFoundError:
            return  # went while we walked
        except OSError as error:
            raise SourceError(f"{directory} cannot be read: {error.strerror}") from None
        named = sorted(
            (f"{_text(each.name)}/" if is_dir else _text(each.name), each, is_dir) for each, is_dir in entries
        )
        for name, entry, is_dir in named:
            if self._ignored(entry.name):
                continue
            if is_dir:
                yield from self._walk(entry.path, prefix + name)
            elif name.endswith(self._settings.suffix):
                yield from self._file(entry, prefix + name)

    def _file(self, entry: os.DirEntry[str], key: str) -> Iterator[tuple[str, int, float]]:
        try:
            if not entry.is_file():
                return
            found = entry.stat()
        except FileNotFoundError:
            return
        except OSError as error:
            raise SourceError(f"{entry.path} cannot be read: {error.strerror}") from None
        yield key, found.st_size, found.st_mtime

    def _looked_into(self, batch: Batch) -> Batch:
        """The batch with what is in the files; those that are as at the last look are not read again."""
        if not self._reads:
            return batch
        former = self._former.take(batch.keys[-1])
        known = {key: index for index, key in enumerate(former.keys)} if former.faults else {}
        for index, key in enumerate(batch.keys):
            was = known.get(key)
            if was is not None and (former.sizes[was], former.times_s[was]) == (
                batch.sizes[index],
                batch.times_s[index],
            ):
                mark, records, fault = former.sums[was], former.records[was], former.faults[was]
            else:
                mark, records, fault = self._read(key)
            batch.sums.append(mark)
            batch.records.append(records)
            batch.faults.append(fault)
        return batch

    def _read(self, key: str) -> tuple[str, int, str]:
        try:
            return self._content(key)
        except FileNotFoundError:
            return "", 0, "missing:went while it was looked at"
        except OSError as error:
            raise SourceError(f"{self._root / key} cannot be read: {error.strerror}") from None

    def _content(self, key: str) -> tuple[str, int, str]:
        """Checksum, records, and what is wrong as `kind:why`."""
        path = self._root / key
        mark = _checksum(path, self._settings.checksum) if self._settings.checksum is not None else ""
        if self._checks.columns is None:
            return mark, 0, ""
        look = _json if path.suffix == ".json" else _csv
        return mark, *look(path, self._checks.columns)


def _text(name: str) -> str:
    """A file's name as text that can be stored, whatever its bytes are."""
    return name if name.isascii() else os.fsencode(name).decode("utf-8", "backslashreplace")


def _checksum(path: Path, kind: str) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.new(kind, usedforsecurity=False)).hexdigest()


def _csv(path: Path, columns: list[str]) -> tuple[int, str]:
    with path.open("rb") as file:
        first = file.readline(LINE_BYTES_MAX)
        head = _fields(first)
        lacks = [name for name in columns if name not in head]
        if lacks:
            return 0, f"corrupt:no column {', '.join(lacks)}"
        lines, last = 0, first
        for line in iter(lambda: file.readline(LINE_BYTES_MAX), b""):
            lines += 1
            last = line
        if not last.endswith(b"\n") or len(_fields(last)) != len(head):
            return max(0, lines - 1), "truncated:the last line is not whole"
    return lines, ""


def _fields(line: bytes) -> list[str]:
    return next(csv.reader([line.decode("utf-8", "replace").rstrip("\r\n")]), [])


def _json(path: Path, columns: list[str]) -> tuple[int, str]:
    if path.stat().st_size > JSON_BYTES_MAX:
        return 0, "corrupt:too large to be looked into"
    try:
        found = msgspec.json.decode(path.read_bytes())
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        cut = "truncated" in str(error)
        return 0, f"{'truncated' if cut else 'corrupt'}:no JSON: {str(error).lower()}"
    items = found if isinstance(found, list) else [found]
    for item in items:
        lacks = [name for name in columns if not isinstance(item, dict) or name not in item]
        if lacks:
            return len(items), f"corrupt:no {', '.join(lacks)}"
    return len(items), ""
