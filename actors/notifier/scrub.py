"""Takes secrets out of texts that people and logs see. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote, urlsplit

HIDDEN: Final = "***"
SHORTEST: Final = 4
"""Characters: what is shorter is no secret, and would be found in every other word."""


def scrubbed(text: str, secrets: Iterable[str]) -> str:
    """The text with every secret in it replaced, the longest first."""
    for secret in sorted({each for each in secrets if len(each) >= SHORTEST}, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text


def secrets_of(url: str) -> list[str]:
    """What in a URL is a secret: all of it, and each part but scheme and host, as written and as it is sent.

    In a URL of apprise the host can be a token too.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return [url]
    http = parts.scheme in {"http", "https"}
    found = [url, parts.path, parts.query, parts.fragment, parts.username or "", parts.password or ""]
    found += [] if http else [parts.netloc]
    found += [part for piece in (parts.path, parts.query) for part in _pieces(piece)]
    return [each for one in found if one for each in (one, unquote(one))]


def _pieces(text: str) -> list[str]:
    for separator in "&=?;":
        text = text.replace(separator, "/")
    return [each for each in text.split("/") if len(each) >= 2 * SHORTEST]
