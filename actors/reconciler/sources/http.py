"""A JSON listing over HTTP, page by page."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import msgspec

from actors.reconciler.batches import Batch, Row
from actors.reconciler.sources.common import SourceError, batched
from actors.settings.datasets import HttpSource

PAGE_BYTES_MAX: Final = 256 << 20
"""Bytes of one page; a listing that has more has to have pages."""

QUIET_S: Final = 60.0
"""Seconds that a server may say nothing."""

_ABSENT: Final = object()


class Http:
    """A listing, in any order."""

    ascends = False
    as_of_s: float | None = None

    def __init__(self, settings: HttpSource) -> None:
        self._settings = settings

    def batches(self) -> Iterator[Batch]:
        """Every page."""
        fields = self._settings
        named = {"key": fields.key, "size": fields.size, "time": fields.time, "sum": fields.sum}
        columns = {name: field for name, field in named.items() if field is not None}
        for items in self._pages():
            if items and all(isinstance(item, str) for item in items):
                yield from batched(((item,) for item in items), ("key",))
            else:
                yield from batched((_row(item, list(columns.values())) for item in items), tuple(columns))

    def spot(self, keys: list[str]) -> dict[str, Row | None] | None:  # noqa: ARG002 - a listing is asked as a whole
        return None

    def _pages(self) -> Iterator[list[Any]]:
        url: str | None = self._settings.url
        been = set()
        while url is not None:
            if url in been:
                raise SourceError(f"the pages go in a circle: {url} comes again")
            been.add(url)
            page = _get(url, self._settings.headers)
            items = _at(page, self._settings.items)
            if not isinstance(items, list):
                raise SourceError(f"{url}: no list at {self._settings.items or 'the top'}")
            yield items
            following = _at(page, self._settings.next) if self._settings.next is not None else None
            url = urljoin(url, following) if isinstance(following, str) and following else None


def _get(url: str, headers: dict[str, str]) -> Any:
    if urlsplit(url).scheme not in {"http", "https"}:
        raise SourceError(f"{url} is neither http nor https")
    request = urllib.request.Request(url, headers={"Accept": "application/json", **headers})  # noqa: S310 - looked at
    try:
        with urllib.request.urlopen(request, timeout=QUIET_S) as answer:  # noqa: S310 - as above
            body = answer.read(PAGE_BYTES_MAX + 1)
            promised = answer.headers.get("Content-Length")
    except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError) as error:
        raise SourceError(f"{url}: {_why(error)}") from None
    if len(body) > PAGE_BYTES_MAX:
        raise SourceError(f"{url}: more than {PAGE_BYTES_MAX:,} bytes in one page")
    if promised is not None and len(body) != int(promised):
        raise SourceError(f"{url}: cut off after {len(body):,} of {int(promised):,} bytes")
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SourceError(f"{url}: no JSON: {str(error).lower()}") from None


def _why(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        error.close()
        return f"status {error.code}"
    return str(getattr(error, "reason", None) or error) or type(error).__name__


def _at(value: Any, path: str) -> Any:
    for name in path.split(".") if path else ():
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _row(item: Any, fields: list[str]) -> tuple[Any, ...]:
    row = tuple(item.get(field, _ABSENT) if isinstance(item, dict) else _ABSENT for field in fields)
    if _ABSENT in row:
        raise SourceError(f"an entry has no field {fields[row.index(_ABSENT)]!r}")
    return row
