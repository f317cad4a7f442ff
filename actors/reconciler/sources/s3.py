"""The objects of a bucket, through obstore."""

from __future__ import annotations

import contextlib
import hashlib
from bisect import bisect_left
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, Final

from actors.reconciler.batches import BATCH_ROWS, Batch, Row, ascending
from actors.reconciler.inventory import sort
from actors.reconciler.sources.common import Kept, Place, SourceError
from actors.settings.datasets import S3Source

NEEDED: Final = "S3 needs obstore; install gyrostat[s3]"


class S3:
    """A bucket. AWS lists by key, other servers need not: the keys are taken to be in any order."""

    ascends = False
    as_of_s: float | None = None

    def __init__(self, settings: S3Source, place: Place) -> None:
        self._settings = settings
        self._scratch = place.scratch
        self.mark = ""

    def batches(self) -> Iterator[Batch]:
        """Every object beneath the prefix."""
        return self._listed(None)

    def laid_over(self, kept: Kept) -> Iterator[Batch] | None:
        """What is known up to the first gap, and what the bucket lists from there on."""
        if not self._settings.ascending or kept.first_gap is None:
            return None
        last = ""
        for batch in _before(kept):
            last = batch.keys[-1]
        after = sort(self._listed(self._settings.prefix + last if last else None), self._scratch)
        return ascending(chain(_before(kept), after))

    def _listed(self, after: str | None) -> Iterator[Batch]:
        store = opened(self._settings)
        import obstore  # noqa: PLC0415 - optional

        prefix = self._settings.prefix or None
        with told(self._settings):
            for listed in obstore.list(store, prefix=prefix, offset=after, chunk_size=BATCH_ROWS):
                yield self._batch(listed)

    def spot(self, keys: list[str]) -> dict[str, Row | None] | None:
        """Some objects, one question each."""
        store = opened(self._settings)
        with told(self._settings):
            return {key: self._one(store, key) for key in keys}

    def _one(self, store: Any, key: str) -> Row | None:
        import obstore  # noqa: PLC0415 - optional

        try:
            found = obstore.head(store, self._settings.prefix + key)
        except FileNotFoundError:
            return None
        return key, found["size"], found["last_modified"].timestamp(), _sum(found["e_tag"]), 0, ""

    def _batch(self, listed: Any) -> Batch:
        start = len(self._settings.prefix)
        return Batch(
            [each["path"][start:] for each in listed],
            [each["size"] for each in listed],
            [each["last_modified"].timestamp() for each in listed],
            [_sum(each["e_tag"]) for each in listed],
        )


def _before(kept: Kept) -> Iterator[Batch]:
    """What is known of the keys before the first gap."""
    for batch in kept.batches():
        stop = bisect_left(batch.keys, kept.first_gap) if kept.first_gap else len(batch.keys)
        if stop:
            yield batch.cut(0, stop)


def opened(settings: S3Source) -> Any:
    """The store of a bucket; nothing is asked yet. Raises: SourceError without obstore."""
    try:
        from obstore.store import S3Store  # noqa: PLC0415 - optional
    except ImportError:
        raise SourceError(NEEDED) from None
    config: dict[str, Any] = {"region": settings.region}
    if settings.endpoint is not None:
        config["endpoint"] = settings.endpoint
    plain = settings.endpoint is not None and settings.endpoint.startswith("http:")
    with told(settings):
        return S3Store(
            settings.bucket,
            **config,
            client_options={"allow_http": plain, "timeout": "60s"},
            retry_config={"max_retries": 3, "retry_timeout": _seconds(30)},
        )


def fetched(settings: S3Source, key: str, path: Path) -> str:
    """Write an object into a file; gives its MD5. Raises: SourceError."""
    store = opened(settings)
    import obstore  # noqa: PLC0415 - optional

    digest = hashlib.md5(usedforsecurity=False)
    with told(settings), path.open("wb") as file:
        for chunk in obstore.get(store, key):
            digest.update(chunk)
            file.write(chunk)
    return digest.hexdigest()


@contextlib.contextmanager
def told(settings: S3Source) -> Iterator[None]:
    """What obstore raises, as a SourceError of one line."""
    from obstore.exceptions import BaseError  # noqa: PLC0415 - optional

    try:
        yield
    except (BaseError, OSError, ValueError) as error:
        said = " ".join(str(error).split())
        raise SourceError(f"bucket {settings.bucket}: {said[:300]}") from None


def _seconds(count: int) -> Any:
    from datetime import timedelta  # noqa: PLC0415 - as obstore

    return timedelta(seconds=count)


def _sum(tag: str | None) -> str:
    """The MD5 that an ETag is; empty for that of an upload in parts, which is none."""
    bare = (tag or "").strip('"')
    return "" if "-" in bare else bare
