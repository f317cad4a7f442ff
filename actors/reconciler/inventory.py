"""Inventories kept in files: sorted batches, compressed, one after the other. A file is whole or not there at all."""

from __future__ import annotations

import os
import struct
import tempfile
import zlib
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from actors.reconciler.batches import BATCH_ROWS, Batch, ascending, in_order, joined, merged

MAGIC: Final = b"gyrostat inventory 1\n"
RUN_ROWS: Final = 131_072
"""Rows that are sorted at once; more are sorted in runs on the disk, so that memory stays bounded."""

_LENGTH: Final = struct.Struct("<I")
_END: Final = 0
"""The length that stands for the end; a file without it was not written to its end."""

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Batch).decode


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What an inventory is of. spec: what tells two ways to look apart. taken_s: wall seconds as of which it counts.

    whole_s: the same of the last one that was not made of a former one. mark: how far the source went then.
    """

    spec: str
    taken_s: float
    whole_s: float = 0.0
    mark: str = ""


class NotWhole(ValueError):
    """A file that is no inventory, or one that was not written to its end."""


def write(path: Path, head: Head, batches: Iterable[Batch]) -> Generator[Batch]:
    """Pass a stream on while it is written; the file is in its place once the stream has come to its end.

    A stream that is not read to its end, or fails, leaves what was there before.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(MAGIC)
            _put(file, msgspec.msgpack.encode(head))
            for batch in batches:
                _put(file, _encode(batch))
                yield batch
            file.write(_LENGTH.pack(_END))
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)


def read(path: Path) -> tuple[Head, Iterator[Batch]]:
    """Its head and its batches.

    Raises: FileNotFoundError; NotWhole, also while the batches are read.
    """
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise NotWhole(f"{path} is no inventory")
        raw = _get(file, path)
        start = file.tell()
    try:
        return msgspec.msgpack.decode(raw or b"", type=Head), _batches(path, start)
    except msgspec.DecodeError:
        raise NotWhole(f"{path} is damaged") from None


def sort(batches: Iterable[Batch], folder: Path) -> Iterator[Batch]:
    """A stream in any order as a sorted one; runs that do not fit into memory go to `folder`."""
    runs: list[Path] = []
    with tempfile.TemporaryDirectory(dir=folder, prefix="sort-") as place:
        waiting: list[Batch] = []
        rows = 0
        for batch in batches:
            waiting.append(batch)
            rows += len(batch.keys)
            if rows >= RUN_ROWS:
                runs.append(_run(Path(place) / str(len(runs)), waiting))
                waiting, rows = [], 0
        rest = _pieces(in_order(joined(waiting))) if rows else iter(())
        if not runs:
            yield from ascending(rest)
        else:
            yield from ascending(merged([*(read(path)[1] for path in runs), rest]))


def _run(path: Path, batches: list[Batch]) -> Path:
    for _ in write(path, Head(spec="run", taken_s=0.0), _pieces(in_order(joined(batches)))):
        pass
    return path


def _pieces(batch: Batch) -> Iterator[Batch]:
    for start in range(0, len(batch.keys), BATCH_ROWS):
        yield batch.cut(start, start + BATCH_ROWS)


def _put(file: BinaryIO, raw: bytes) -> None:
    packed = zlib.compress(raw, 1)
    file.write(_LENGTH.pack(len(packed)))
    file.write(packed)


def _get(file: BinaryIO, path: Path) -> bytes | None:
    """The next piece; None at the end."""
    length = file.read(_LENGTH.size)
    if len(length) < _LENGTH.size:
        raise NotWhole(f"{path} was not written to its end")
    (size,) = _LENGTH.unpack(length)
    if size == _END:
        return None
    packed = file.read(size)
    try:
        return zlib.decompress(packed)
    except zlib.error:
        raise NotWhole(f"{path} is damaged") from None


def _batches(path: Path, start: int) -> Iterator[Batch]:
    with path.open("rb") as file:
        file.seek(start)
        while (raw := _get(file, path)) is not None:
            try:
                yield _decode(raw)
            except msgspec.DecodeError:
                raise NotWhole(f"{path} is damaged") from None
