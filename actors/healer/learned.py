"""What was learnt: outcomes by fingerprint and remedy, fixes by people, plans under way, and what came before failures.

One file, `<state_dir>/learned.db`, which outlives the issues it was learnt from. Every row says which node learnt it
(origin), so that what was taken over from another node can be taken over again. Times are Unix seconds.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import msgspec

from actors.healer.grouped import open_grouped
from actors.healer.learning import Chance, Tally
from actors.healer.lore import Fix, Lore, Omen, Outcomes

_OUTCOME = "origin, subject, fingerprint, kind, failure, remedy"
_TALLY = "verified, returned, failed, took_s, last, last_at"
_OUTCOMES = f"{_OUTCOME}, {_TALLY}"
_FIXES = "fix, origin, time, issue, subject, fingerprint, kind, failure, text, remedy, how"
_OMENS = "origin, subject, sign, fingerprint, seen, preceded, prevented, missed, lead_s, last_at"
_SCHEMA = (
    f"""CREATE TABLE IF NOT EXISTS outcomes ({_OUTCOMES}, PRIMARY KEY (origin, fingerprint, remedy)) WITHOUT ROWID""",
    f"CREATE TABLE IF NOT EXISTS fixes ({_FIXES}, PRIMARY KEY (fix)) WITHOUT ROWID",
    f"CREATE TABLE IF NOT EXISTS omens ({_OMENS}, PRIMARY KEY (origin, subject, sign, fingerprint)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS plans (issue TEXT PRIMARY KEY, plan BLOB NOT NULL, time REAL NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS hands (number INTEGER PRIMARY KEY, issue TEXT, time REAL, text TEXT, remedy TEXT)",
    "CREATE TABLE IF NOT EXISTS lessons (number INTEGER PRIMARY KEY, time REAL, subject TEXT, text TEXT)",
)
_LESSONS_KEPT = 1000
_KEPT = {"outcomes": ("last_at", 20_000), "fixes": ("time", 5_000), "omens": ("last_at", 10_000)}
"""Table -> what it is ordered by, and how many rows are kept; the oldest go."""

Row = tuple[Any, ...]
S = TypeVar("S", bound=msgspec.Struct)


def new_chance() -> Chance:
    """Chance of its own, from the system's."""
    return Random()  # noqa: S311 - nothing is kept secret with it


def open_learned(path: Path) -> tuple[Learned, str]:
    """Open what was learnt, and give where a file went that cannot be read: it is put aside, and a new one begun.

    Raises sqlite3.Error when a new one cannot be made.
    """
    try:
        learned = Learned(path)
        try:
            learned.forget()
            learned.lore()
        except BaseException:
            learned.close()
            raise
    except (sqlite3.DatabaseError, msgspec.ValidationError) as error:
        if isinstance(error, sqlite3.OperationalError) or not path.exists():
            raise
        aside = path.with_suffix(".broken")
        path.replace(aside)
        for rest in ("-wal", "-shm"):
            path.with_name(path.name + rest).unlink(missing_ok=True)
        return Learned(path), str(aside)
    return learned, ""


class Drawn(msgspec.Struct, frozen=True, kw_only=True):
    """The plan of an issue as it was arranged. rule: which decided. candidates: before. rounds: of the issue."""

    rule: str
    candidates: tuple[str, ...]
    rounds: int
    remedies: tuple[str, ...]


class Hand(msgspec.Struct, frozen=True, kw_only=True):
    """What a person did while an issue was open. remedy: the same as a remedy, or empty."""

    time: float
    text: str
    remedy: str


class Lesson(msgspec.Struct, frozen=True, kw_only=True):
    """What changed in what will be done."""

    time: float
    subject: str
    text: str


class Learned:
    """Open until close(); used by one thread. Every method may raise sqlite3.Error.

    changes: what is written and not yet committed.
    """

    def __init__(self, path: Path) -> None:
        self._connection = self.changes = open_grouped(path, _SCHEMA)

    def forget(self) -> None:
        """Drop the oldest of what is more than anybody can use."""
        for table, (order, most) in _KEPT.items():
            newest = f"SELECT {order} FROM {table} ORDER BY {order} DESC LIMIT 1 OFFSET {most}"  # noqa: S608 - constants
            self._connection.execute(f"DELETE FROM {table} WHERE {order} <= ({newest})")  # noqa: S608 - constants

    def close(self) -> None:
        """Commit and let go of the file."""
        self._connection.close()

    def transaction(self) -> AbstractContextManager[None]:
        """All that is written inside is committed together, or not at all."""
        return self.changes.together()

    def lore(self) -> Lore:
        """All that was learnt, oldest first."""
        return Lore(
            outcomes=[_outcomes(row) for row in self._all("outcomes", _OUTCOMES, "last_at")],
            fixes=[_made(Fix, _FIXES, row) for row in self._all("fixes", _FIXES, "time")],
            omens=[_made(Omen, _OMENS, row) for row in self._all("omens", _OMENS, "last_at")],
        )

    def keep_outcomes(self, rows: Iterable[Outcomes]) -> None:
        """Write these over what was there."""
        self._put("outcomes", _OUTCOMES, [_flat(row) for row in rows])

    def keep_fixes(self, rows: Iterable[Fix]) -> None:
        """Write these over what was there."""
        self._put("fixes", _FIXES, [_values(row, _FIXES) for row in rows])

    def keep_omens(self, rows: Iterable[Omen]) -> None:
        """Write these over what was there."""
        self._put("omens", _OMENS, [_values(row, _OMENS) for row in rows])

    def plans(self) -> dict[str, Drawn]:
        """Plans under way, by issue."""
        rows = self._rows("SELECT issue, plan FROM plans")
        return {issue: msgspec.json.decode(plan, type=Drawn) for issue, plan in rows}

    def keep_plan(self, issue: str, drawn: Drawn, time: float) -> None:
        """The plan of an issue, so that its steps mean the same to the next incarnation."""
        row = (issue, msgspec.json.encode(drawn), time)
        self._connection.execute("INSERT OR REPLACE INTO plans VALUES (?, ?, ?)", row)

    def note_hand(self, issue: str, hand: Hand) -> None:
        """A person did something."""
        self._connection.execute(
            "INSERT INTO hands (issue, time, text, remedy) VALUES (?, ?, ?, ?)",
            (issue, hand.time, hand.text, hand.remedy),
        )

    def hands(self, issue: str) -> list[Hand]:
        """What people did while that issue was open, oldest first."""
        rows = self._rows("SELECT time, text, remedy FROM hands WHERE issue = ? ORDER BY number", issue)
        return [Hand(time=time, text=text, remedy=remedy) for time, text, remedy in rows]

    def over(self, issue: str) -> None:
        """The issue is resolved: its plan and what people did about it are of no use any more."""
        for table in ("plans", "hands"):
            self._connection.execute(f"DELETE FROM {table} WHERE issue = ?", (issue,))  # noqa: S608 - constants

    def teach(self, time: float, subject: str, text: str) -> None:
        """Keep a lesson; the oldest go."""
        self._connection.execute("INSERT INTO lessons (time, subject, text) VALUES (?, ?, ?)", (time, subject, text))
        self._connection.execute(
            "DELETE FROM lessons WHERE number <= (SELECT max(number) FROM lessons) - ?", (_LESSONS_KEPT,)
        )

    def lessons(self, limit: int) -> list[Lesson]:
        """What was learnt when, newest first."""
        rows = self._rows("SELECT time, subject, text FROM lessons ORDER BY number DESC LIMIT ?", limit)
        return [Lesson(time=time, subject=subject, text=text) for time, subject, text in rows]

    def _all(self, table: str, columns: str, order: str) -> list[Row]:
        return self._rows(f"SELECT {columns} FROM {table} ORDER BY {order}")  # noqa: S608 - constants

    def _rows(self, query: str, *values: object) -> list[Row]:
        return self._connection.execute(query, values).fetchall()

    def _put(self, table: str, columns: str, rows: list[list[object]]) -> None:
        marks = ", ".join("?" * len(columns.split(", ")))
        self._connection.executemany(f"INSERT OR REPLACE INTO {table} ({columns}) VALUES ({marks})", rows)  # noqa: S608


def _values(row: msgspec.Struct, columns: str) -> list[object]:
    return [getattr(row, name) for name in columns.split(", ")]


def _flat(row: Outcomes) -> list[object]:
    return [*_values(row, _OUTCOME), *_values(row.tally, _TALLY)]


def _outcomes(row: Row) -> Outcomes:
    own = len(_OUTCOME.split(", "))
    return _made(Outcomes, f"{_OUTCOME}, tally", (*row[:own], _made(Tally, _TALLY, row[own:])))


def _made(kind: type[S], columns: str, row: Row) -> S:
    return msgspec.convert(dict(zip(columns.split(", "), row, strict=True)), kind)
