"""What people said, how sure the Healer was, and what it altered: tables of healer.db beside the issues.

Every change is one committed transaction. Times are Unix seconds.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from actors.healer.confidence import Confidence
from actors.healer.records import Outcome, Request, Word
from actors.healer.store import Store
from actors.settings.healing import Phase

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS phases (name TEXT PRIMARY KEY, phase TEXT NOT NULL) WITHOUT ROWID",
    """CREATE TABLE IF NOT EXISTS confidences (
        issue TEXT NOT NULL, attempt INTEGER NOT NULL, value REAL NOT NULL, chance REAL NOT NULL,
        plain REAL NOT NULL, says TEXT NOT NULL, PRIMARY KEY (issue, attempt)
    ) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS words (
        number INTEGER PRIMARY KEY, time REAL NOT NULL, subject TEXT NOT NULL, fingerprint TEXT NOT NULL,
        remedy TEXT NOT NULL, approved INTEGER NOT NULL, note TEXT NOT NULL
    )""",
    """CREATE TABLE IF NOT EXISTS approvals (
        issue TEXT NOT NULL, remedy TEXT NOT NULL, subject TEXT NOT NULL, why TEXT NOT NULL, confidence REAL NOT NULL,
        asked_at REAL NOT NULL, until REAL NOT NULL, otherwise TEXT NOT NULL, answer TEXT NOT NULL DEFAULT '',
        note TEXT NOT NULL DEFAULT '', PRIMARY KEY (issue, remedy)
    ) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS undone (
        issue TEXT NOT NULL, attempt INTEGER NOT NULL, PRIMARY KEY (issue, attempt)
    ) WITHOUT ROWID""",
)
_OUTCOMES = """
    SELECT a.issue, a.attempt, a.subject, a.remedy, a.fingerprint, i.kind, i.failure, a.ended_at, a.outcome, c.plain,
           c.value
    FROM attempts a JOIN issues i USING (issue) LEFT JOIN confidences c USING (issue, attempt)
    WHERE a.outcome IN ('verified', 'failed') AND a.ended_at IS NOT NULL
    ORDER BY a.ended_at DESC LIMIT ?
"""


class Ledger:
    """Open as long as the store is; used by one thread. Every method may raise sqlite3.Error."""

    def __init__(self, store: Store) -> None:
        self._connection = store.with_tables(_SCHEMA)

    def phases(self) -> dict[str, Phase]:
        """What was set at run time, by name; empty name: the node."""
        return dict(self._connection.execute("SELECT name, phase FROM phases").fetchall())

    def set_phase(self, name: str, phase: str | None) -> None:
        """Keep what was set; None: nothing is."""
        if phase is None:
            self._connection.execute("DELETE FROM phases WHERE name = ?", (name,))
        else:
            self._connection.execute("INSERT OR REPLACE INTO phases VALUES (?, ?)", (name, phase))

    def note_confidence(self, issue: str, attempt: int, confidence: Confidence, plain: float) -> None:
        """How sure the Healer is of an attempt that is about to begin. plain: its chance without calibration."""
        self._connection.execute(
            "INSERT OR REPLACE INTO confidences VALUES (?, ?, ?, ?, ?, ?)",
            (issue, attempt, confidence.value, confidence.chance, plain, confidence.says()),
        )

    def confidence_of(self, issue: str) -> dict[int, str]:
        """What was noted for the attempts of an issue, in words, by number."""
        rows = self._connection.execute("SELECT attempt, says FROM confidences WHERE issue = ?", (issue,))
        return dict(rows.fetchall())

    def outcomes(self, limit: int) -> list[Outcome]:
        """Ended attempts that helped or failed, newest first."""
        names = [name for name in Outcome.__struct_fields__ if name != "helped"]
        found = []
        for *row, outcome, plain, value in self._connection.execute(_OUTCOMES, (limit,)).fetchall():
            fields = dict(zip(names, [*row, plain, value], strict=True))
            found.append(msgspec.convert(fields | {"helped": outcome == "verified"}, Outcome))
        return found

    def relapsed(self, subject: str, fingerprint: str, remedy: str, since: float) -> None:
        """What a remedy had helped against came back soon: since then it did not help."""
        self._connection.execute(
            "UPDATE attempts SET outcome = 'failed' WHERE subject = ? AND fingerprint = ? AND remedy = ?"
            " AND outcome = 'verified' AND ended_at >= ?",
            (subject, fingerprint, remedy, since),
        )

    def words(self, limit: int) -> list[Word]:
        """What people said, newest first."""
        rows = self._connection.execute(
            "SELECT time, subject, fingerprint, remedy, approved, note FROM words ORDER BY number DESC LIMIT ?",
            (limit,),
        ).fetchall()
        return [
            Word(time=time, subject=subject, fingerprint=mark, remedy=remedy, approved=bool(approved), note=note)
            for time, subject, mark, remedy, approved, note in rows
        ]

    def say(self, word: Word) -> None:
        """Keep what a person said."""
        self._connection.execute(
            "INSERT INTO words (time, subject, fingerprint, remedy, approved, note) VALUES (?, ?, ?, ?, ?, ?)",
            (word.time, word.subject, word.fingerprint, word.remedy, word.approved, word.note),
        )

    def requests(self) -> list[Request]:
        """What people are or were asked about, oldest first."""
        names = Request.__struct_fields__
        rows = self._connection.execute(f"SELECT {', '.join(names)} FROM approvals ORDER BY asked_at")  # noqa: S608
        return [msgspec.convert(dict(zip(names, row, strict=True)), Request) for row in rows.fetchall()]

    def keep_request(self, request: Request) -> None:
        """A person is asked, or has answered."""
        names = Request.__struct_fields__
        self._connection.execute(
            f"INSERT OR REPLACE INTO approvals ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})",  # noqa: S608
            [getattr(request, name) for name in names],
        )

    def drop_requests(self, keys: Iterable[tuple[str, str]]) -> None:
        """These are over. keys: (issue, remedy)."""
        self._connection.executemany("DELETE FROM approvals WHERE issue = ? AND remedy = ?", list(keys))

    def undos_left(self, issue: str) -> list[tuple[int, str, dict[str, str]]]:
        """Attempts of an issue whose action stands, newest first: number, remedy, what taking it back needs."""
        rows = self._connection.execute(
            "SELECT a.attempt, a.remedy, u.undo FROM attempts a LEFT JOIN undos u USING (issue, attempt)"
            " WHERE a.issue = ? AND a.outcome IN ('verified', 'kept', 'held')"
            " AND NOT EXISTS (SELECT 1 FROM undone d WHERE d.issue = a.issue AND d.attempt = a.attempt)"
            " ORDER BY a.attempt DESC",
            (issue,),
        ).fetchall()
        return [
            (number, remedy, msgspec.json.decode(undo or b"{}", type=dict[str, str])) for number, remedy, undo in rows
        ]

    def kept(self, issue: str) -> list[tuple[int, str, dict[str, str]]]:
        """What was kept of attempts of an issue that goes on for another reason, newest first; as undos_left."""
        rows = self._connection.execute(
            "SELECT a.attempt, a.remedy, u.undo FROM attempts a JOIN undos u USING (issue, attempt)"
            " WHERE a.issue = ? AND a.outcome = 'kept'"
            " AND NOT EXISTS (SELECT 1 FROM undone d WHERE d.issue = a.issue AND d.attempt = a.attempt)"
            " ORDER BY a.attempt DESC",
            (issue,),
        ).fetchall()
        return [(number, remedy, msgspec.json.decode(undo, type=dict[str, str])) for number, remedy, undo in rows]

    def note_undone(self, issue: str, attempt: int) -> None:
        """What an attempt did was taken back."""
        self._connection.execute("INSERT OR REPLACE INTO undone VALUES (?, ?)", (issue, attempt))

    def forget(self) -> None:
        """Drop what belongs to issues that are no longer kept."""
        for table in ("confidences", "approvals", "undone"):
            self._connection.execute(f"DELETE FROM {table} WHERE issue NOT IN (SELECT issue FROM issues)")  # noqa: S608
