"""What the Monitor must still know when it is made anew: what it told others, and the interval it was asked to keep.

Readings are not stored here. What detectors learned is, as that takes days. Times in the file are Unix seconds.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path

from actors.monitor.detectors import Kind
from actors.monitor.subject import Subject
from actors.sqlite import Lenient, open_database
from bus.message import Fact
from bus.messages import (
    ForecastCleared,
    ForecastRaised,
    HealthChanged,
    Scope,
    ThresholdCleared,
    ThresholdCrossed,
)

SCHEMA = (
    """CREATE TABLE IF NOT EXISTS level (
        scope TEXT NOT NULL, subject TEXT NOT NULL, level TEXT NOT NULL, since REAL NOT NULL,
        PRIMARY KEY (scope, subject)) STRICT""",
    """CREATE TABLE IF NOT EXISTS crossing (
        scope TEXT NOT NULL, subject TEXT NOT NULL, metric TEXT NOT NULL,
        value REAL NOT NULL, since REAL NOT NULL, crossed REAL NOT NULL,
        PRIMARY KEY (scope, subject, metric)) STRICT""",
    """CREATE TABLE IF NOT EXISTS forecast (
        scope TEXT NOT NULL, subject TEXT NOT NULL, metric TEXT NOT NULL, raised REAL NOT NULL,
        PRIMARY KEY (scope, subject, metric)) STRICT""",
    """CREATE TABLE IF NOT EXISTS detector (
        scope TEXT NOT NULL, subject TEXT NOT NULL, metric TEXT NOT NULL, kind TEXT NOT NULL, state BLOB NOT NULL,
        at REAL NOT NULL, PRIMARY KEY (scope, subject, metric, kind)) STRICT""",
    """CREATE TABLE IF NOT EXISTS sampling (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        interval_s REAL NOT NULL, configured_s REAL NOT NULL, why TEXT NOT NULL, at REAL NOT NULL) STRICT""",
)


class MonitorStore:
    """The tables in <state_dir>/monitor.db. Survives the death of the process, not each time a power loss."""

    def __init__(self, state_dir: Path) -> None:
        self._db: sqlite3.Connection = open_database(
            state_dir / "monitor.db", SCHEMA, synchronous="NORMAL", kind=Lenient
        )

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
        elif isinstance(fact, ForecastRaised):
            key = (fact.scope, fact.subject, fact.metric)
            self._db.execute("INSERT OR REPLACE INTO forecast VALUES (?, ?, ?, ?)", (*key, wall_s))
        elif isinstance(fact, ForecastCleared):
            key = (fact.scope, fact.subject, fact.metric)
            self._db.execute("DELETE FROM forecast WHERE scope = ? AND subject = ? AND metric = ?", key)

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
        for scope, name, metric, raised in self._db.execute("SELECT * FROM forecast").fetchall():
            subject = known.get((scope, name))
            if subject is None:
                self.forget(scope, name)
            else:
                subject.detectors.resume(metric, now_s - max(0.0, wall_s - raised), now_s)

    def detectors(self, since: float) -> list[tuple[Scope, str, str, Kind, bytes]]:
        """Scope, subject, metric, kind and state of each detector that was saved since then; older ones are deleted."""
        self._db.execute("DELETE FROM detector WHERE at < ?", (since,))
        return self._db.execute("SELECT scope, subject, metric, kind, state FROM detector").fetchall()

    def put_detectors(self, rows: Iterable[tuple[str, str, str, str, bytes, float]]) -> None:
        """Save detectors, in one transaction."""
        self._db.execute("BEGIN")
        try:
            self._db.executemany("INSERT OR REPLACE INTO detector VALUES (?, ?, ?, ?, ?, ?)", rows)
        finally:
            self._db.execute("COMMIT")

    def forget(self, scope: Scope, subject: str) -> None:
        """The subject is not there any more."""
        for table in ("level", "crossing", "forecast", "detector"):
            self._db.execute(f"DELETE FROM {table} WHERE scope = ? AND subject = ?", (scope, subject))  # noqa: S608

    def interval_s(self, configured_s: float) -> float | None:
        """The interval that was asked for, as long as the config says the same as it did then; else None."""
        row = self._db.execute("SELECT interval_s FROM sampling WHERE configured_s = ?", (configured_s,)).fetchone()
        return None if row is None else float(row[0])

    def put_interval(self, interval_s: float, configured_s: float, why: str, at: float) -> None:
        """Note an interval that was asked for. A changed config wins over it later."""
        self._db.execute("INSERT OR REPLACE INTO sampling VALUES (1, ?, ?, ?, ?)", (interval_s, configured_s, why, at))
