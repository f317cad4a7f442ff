"""The Reconciler's tables: what a look at a data set showed that was believed, and what was tried for which key."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from actors.reconciler.course import Tried
from actors.sqlite import open_database

SCHEMA = (
    "CREATE TABLE IF NOT EXISTS datasets (name TEXT PRIMARY KEY, known TEXT NOT NULL) STRICT",
    """CREATE TABLE IF NOT EXISTS tried (
        dataset TEXT NOT NULL,
        key TEXT NOT NULL,
        tried TEXT NOT NULL,
        PRIMARY KEY (dataset, key)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS filled (
        dataset TEXT NOT NULL,
        key TEXT NOT NULL,
        at_s REAL NOT NULL,
        PRIMARY KEY (dataset, key)
    ) STRICT, WITHOUT ROWID""",
)


class Known(msgspec.Struct, kw_only=True):
    """What outlives the node of a data set. should: keys expected at the last look that was believed.

    filled: gaps closed since it last converged. open: there were gaps at that look. paused: by command. asked: for a
    fill that waits for a person, one has asked and it has not converged since. first_gap: the least key that was not as
    it should be at the last look; empty when all were, None when it did not show all gaps.
    """

    should: int = 0
    filled: int = 0
    open: bool = False
    paused: bool = False
    asked: bool = False
    first_gap: str | None = None


class ReconcilerStore:
    """Used by one thread at a time. Raises sqlite3.Error."""

    def __init__(self, path: Path) -> None:
        self._connection = open_database(path, SCHEMA, synchronous="NORMAL")

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def known(self, dataset: str) -> Known:
        """What is known of a data set."""
        row = self._connection.execute("SELECT known FROM datasets WHERE name = ?", (dataset,)).fetchone()
        return msgspec.json.decode(row[0], type=Known) if row is not None else Known()

    def keep(self, dataset: str, known: Known) -> None:
        """Keep it."""
        text = msgspec.json.encode(known).decode()
        self._connection.execute("INSERT OR REPLACE INTO datasets VALUES (?, ?)", (dataset, text))

    def tried(self, dataset: str) -> dict[str, Tried]:
        """Every key that was tried and is not known to be right, by key."""
        rows = self._connection.execute("SELECT tried FROM tried WHERE dataset = ?", (dataset,))
        found = [msgspec.json.decode(row[0], type=Tried) for row in rows]
        return {one.key: one for one in found}

    def note(self, dataset: str, tried: Iterable[Tried]) -> None:
        """Keep what was tried, all of it or nothing."""
        rows = [(dataset, one.key, msgspec.json.encode(one).decode()) for one in tried]
        self._all("INSERT OR REPLACE INTO tried VALUES (?, ?, ?)", rows)

    def forget(self, dataset: str, keys: Iterable[str]) -> None:
        """These keys are well: what was tried does not count any more."""
        self._all("DELETE FROM tried WHERE dataset = ? AND key = ?", [(dataset, key) for key in keys])

    def filled(self, dataset: str) -> dict[str, float]:
        """Key -> wall seconds of what our own tasks have put there since the last report was begun."""
        rows = self._connection.execute("SELECT key, at_s FROM filled WHERE dataset = ?", (dataset,))
        return dict(rows.fetchall())

    def note_filled(self, dataset: str, key: str, at_s: float) -> None:
        """A task has put a key there."""
        self._connection.execute("INSERT OR REPLACE INTO filled VALUES (?, ?, ?)", (dataset, key, at_s))

    def drop_filled(self, dataset: str, before_s: float) -> None:
        """Forget what an inventory as of before_s has to show by itself."""
        self._connection.execute("DELETE FROM filled WHERE dataset = ? AND at_s <= ?", (dataset, before_s))

    def drop_others(self, datasets: Iterable[str]) -> None:
        """Forget data sets that are not in the config any more."""
        kept = list(datasets)
        marks = ", ".join("?" * len(kept)) or "''"
        for statement in (
            f"DELETE FROM datasets WHERE name NOT IN ({marks})",  # noqa: S608 - question marks
            f"DELETE FROM tried WHERE dataset NOT IN ({marks})",  # noqa: S608
            f"DELETE FROM filled WHERE dataset NOT IN ({marks})",  # noqa: S608
        ):
            self._connection.execute(statement, kept)

    def _all(self, statement: str, rows: Sequence[tuple[str, ...]]) -> None:
        if not rows:
            return
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            self._connection.executemany(statement, rows)
            self._connection.execute("COMMIT")
        except sqlite3.Error:
            self._connection.execute("ROLLBACK")
            raise
