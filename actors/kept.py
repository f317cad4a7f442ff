"""What the node keeps of a workload that was well: the digests of its configuration files, and its variables."""

from __future__ import annotations

from pathlib import Path

import msgspec


class GoodFile(msgspec.Struct):
    """One file. digest: of the content that a start was well with; empty before the first.

    lived_with: digest of a content that came while it ran -> Unix seconds since which it is well with it.
    """

    digest: str = ""
    lived_with: dict[str, float] = {}


class GoodVariables(msgspec.Struct):
    """The variables of a start that was well. env: of the config. files: text of each env file, by its path."""

    env: dict[str, str] = {}
    files: dict[str, str] = {}


class Index(msgspec.Struct):
    """What is kept of one workload."""

    files: dict[str, GoodFile] = {}
    variables: GoodVariables | None = None


def place_of(state_dir: Path, name: str) -> Path:
    """The directory of what is kept of a workload."""
    return state_dir / "healer" / name


def index_path(place: Path) -> Path:
    """The file that holds the Index, in that directory."""
    return place / "last-good" / "last-good.json"


def read_index(place: Path) -> Index:
    """The Index, empty when nothing was kept yet. Raises: OSError, msgspec.DecodeError."""
    path = index_path(place)
    return msgspec.json.decode(path.read_bytes(), type=Index) if path.exists() else Index()
