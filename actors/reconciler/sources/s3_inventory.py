"""An S3 Inventory report: a manifest, and data files whose MD5 it tells.

Source: the Amazon S3 user guide, "Inventory list" and "Locating your inventory list".
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote_plus

import msgspec

from actors.reconciler.batches import Batch, Row
from actors.reconciler.sources import s3
from actors.reconciler.sources.common import Place, SourceError, batched
from actors.settings.datasets import S3InventorySource

SKIPPED: Final = {"isdeletemarker": "true", "islatest": "false"}
"""Columns and what they say of a row that is not there any more."""

_NAMES: Final = {"key": "key", "size": "size", "lastmodifieddate": "time", "etag": "sum"}


class DataFile(msgspec.Struct, frozen=True, rename={"md5": "MD5checksum"}):
    """One file of the report."""

    key: str
    md5: str


class Manifest(msgspec.Struct, frozen=True, rename="camel"):
    """What the report says of itself. creation_timestamp: milliseconds since 1970, when it was begun."""

    file_format: str
    file_schema: str
    creation_timestamp: str
    files: list[DataFile]


class S3Inventory:
    """A report; it counts as of when it was begun."""

    ascends = False

    def __init__(self, settings: S3InventorySource, place: Place) -> None:
        self._settings = settings
        self._place = place
        self.as_of_s: float | None = None

    def batches(self) -> Iterator[Batch]:
        """Every row of every file; a file is looked at once its MD5 was seen to be right."""
        with tempfile.TemporaryDirectory(dir=self._place.scratch, prefix="report-") as scratch:
            manifest = self._manifest(Path(scratch))
            self.as_of_s = int(manifest.creation_timestamp) / 1000
            for number, each in enumerate(manifest.files):
                with self._file(each, Path(scratch) / f"data-{number}") as path:
                    rows = _csv_rows(path, manifest) if manifest.file_format == "CSV" else _parquet_rows(path)
                    yield from batched(self._mine(rows), ("key", "size", "time", "sum"))

    def spot(self, keys: list[str]) -> dict[str, Row | None] | None:  # noqa: ARG002 - a report is read as a whole
        return None

    def _manifest(self, scratch: Path) -> Manifest:
        path = scratch / "manifest.json"
        if self._settings.store is not None:
            s3.fetched(self._settings.store, self._settings.manifest, path)
        else:
            path = self._place.root / self._settings.manifest
        try:
            manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
        except OSError as error:
            raise SourceError(f"{path} cannot be read: {error.strerror}") from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise SourceError(f"{self._settings.manifest} is no manifest: {str(error).lower()}") from None
        if manifest.file_format not in {"CSV", "Parquet"}:
            raise SourceError(f"the report is in {manifest.file_format}; allowed: CSV, Parquet")
        if not manifest.creation_timestamp.isdecimal():
            raise SourceError("the manifest does not say when the report was begun")
        return manifest

    @contextmanager
    def _file(self, each: DataFile, scratch: Path) -> Iterator[Path]:
        """One data file on this machine, whole."""
        if self._settings.store is not None:
            found, path = s3.fetched(self._settings.store, each.key, scratch), scratch
        else:
            path = self._beside(each)
            with path.open("rb") as file:
                found = hashlib.file_digest(file, lambda: hashlib.new("md5", usedforsecurity=False)).hexdigest()
        if found != each.md5.lower():
            raise SourceError(f"{each.key} has the MD5 {found}, and the manifest says {each.md5}")
        try:
            yield path
        except (OSError, EOFError, zlib.error, csv.Error) as error:
            raise SourceError(f"{each.key} cannot be read: {error}") from None
        finally:
            scratch.unlink(missing_ok=True)

    def _beside(self, each: DataFile) -> Path:
        """Where a copied report has its data: with the manifest, or in `data` beside its directory as AWS does."""
        folder = (self._place.root / self._settings.manifest).parent
        name = each.key.rpartition("/")[2]
        for path in (folder / name, folder.parent / "data" / name):
            if path.is_file():
                return path
        raise SourceError(f"{each.key}: there is no {name} beside {self._settings.manifest}")

    def _mine(self, rows: Iterator[tuple[str, Any, Any, str]]) -> Iterator[tuple[str, Any, Any, str]]:
        prefix = self._settings.prefix
        for key, size, time, mark in rows:
            if key.startswith(prefix) and len(key) > len(prefix):
                yield key.removeprefix(prefix), size, time, "" if "-" in mark else mark


def _csv_rows(path: Path, manifest: Manifest) -> Iterator[tuple[str, Any, Any, str]]:
    columns = [_plain(name) for name in manifest.file_schema.split(",")]
    places = _places(columns)
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        for row in csv.reader(file):
            if len(row) != len(columns):
                raise SourceError(f"a line of {path.name} has {len(row)} columns, and the manifest {len(columns)}")
            if not any(row[columns.index(name)].lower() == gone for name, gone in SKIPPED.items() if name in columns):
                key, size, time, mark = (row[at] if at is not None else "" for at in places)
                yield unquote_plus(key), size or 0, time or 0.0, mark


def _parquet_rows(path: Path) -> Iterator[tuple[str, Any, Any, str]]:
    try:
        from pyarrow.parquet import ParquetFile  # noqa: PLC0415 - optional
    except ImportError:
        raise SourceError("a report in Parquet needs pyarrow; install gyrostat[parquet]") from None
    with ParquetFile(path) as file:
        columns = [_plain(name) for name in file.schema_arrow.names]
        places = _places(columns)
        for batch in file.iter_batches(batch_size=65_536):
            listed = [column.to_pylist() for column in batch.columns]
            for row in zip(*listed, strict=True):
                if any(str(row[columns.index(n)]).lower() == gone for n, gone in SKIPPED.items() if n in columns):
                    continue
                key, size, time, mark = (row[at] if at is not None else None for at in places)
                yield str(key), size or 0, _stamp(time), mark or ""


def _places(columns: list[str]) -> list[int | None]:
    """Where key, size, time and checksum are. Raises: SourceError without a key."""
    if "key" not in columns:
        raise SourceError("the report has no column Key")
    return [columns.index(name) if name in columns else None for name in _NAMES]


def _plain(name: str) -> str:
    """`LastModifiedDate` of CSV and `last_modified_date` of Parquet as one."""
    return name.strip().replace("_", "").lower()


def _stamp(time: Any) -> float:
    if not isinstance(time, datetime):
        return float(time or 0)
    return (time if time.tzinfo is not None else time.replace(tzinfo=UTC)).timestamp()
