"""The incidents and the emergency as they are kept: a new behaviour, or a new node, takes them up where they stood.

Times in the file are Unix seconds.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from actors.monitor.emergency import Emergency
from actors.monitor.incidents import Incident
from actors.sqlite import Lenient, open_database

SCHEMA: Final = (
    """CREATE TABLE IF NOT EXISTS incident (
        number INTEGER PRIMARY KEY, closed REAL, why TEXT NOT NULL, body BLOB NOT NULL) STRICT""",
    """CREATE TABLE IF NOT EXISTS emergency (one INTEGER PRIMARY KEY CHECK (one = 1), body BLOB NOT NULL) STRICT""",
)


class Closed(Struct, frozen=True):
    """An incident that is over. at: Unix seconds, as are its own times."""

    incident: Incident
    at: float
    why: str


class Standing(Struct, frozen=True, kw_only=True):
    """What the emergency protocol must not forget.

    owed: workloads it stopped and has to start, the first one first. incident: that of the latest emergency.
    """

    emergency: Emergency = Emergency()
    owed: tuple[str, ...] = ()
    incident: str = ""


class Ledger:
    """The tables in <state_dir>/incidents.db."""

    def __init__(self, state_dir: Path) -> None:
        path = state_dir / "incidents.db"
        self._db: sqlite3.Connection = open_database(path, SCHEMA, synchronous="NORMAL", kind=Lenient)

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def number(self) -> int:
        """The greatest number of an incident so far."""
        row = self._db.execute("SELECT max(number) FROM incident").fetchone()
        return int(row[0] or 0)

    def open(self) -> list[Incident]:
        """The incidents that are not over, the oldest first."""
        found = self._db.execute("SELECT body FROM incident WHERE closed IS NULL ORDER BY number").fetchall()
        return [msgspec.json.decode(body, type=Incident) for (body,) in found]

    def closed(self, limit: int) -> list[Closed]:
        """Those that are over, the newest first."""
        found = self._db.execute(
            "SELECT body, closed, why FROM incident WHERE closed IS NOT NULL ORDER BY closed DESC LIMIT ?", (limit,)
        ).fetchall()
        return [Closed(msgspec.json.decode(body, type=Incident), at, why) for body, at, why in found]

    def put(self, incident: Incident, *, closed: float | None = None, why: str = "") -> None:
        """Keep an incident as it is now. closed: when it was, in Unix seconds."""
        row = (int(incident.incident[1:]), closed, why, msgspec.json.encode(incident))
        self._db.execute("INSERT OR REPLACE INTO incident VALUES (?, ?, ?, ?)", row)

    def forget(self, before: float) -> None:
        """Drop what was closed before that time, but for the one with the greatest number, which is counted on."""
        newest = self.number()
        self._db.execute("DELETE FROM incident WHERE closed < ? AND number <> ?", (before, newest))

    def standing(self) -> Standing:
        """How the emergency protocol stood."""
        row = self._db.execute("SELECT body FROM emergency").fetchone()
        return Standing() if row is None else msgspec.json.decode(row[0], type=Standing)

    def put_standing(self, standing: Standing) -> None:
        """Keep how the emergency protocol stands."""
        self._db.execute("INSERT OR REPLACE INTO emergency VALUES (1, ?)", (msgspec.json.encode(standing),))
