"""The Optimizer's tables: experiments, and the values that proved themselves."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import msgspec

from actors.optimizer.resume import Kept
from actors.sqlite import Lenient, open_database
from bus.messages import ExperimentState

ENDED_KEPT = 1000
"""Ended experiments that are kept to look at, the newest."""

SCHEMA = (
    """CREATE TABLE IF NOT EXISTS experiments (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        parameter TEXT NOT NULL,
        baseline REAL NOT NULL,
        candidate REAL NOT NULL,
        state TEXT NOT NULL,
        before REAL NOT NULL,
        after REAL,
        why TEXT NOT NULL,
        started_at REAL NOT NULL
    ) STRICT""",
    "CREATE UNIQUE INDEX IF NOT EXISTS one_running ON experiments (parameter) WHERE state = 'running'",
    """CREATE TABLE IF NOT EXISTS kept (
        parameter TEXT PRIMARY KEY,
        value REAL NOT NULL,
        configured REAL NOT NULL
    ) STRICT""",
)
COLUMNS = "number, parameter, baseline, candidate, state, before, after, why, started_at"


class Experiment(msgspec.Struct, frozen=True, kw_only=True):
    """One experiment. before, after: median cost in percent of one core. started_at: Unix seconds."""

    number: int
    parameter: str
    baseline: float
    candidate: float
    state: ExperimentState
    before: float
    after: float | None
    why: str
    started_at: float

    @property
    def name(self) -> str:
        """What people and messages call it."""
        return f"experiment-{self.number}"


class ExperimentStore:
    """At most one experiment of a parameter runs. Used by one thread at a time. Raises sqlite3.Error."""

    def __init__(self, path: Path) -> None:
        self._connection = open_database(path, SCHEMA, synchronous="FULL", kind=Lenient)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def begin(self, experiment: Experiment) -> Experiment:
        """Keep a running experiment, before anything is changed; gives it with its number."""
        values = msgspec.structs.astuple(experiment)[1:]
        row = self._connection.execute(
            "INSERT INTO experiments (parameter, baseline, candidate, state, before, after, why, started_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING number",
            values,
        ).fetchone()
        return msgspec.structs.replace(experiment, number=row[0])

    def end(self, experiment: Experiment, kept: Kept | None = None) -> None:
        """Keep how an experiment ended and, with it, the value that proved itself; forgets those beyond ENDED_KEPT."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            self._connection.execute(
                "UPDATE experiments SET state = ?, after = ?, why = ? WHERE number = ?",
                (experiment.state, experiment.after, experiment.why, experiment.number),
            )
            if kept is not None:
                self._connection.execute(
                    "INSERT OR REPLACE INTO kept VALUES (?, ?, ?)", (experiment.parameter, kept.value, kept.configured)
                )
            self._connection.execute(
                "DELETE FROM experiments WHERE state != 'running' AND number NOT IN"
                " (SELECT number FROM experiments WHERE state != 'running' ORDER BY number DESC LIMIT ?)",
                (ENDED_KEPT,),
            )
            self._connection.execute("COMMIT")
        except sqlite3.Error:
            self._connection.execute("ROLLBACK")
            raise

    def running(self, parameter: str) -> Experiment | None:
        """The experiment of a parameter that has not ended."""
        rows = self._select("WHERE parameter = ? AND state = 'running'", (parameter,))
        return rows[0] if rows else None

    def newest(self, limit: int) -> list[Experiment]:
        """Experiments, newest first."""
        return self._select("ORDER BY number DESC LIMIT ?", (max(0, limit),))

    def undone(self, parameter: str, baseline: float, since: float) -> list[float]:
        """Candidates that were measured from this baseline and undone, started at `since` (Unix seconds) or later."""
        rows = self._select(
            "WHERE parameter = ? AND baseline = ? AND started_at >= ? AND state = 'undone' AND after IS NOT NULL",
            (parameter, baseline, since),
        )
        return [row.candidate for row in rows]

    def kept(self, parameter: str) -> Kept | None:
        """The value of a parameter that proved itself."""
        row = self._connection.execute(
            "SELECT value, configured FROM kept WHERE parameter = ?", (parameter,)
        ).fetchone()
        return Kept(*row) if row is not None else None

    def drop_kept(self, parameter: str) -> None:
        """Forget the kept value."""
        self._connection.execute("DELETE FROM kept WHERE parameter = ?", (parameter,))

    def _select(self, rest: str, values: tuple[object, ...]) -> list[Experiment]:
        rows = self._connection.execute(f"SELECT {COLUMNS} FROM experiments {rest}", values)  # noqa: S608 - constants
        return [Experiment(**dict(zip(Experiment.__struct_fields__, row, strict=True))) for row in rows]
