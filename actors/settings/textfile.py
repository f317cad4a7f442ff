"""Reads the small files that a config names: env files and secrets. I/O."""

from pathlib import Path
from typing import Final

FILE_BYTES_MAX: Final = 1 << 20


def read_text(path: str) -> str:
    """Give the text of a file.

    Raises: OSError; ValueError when it is no text that a process could be given, which says why.
    """
    with Path(path).open("rb") as file:
        raw = file.read(FILE_BYTES_MAX + 1)
    if len(raw) > FILE_BYTES_MAX or b"\0" in raw:
        raise ValueError("is larger than 1 MiB, or holds a zero byte")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise ValueError("is no UTF-8") from None
