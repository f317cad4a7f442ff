"""The questions of those who post values: POST /push/SUBJECT with a JSON object or lines of StatsD. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote

import msgspec
from msgspec import Struct

from actors.monitor.statsd import Item, items_in
from actors.settings.push import PUSH_PATH

HEAD_BYTES_MAX: Final = 8192
BODY_BYTES_MAX: Final = 65_536
_USAGE: Final = f'POST {PUSH_PATH}NAME with {{"metric": number}} or lines of metric:number|c'
_REASONS: Final[Mapping[int, str]] = {
    200: "OK", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    411: "Length Required", 413: "Content Too Large", 431: "Request Header Fields Too Large",
}  # fmt: skip


class Rejected(Exception):
    """A request that is not done. status: of HTTP."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class Posted(Struct, frozen=True):
    """What was posted, and for whom."""

    subject: str
    items: list[Item]


def posted_in(raw: bytes, hosts: frozenset[str]) -> Posted | None:
    """Read a request; None while there is more to come.

    hosts: names by which this may be reached, as a page of a browser that comes by another name is not let in.

    Raises: Rejected.
    """
    head, found, body = raw.partition(b"\r\n\r\n")
    if not found:
        if len(raw) > HEAD_BYTES_MAX:
            raise Rejected(431, f"no end of the head within {HEAD_BYTES_MAX} bytes")
        return None
    lines = head.decode("latin-1").split("\r\n")
    subject = _subject_of(lines[0])
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    _check_sender(headers, hosts)
    length = _length_of(headers)
    if len(body) < length:
        return None
    return Posted(subject, _items_of(body[:length]))


def _subject_of(line: str) -> str:
    words = line.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):  # noqa: PLR2004 - method, path, version
        raise Rejected(400, f"no HTTP; {_USAGE}")
    if words[0] not in ("POST", "PUT"):
        raise Rejected(405, _USAGE)
    path = unquote(words[1].partition("?")[0])
    subject = path.removeprefix(PUSH_PATH)
    if subject == path or not subject:
        raise Rejected(404, _USAGE)
    return subject


def _check_sender(headers: Mapping[str, str], hosts: frozenset[str]) -> None:
    if "origin" in headers:
        raise Rejected(403, "pages of a browser hand in nothing here")
    if headers.get("host", "").lower() not in hosts:
        raise Rejected(403, f"the header Host has to be {min(hosts)}")


def _length_of(headers: Mapping[str, str]) -> int:
    text = headers.get("content-length", "")
    if "transfer-encoding" in headers or not (text.isascii() and text.isdigit()):
        raise Rejected(411, "the header Content-Length is needed")
    if len(text) > 9 or int(text) > BODY_BYTES_MAX:  # noqa: PLR2004 - a number that long is too large anyway
        raise Rejected(413, f"at most {BODY_BYTES_MAX} bytes at a time")
    return int(text)


def _items_of(body: bytes) -> list[Item]:
    """Raises: Rejected."""
    try:
        if body.lstrip()[:1] == b"{":
            values = msgspec.json.decode(body, type=dict[str, float])
            return [Item(name, "set", _finite(name, value)) for name, value in values.items()]
        return [item for line in body.decode().splitlines() if line.strip() for item in items_in(line)]
    except (msgspec.DecodeError, ValueError) as error:
        raise Rejected(400, str(error)) from None


def _finite(name: str, value: float) -> float:
    if not math.isfinite(value):
        raise ValueError(f"{name[:64]!r} is no finite number")
    return value


def answer(status: int, text: str) -> bytes:
    """An answer with one line of text."""
    body = f"{text}\n".encode()
    head = (
        f"HTTP/1.1 {status} {_REASONS[status]}",
        "Content-Type: text/plain; charset=utf-8",
        f"Content-Length: {len(body)}",
        "Connection: close",
        "",
        "",
    )
    return "\r\n".join(head).encode() + body
