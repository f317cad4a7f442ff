"""The file with the token that actions take."""

from __future__ import annotations

import os
import re
import secrets
import stat
from pathlib import Path
from typing import Final

FILE: Final = "gateway.token"
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{32,}")


def token_of(state_dir: Path) -> tuple[str, str]:
    """The token, and why it was made anew: empty when it was there, and nobody else could read it.

    Raises: OSError.
    """
    path = state_dir / FILE
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return _make(path), "there was none"
    with os.fdopen(descriptor, encoding="ascii", errors="replace") as file:
        about, text = os.fstat(descriptor), file.read(1000).strip()
    if about.st_uid != os.geteuid() or stat.S_IMODE(about.st_mode) & 0o077:
        return _make(path), "others could read it"
    return (text, "") if _TOKEN.fullmatch(text) else (_make(path), "it held no token")


def _make(path: Path) -> str:
    """Another one in its place, readable by this account only from the beginning."""
    token, draft = secrets.token_urlsafe(32), path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(f"{token}\n")
    draft.replace(path)
    return token
