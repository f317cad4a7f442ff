"""Opening a SQLite file of an actor: one owner per file, write-ahead log, one schema statement list."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Literal


def open_database(
    path: Path, schema: Sequence[str], *, synchronous: Literal["FULL", "NORMAL"] = "FULL"
) -> sqlite3.Connection:
    """Open (and create) the database and bring its schema about.

    schema: idempotent statements (`CREATE TABLE IF NOT EXISTS ...`). synchronous: FULL survives a power loss;
    NORMAL survives the death of the process at the price of no fsync per commit. The connection is in autocommit mode
    (`BEGIN` by hand), used by one thread at a time. Raises sqlite3.Error.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5.0)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={synchronous}")
        connection.execute("PRAGMA foreign_keys=ON")
        for statement in schema:
            connection.execute(statement)
    except sqlite3.Error:
        connection.close()
        raise
    return connection
