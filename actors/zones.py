"""Time zones of this machine. Reads the zone files."""

from __future__ import annotations

import functools
import os
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

LOCAL: Final = Path("/etc/localtime")


@functools.cache
def zone(name: str | None) -> tzinfo:
    """A zone by its name, as in Europe/Berlin; None: the machine's own, by TZ or /etc/localtime, else UTC.

    Raises: ValueError when the machine has no such zone.
    """
    if name is not None:
        return _named(name)
    own = os.environ.get("TZ", "").lstrip(":")
    if own:
        try:
            return _named(own)
        except ValueError:
            return UTC
    try:
        with LOCAL.open("rb") as file:
            return ZoneInfo.from_file(file)
    except (OSError, ValueError):
        return UTC


def _named(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, no name at all, or a directory
        raise ValueError(f'no time zone "{name}" on this machine') from None
