"""Opens the queue where the settings say it is, and sets a file aside that is broken."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from actors.executor.database import Database, StoreFailed
from actors.executor.flow import AGEING_STEP_S
from actors.executor.room import Room
from actors.executor.settings import POSTGRES
from actors.executor.store import TaskStore

_PARTS: Final = ("", "-wal", "-shm")
"""What belongs to a file of SQLite."""


def open_database(address: str, *, synchronous: Literal["FULL", "NORMAL"] = "FULL") -> Database:
    """One connection. address: postgresql://USER@HOST/NAME, or the path of a SQLite file. Raises: StoreFailed."""
    if address.startswith(POSTGRES):
        try:
            from actors.executor.postgres import PostgresDatabase  # noqa: PLC0415 - an optional package
        except ImportError:
            msg = "PostgreSQL needs the package psycopg: pip install 'gyrostat[postgres]'"
            raise StoreFailed(msg, again=False) from None
        return PostgresDatabase(address)
    from actors.executor.sqlite import SqliteDatabase  # noqa: PLC0415 - not needed with the other

    return SqliteDatabase(Path(address), synchronous=synchronous)


def open_store(
    address: str,
    *,
    synchronous: Literal["FULL", "NORMAL"] = "FULL",
    step_s: float = AGEING_STEP_S,
    room: Room | None = None,
) -> TaskStore:
    """The queue over one connection. room: of the node whose workers take from it. Raises: StoreFailed."""
    return TaskStore(open_database(address, synchronous=synchronous), step_s=step_s, room=room)


def set_aside(path: Path) -> tuple[Path, str] | None:
    """Move a broken SQLite file out of the way, whole, so that it can be looked at; nothing of it is thrown away.

    Gives where it is now and what is wrong with it; None when it is well or not there.
    """
    from actors.executor.sqlite import is_corrupt  # noqa: PLC0415 - not needed with PostgreSQL

    wrong = is_corrupt(path)
    if not wrong:
        return None
    number = 1
    while (kept := path.with_name(f"{path.name}.corrupt-{number}")).exists():
        number += 1
    for part in _PARTS:
        piece = path.with_name(path.name + part)
        if piece.exists():
            piece.rename(kept.with_name(kept.name + part))
    return kept, wrong
