"""The files of the dashboard: those that were shipped, by the path they are asked for, and no others."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

import msgspec

FOLDER: Final = Path(__file__).parent / "web"
MEDIA: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
"""Only files of these kinds are served."""


class File(msgspec.Struct, frozen=True):
    """A file as it is sent."""

    body: bytes
    media: str
    etag: str


def files_in(folder: Path = FOLDER) -> dict[str, File]:
    """Every file by its path beneath /static/, and index.html as `/`; empty when the dashboard is not there."""
    found = {
        f"/static/{path.relative_to(folder).as_posix()}": _file(path)
        for path in sorted(folder.rglob("*"))
        if path.suffix in MEDIA and path.is_file()
    }
    index = found.pop("/static/index.html", None)
    return found if index is None else {"/": index, **found}


def _file(path: Path) -> File:
    body = path.read_bytes()
    return File(body, MEDIA[path.suffix], f'"{hashlib.sha256(body).hexdigest()[:20]}"')
