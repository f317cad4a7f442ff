"""The Healer's history: issues, their evidence, every step taken, and every attempt of a remedy.

One file, `<state_dir>/healer.db`; nobody else reads or writes it. What belongs together is committed together, and the
actor tells of it once it is (see holding.py); what a full disk does not take waits in memory. Times are Unix seconds.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import msgspec

from actors.healer.grouped import open_grouped
from actors.healer.issues import Cause, Issue
from actors.sqlite import add_columns
from bus.messages.healer import AuditRow

_COLUMNS = (
    "issue",
    "subject",
    "kind",
    "severity",
    "state",
    "fingerprint",
    "summary",
    "first_seen",
    "last_seen",
    "cause",
    "count",
    "step",
    "attempts",
    "rounds",
    "told",
    "tried",
    "retry_at",
    "time_to_repair_s",
    "failure",
    "trace",
)
_LATER_COLUMNS = {"failure": "TEXT NOT NULL DEFAULT 'unknown'", "trace": "TEXT NOT NULL DEFAULT ''"}
"""Of issues; what came after the first version."""
_SCHEMA = (
    """CREATE TABLE IF NOT EXISTS issues (
        issue TEXT PRIMARY KEY, subject TEXT NOT NULL, kind TEXT NOT NULL, severity TEXT NOT NULL, state TEXT NOT NULL,
        fingerprint TEXT NOT NULL, summary TEXT NOT NULL, first_seen REAL NOT NULL, last_seen REAL NOT NULL,
        cause TEXT NOT NULL, count INTEGER NOT NULL, step INTEGER NOT NULL, attempts INTEGER NOT NULL,
        rounds INTEGER NOT NULL, told INTEGER NOT NULL, tried TEXT NOT NULL, retry_at REAL, time_to_repair_s REAL
    ) WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS issues_by_state ON issues (state)",
    """CREATE TABLE IF NOT EXISTS evidence (
        issue TEXT NOT NULL REFERENCES issues ON DELETE CASCADE, number INTEGER NOT NULL, text TEXT NOT NULL,
        PRIMARY KEY (issue, number)
    ) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS steps (
        number INTEGER PRIMARY KEY, issue TEXT NOT NULL REFERENCES issues ON DELETE CASCADE, time REAL NOT NULL,
        step TEXT NOT NULL, detail TEXT NOT NULL
    )""",
    "CREATE INDEX IF NOT EXISTS steps_by_issue ON steps (issue)",
    """CREATE TABLE IF NOT EXISTS attempts (
        issue TEXT NOT NULL REFERENCES issues ON DELETE CASCADE, attempt INTEGER NOT NULL, subject TEXT NOT NULL,
        remedy TEXT NOT NULL, fingerprint TEXT NOT NULL, started_at REAL NOT NULL, ended_at REAL, outcome TEXT,
        PRIMARY KEY (issue, attempt)
    ) WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS attempts_by_start ON attempts (started_at)",
    """CREATE TABLE IF NOT EXISTS undos (
        issue TEXT NOT NULL REFERENCES issues ON DELETE CASCADE, attempt INTEGER NOT NULL, undo TEXT NOT NULL,
        PRIMARY KEY (issue, attempt)
    ) WITHOUT ROWID""",
)
_UPSERT = (
    f"INSERT INTO issues ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608 - constants
    f" ON CONFLICT (issue) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _COLUMNS[1:])}"
)


class PastAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt of a remedy. outcome: verified, failed, dropped, or None while it is under way."""

    subject: str
    remedy: str
    fingerprint: str
    started_at: float
    ended_at: float | None
    outcome: str | None


class Store:
    """Open until close(); used by one thread. Every method may raise sqlite3.Error.

    changes: what is written and not yet committed.
    """

    def __init__(self, path: Path) -> None:
        self._connection = self.changes = open_grouped(path, _SCHEMA)
        add_columns(self._connection, "issues", _LATER_COLUMNS)

    def close(self) -> None:
        """Commit and let go of the file."""
        self._connection.close()

    def with_tables(self, schema: Iterable[str]) -> sqlite3.Connection:
        """The connection, once these tables are there: with two of them a full disk would lock one out."""
        for statement in schema:
            self._connection.execute(statement)
        return self._connection

    def transaction(self) -> AbstractContextManager[None]:
        """All that is written inside is committed together, or not at all."""
        return self.changes.together()

    def save(self, issue: Issue) -> None:
        """Write an issue and its evidence over what was there."""
        values = msgspec.structs.asdict(issue)
        values |= {"cause": _text(issue.cause), "tried": _text(issue.tried)}
        self._connection.execute(_UPSERT, [values[name] for name in _COLUMNS])
        self._connection.execute("DELETE FROM evidence WHERE issue = ?", (issue.issue,))
        rows = [(issue.issue, number, text) for number, text in enumerate(issue.evidence)]
        self._connection.executemany("INSERT INTO evidence VALUES (?, ?, ?)", rows)

    def note(self, issue: str, time: float, steps: Iterable[tuple[str, str]]) -> None:
        """Add lines to an issue's history. steps: (step, detail)."""
        rows = [(issue, time, step, detail) for step, detail in steps]
        self._connection.executemany("INSERT INTO steps (issue, time, step, detail) VALUES (?, ?, ?, ?)", rows)

    def begin_attempt(self, issue: Issue, remedy: str, time: float) -> None:
        """An attempt, numbered issue.attempts, begins."""
        self._connection.execute(
            "INSERT INTO attempts (issue, attempt, subject, remedy, fingerprint, started_at) VALUES (?, ?, ?, ?, ?, ?)",
            (issue.issue, issue.attempts, issue.subject, remedy, issue.fingerprint, time),
        )

    def note_undo(self, issue: str, attempt: int, undo: Mapping[str, str]) -> None:
        """Write down what taking an attempt back needs."""
        self._connection.execute("INSERT OR REPLACE INTO undos VALUES (?, ?, ?)", (issue, attempt, _text(undo)))

    def undo_of(self, issue: str, attempt: int) -> dict[str, str]:
        """What taking an attempt back needs; empty when there is nothing to take back."""
        row = self._connection.execute(
            "SELECT undo FROM undos WHERE issue = ? AND attempt = ?", (issue, attempt)
        ).fetchone()
        return msgspec.json.decode(row[0], type=dict[str, str]) if row else {}

    def end_attempt(self, issue: str, attempt: int, outcome: str, time: float) -> None:
        """An attempt ended."""
        self._connection.execute(
            "UPDATE attempts SET outcome = ?, ended_at = ? WHERE issue = ? AND attempt = ?",
            (outcome, time, issue, attempt),
        )

    def forget(self, before: float) -> int:
        """Drop resolved issues last seen before that time, with their history; the number of issues."""
        cursor = self._connection.execute("DELETE FROM issues WHERE state = 'resolved' AND last_seen < ?", (before,))
        return cursor.rowcount

    def last_id(self) -> str:
        """The greatest issue id ever given that is still kept; empty when there is none."""
        row = self._connection.execute("SELECT max(issue) FROM issues").fetchone()
        return row[0] or ""

    def open_issues(self) -> list[Issue]:
        """What is not resolved, oldest first."""
        return self._issues("WHERE state <> 'resolved' ORDER BY issue")

    def newest(self, limit: int) -> list[Issue]:
        """The newest issues, newest first; limit below 0: all."""
        return self._issues("ORDER BY issue DESC LIMIT ?", limit)

    def beginning_with(self, prefix: str) -> list[Issue]:
        """Issues whose id is, or begins with, prefix; at most 5, newest first."""
        return self._issues("WHERE substr(issue, 1, length(?)) = ? ORDER BY issue DESC LIMIT 5", prefix, prefix)

    def history(self, issue: str) -> list[AuditRow]:
        """Every step of an issue, oldest first."""
        rows = self._connection.execute(
            "SELECT time, step, detail FROM steps WHERE issue = ? ORDER BY number", (issue,)
        ).fetchall()
        return [AuditRow(time=time, step=step, detail=detail) for time, step, detail in rows]

    def attempts_since(self, time: float) -> list[PastAttempt]:
        """Attempts that began since then, oldest first."""
        rows = self._connection.execute(
            "SELECT subject, remedy, fingerprint, started_at, ended_at, outcome FROM attempts"
            " WHERE started_at >= ? ORDER BY started_at, attempt",
            (time,),
        ).fetchall()
        names = PastAttempt.__struct_fields__
        return [PastAttempt(**dict(zip(names, row, strict=True))) for row in rows]

    def _issues(self, where: str, *values: object) -> list[Issue]:
        rows = self._connection.execute(
            f"SELECT {', '.join(_COLUMNS)} FROM issues {where}",  # noqa: S608 - constants
            values,
        ).fetchall()
        return [self._issue(dict(zip(_COLUMNS, row, strict=True))) for row in rows]

    def _issue(self, row: dict[str, object]) -> Issue:
        pieces = self._connection.execute(
            "SELECT text FROM evidence WHERE issue = ? ORDER BY number", (row["issue"],)
        ).fetchall()
        row |= {
            "cause": msgspec.json.decode(str(row["cause"]), type=Cause),
            "tried": msgspec.json.decode(str(row["tried"]), type=tuple[str, ...]),
            "told": bool(row["told"]),
            "evidence": tuple(text for (text,) in pieces),
        }
        return msgspec.convert(row, Issue)


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()
