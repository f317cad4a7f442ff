"""Files that the config names, safely: inside the workload's directory, never through a symbolic link."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from actors.healer.repair import RepairFailed


def inside(directory: Path, name: str) -> Path:
    """The path of a file that the config names. Raises RepairFailed when a symbolic link leads out of the directory.

    A name that the config gives as absolute is taken as it is.
    """
    if Path(name).is_absolute():
        return Path(name)
    path = directory / name
    root = directory.resolve()
    parent = path.parent.resolve()
    if parent != root and root not in parent.parents:
        raise RepairFailed(f"{name} leads out of {directory} by a symbolic link")
    return parent / path.name


def matching(directory: Path, patterns: Iterable[str]) -> Iterator[Path]:
    """Regular files that match, each once; symbolic links are left out."""
    seen: set[Path] = set()
    for pattern in patterns:
        root, wanted = (Path("/"), pattern.lstrip("/")) if Path(pattern).is_absolute() else (directory, pattern)
        for path in root.glob(wanted):
            if path not in seen and path.is_file() and not path.is_symlink():
                seen.add(path)
                yield path


def free_name(path: Path) -> Path:
    """The path itself when nothing is there, else with the first number behind it that is free."""
    names = (path.with_name(f"{path.name}{number or ''}") for number in range(10_000))
    return next(each for each in names if not each.exists())


def keep_copy(path: Path, keep: Path, name: str) -> Path:
    """Put a copy of a file where the node keeps what an undo needs; only its owner can read it. Raises OSError."""
    keep.mkdir(parents=True, exist_ok=True, mode=0o700)
    target = keep / name
    shutil.copy2(path, target)
    target.chmod(0o600)
    return target


def replace_with(path: Path, source: Path) -> None:
    """Put the content of source in the place of path at once, with path's owner and permissions. Raises OSError."""
    beside = path.with_name(f".{path.name}.gyrostat")
    try:
        shutil.copyfile(source, beside)
        model = path if path.exists() else source
        shutil.copystat(model, beside)
        status = model.stat()
        if os.geteuid() == 0:
            os.chown(beside, status.st_uid, status.st_gid)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
