"""Who of the workers on this machine lives: each holds a lock on a file of its name for as long as it does.

The kernel lets the lock go however the worker dies, so that its death is seen at the next look, and never by a clock.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO


class WorkerLock:
    """The own one; held until release() or the end of the process."""

    def __init__(self, directory: Path, name: str) -> None:
        """Take it. The file gets its name when it is locked already, so that nobody sees it free."""
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = directory / name
        taking = directory / f".{name}.{os.getpid()}"
        self._file: TextIO = taking.open("w", encoding="ascii")
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        taking.rename(self._path)

    def release(self) -> None:
        """Let go; the worker has nothing in hand."""
        self._path.unlink(missing_ok=True)
        self._file.close()


@contextlib.contextmanager
def dead(directory: Path, name: str) -> Iterator[bool]:
    """Whether a worker of this machine is dead; if it is, nobody else can find that out within the block.

    Its file is removed at the end of a block in which it was dead and nothing was raised.
    """
    path = directory / name
    try:
        file = path.open("r", encoding="ascii")
    except FileNotFoundError:
        yield True
        return
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
        path.unlink(missing_ok=True)


def names(directory: Path) -> list[str]:
    """The workers that have a file here, alive or dead."""
    with contextlib.suppress(FileNotFoundError), os.scandir(directory) as entries:
        return sorted(entry.name for entry in entries if not entry.name.startswith("."))
    return []
