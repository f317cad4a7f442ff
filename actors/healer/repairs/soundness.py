"""Whether a file is what its suffix says: it is read as that, and nothing of it is changed."""

from __future__ import annotations

import configparser
import json
import os
import sqlite3
import tomllib
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from types import MappingProxyType
from typing import Final
from urllib.parse import quote

SIZE_MAX: Final = 50_000_000
"""Bytes above which a file is not read as a whole; it counts as sound when it can be opened."""
_SQLITE_MAGIC: Final = b"SQLite format 3\0"


def trouble_of(path: Path, model: Path) -> str:
    """What is wrong with a file, in words; empty when nothing is found.

    model: a good one of its kind: a file that is empty though that is not, or that is no database though that is one,
    is broken.
    """
    if not path.exists():
        return "it is missing"
    if model.is_dir():
        return "" if path.is_dir() else "it is no directory"
    try:
        return _content_trouble(path, model)
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    except (ValueError, configparser.Error, RecursionError) as error:
        line = str(error).splitlines()[0] if str(error) else type(error).__name__
        return f"it is no {path.suffix.lower().lstrip('.')}: {line}"


def _content_trouble(path: Path, model: Path) -> str:
    """Raises what the reader of its suffix raises."""
    size = path.stat().st_size
    if size == 0 and model.stat().st_size > 0:
        return "it is empty"
    if _is_database(path):
        return _database_trouble(path)
    if _is_database(model):
        return "it is no SQLite database"
    reader = _READERS.get(path.suffix.lower())
    if reader is not None and size <= SIZE_MAX:
        reader(path.read_text("utf-8"))
    return ""


def _is_database(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_SQLITE_MAGIC)) == _SQLITE_MAGIC


def _database_trouble(path: Path) -> str:
    """By SQLite's own check. One that is locked is not broken."""
    address = f"file:{quote(str(path))}?mode={'rw' if os.access(path, os.W_OK) else 'ro'}"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=0.5)) as connection:
            found = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError as error:
        return "" if "locked" in str(error) else f"SQLite says: {error}"
    except sqlite3.DatabaseError as error:
        return f"SQLite says: {error}"
    return "" if found == ("ok",) else f"SQLite says: {found[0] if found else 'nothing'}"


def _read_ini(text: str) -> None:
    configparser.ConfigParser(interpolation=None).read_string(text)


def _read_yaml(text: str) -> None:
    import yaml  # noqa: PLC0415 - fourteen milliseconds, and few need it

    try:
        yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from None


def _read_json_lines(text: str) -> None:
    for line in text.splitlines():
        if line.strip():
            json.loads(line)


_READERS: Final[Mapping[str, Callable[[str], object]]] = MappingProxyType(
    {
        ".json": json.loads,
        ".jsonl": _read_json_lines,
        ".ndjson": _read_json_lines,
        ".toml": tomllib.loads,
        ".yaml": _read_yaml,
        ".yml": _read_yaml,
        ".ini": _read_ini,
        ".cfg": _read_ini,
    }
)
