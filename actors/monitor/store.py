"""What the Monitor must still know when it is made anew: what it told others, and the interval it was asked to keep.

Readings are not stored: they are found again in the world. Times in the file are Unix seconds.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path

from actors.monitor.subject import Subject
from actors.sqlite import open_database
from bus.message import Fact
from bus.messages import HealthChanged, Scope, ThresholdCleared, ThresholdCrossed

SCHEMA = (
    """CREATE TABLE IF NOT EXISTS level (
        scope TEXT NOT NULL, subject TEXT NOT NULL, level TEXT NOT NULL, since REAL NOT NULL,
        PRIMARY KEY (scope, subject)) STRICT""",
    """CREATE TABLE IF NOT EXISTS crossing (
        scope TEXT NOT NULL, subject TEXT NOT NULL, metric TEXT NOT NULL,
        value REAL NOT NULL, since REAL NOT NULL, crossed REAL NOT NULL,
        PRIMARY KEY (scope, subject, metric)) STRICT""",
    """CREATE TABLE IF NOT EXISTS sampling (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        interval_s REAL NOT NULL, configured_s REAL NOT NULL, why TEXT NOT NULL, at REAL NOT NULL) STRICT""",
)


class MonitorStore:
    """The tables in <state_dir>/monitor.db. Survives the death of the process, not each time a power loss."""

    def __init__(self, state_dir: Path) -> None:
        self._db: sqlite3.Connection = open_database(state_dir / "monitor.db", SCHEMA, synchronous="NORMAL")

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def note(self, fact: Fact, wall_s: float) -> None:
        """Remember a fact that is told, when it is one that has to be taken back or changed later."""
        if isinstance(fact, HealthChanged):
            row = (fact.scope, fact.subject, fact.level, wall_s)
            self._db.execute("INSERT OR REPLACE INTO level VALUES (?, ?, ?, ?)", row)
        elif isinstance(fact, ThresholdCrossed):
            key = (fact.scope, fact.subject, fact.metric)
            times = (wall_s - fact.held_s, wall_s)
            self._db.execute("INSERT OR REPLACE INTO crossing VALUES (?, ?, ?, ?, ?, ?)", (*key, fact.value, *times))
        elif isinstance(fact, ThresholdCleared):
            key = (fact.scope, fact.subject, fact.metric)
            self._db.execute("DELETE FROM crossing WHERE scope = ? AND subject = ? AND metric = ?", key)

    def recall(self, subjects: Iterable[Subject], now_s: float, wall_s: float) -> None:
        """Give the subjects what was told of them, so that it is neither told twice nor left standing.

        now_s: monotonic seconds, at wall_s. What is there of subjects that are gone is forgotten.
        """
        known = {(subject.scope, subject.name): subject for subject in subjects}
        for scope, name, level, since in self._db.execute("SELECT * FROM level").fetchall():
            subject = known.get((scope, name))
            if subject is None:
                self.forget(scope, name)
            else:
                subject.stand_at(level, now_s - max(0.0, wall_s - since))
        for scope, name, metric, value, *times in self._db.execute("SELECT * FROM crossing").fetchall():
            subject = known.get((scope, name))
            if subject is None:
                self.forget(scope, name)
            else:
                since_s, crossed_s = (now_s - max(0.0, wall_s - at) for at in times)
                subject.resume(metric, value, since_s, crossed_s)

    def forget(self, scope: Scope, subject: str) -> None:
        """The subject is not there any more."""
        for table in ("level", "crossing"):
            self._db.execute(f"DELETE FROM {table} WHERE scope = ? AND subject = ?", (scope, subject))  # noqa: S608

    def interval_s(self, configured_s: float) -> float | None:
        """The interval that was asked for, as long as the config says the same as it did then; else None."""
        row = self._db.execute("SELECT interval_s FROM sampling WHERE configured_s = ?", (configured_s,)).fetchone()
        return None if row is None else float(row[0])

    def put_interval(self, interval_s: float, configured_s: float, why: str, at: float) -> None:
        """Note an interval that was asked for. A changed config wins over it later."""
        self._db.execute("INSERT OR REPLACE INTO sampling VALUES (1, ?, ?, ?, ?)", (interval_s, configured_s, why, at))
