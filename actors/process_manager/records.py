"""What guards noted of the ends of processes that outlived their node. I/O; see actors/cli/guard.py, which writes it.

A guard has one file in `<state_dir>/exits`, named BOOT-PID-TICKS after itself, with a line for each main process it
reaped: pid, start ticks, wait status, Unix seconds of the end.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Final

from msgspec import Struct

from actors.process_manager.exits import Exit, exit_of
from actors.process_manager.processes import Processes

FOLDER: Final = "exits"
_BOOT_DIGITS: Final = 12
_PARTS: Final = 3


class Ending(Struct, frozen=True):
    """How a process ended. wall_s: when, Unix seconds."""

    exit: Exit
    wall_s: float


class Records:
    """The notes of every guard of this boot."""

    def __init__(self, state_dir: Path, table: Processes) -> None:
        self._folder = state_dir / FOLDER
        self._table = table
        self._boot = table.boot().replace("-", "")[:_BOOT_DIGITS]

    def find(self, pid: int, ticks: int | None) -> Ending | None:
        """How that process ended; None when no guard saw it."""
        head = f"{pid} {ticks} ".encode()
        for path in self._files():
            with contextlib.suppress(OSError):
                for line in reversed(path.read_bytes().splitlines()):
                    if line.startswith(head):
                        with contextlib.suppress(ValueError, IndexError):
                            _, _, status, wall_s = line.split()
                            return Ending(exit_of(int(status)), float(wall_s))
        return None

    def exit(self, pid: int, ticks: int | None) -> Exit | None:
        """The exit of that process; None when no guard saw it."""
        found = self.find(pid, ticks)
        return found.exit if found is not None else None

    def guards(self) -> set[int]:
        """Pids of the guards that live: they are the parents of what their nodes left."""
        return {pid for path in self._files() if (pid := self._guard(path)) is not None}

    def forget(self) -> None:
        """Remove the notes of guards that are gone; what a node needs of them lies in its store by now."""
        with contextlib.suppress(OSError):
            for path in self._folder.iterdir():
                if not path.name.startswith(f"{self._boot}-") or self._guard(path) is None:
                    path.unlink(missing_ok=True)

    def _files(self) -> list[Path]:
        with contextlib.suppress(OSError):
            return [path for path in self._folder.iterdir() if path.name.startswith(f"{self._boot}-")]
        return []

    def _guard(self, path: Path) -> int | None:
        parts = path.name.split("-")
        if len(parts) != _PARTS or not (parts[1].isdecimal() and parts[2].isdecimal()):
            return None
        stat = self._table.stat(int(parts[1]))
        there = stat is not None and not stat.zombie and stat.ticks == int(parts[2])
        return int(parts[1]) if there else None
