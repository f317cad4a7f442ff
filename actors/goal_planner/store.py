"""The GoalPlanner's table: every goal with its state; an open one survives the node."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import msgspec

from actors.goal_planner.goals import Goal
from actors.sqlite import Lenient, open_database

ENDED_KEPT = 1000
"""Ended goals that are kept to look at, the newest."""

SCHEMA = (
    """CREATE TABLE IF NOT EXISTS goals (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        subject TEXT NOT NULL,
        metric TEXT NOT NULL,
        open INTEGER NOT NULL,
        goal TEXT NOT NULL
    ) STRICT""",
    "CREATE UNIQUE INDEX IF NOT EXISTS one_open_goal ON goals (subject, metric) WHERE open",
)


class GoalStore:
    """Goals by number; at most one open per (subject, metric). Used by one thread at a time. Raises sqlite3.Error."""

    def __init__(self, path: Path) -> None:
        self._connection = open_database(path, SCHEMA, synchronous="FULL", kind=Lenient)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def add(self, goal: Goal) -> Goal:
        """Keep a new open goal; gives it with its number. Raises sqlite3.IntegrityError when one is open already."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            row = self._connection.execute(
                "INSERT INTO goals (subject, metric, open, goal) VALUES (?, ?, 1, '') RETURNING number",
                (goal.subject, goal.metric),
            ).fetchone()
            numbered = msgspec.structs.replace(goal, number=row[0])
            self._connection.execute("UPDATE goals SET goal = ? WHERE number = ?", (encode(numbered), row[0]))
            self._connection.execute("COMMIT")
        except sqlite3.Error:
            self._connection.execute("ROLLBACK")
            raise
        return numbered

    def update(self, goal: Goal, *, is_open: bool) -> None:
        """Keep a goal's new state; forgets ended ones beyond ENDED_KEPT."""
        self._connection.execute(
            "UPDATE goals SET open = ?, goal = ? WHERE number = ?", (is_open, encode(goal), goal.number)
        )
        if not is_open:
            self._connection.execute(
                "DELETE FROM goals WHERE NOT open AND number NOT IN"
                " (SELECT number FROM goals WHERE NOT open ORDER BY number DESC LIMIT ?)",
                (ENDED_KEPT,),
            )

    def open(self) -> list[Goal]:
        """The open goals, oldest first."""
        rows = self._connection.execute("SELECT goal FROM goals WHERE open ORDER BY number")
        return [decode(row[0]) for row in rows]

    def ended(self) -> list[Goal]:
        """The ended goals, newest first."""
        rows = self._connection.execute("SELECT goal FROM goals WHERE NOT open ORDER BY number DESC")
        return [decode(row[0]) for row in rows]


def encode(goal: Goal) -> str:
    """A goal as the table holds it."""
    return msgspec.json.encode(goal).decode()


def decode(text: str) -> Goal:
    """A goal out of the table. Raises msgspec.MsgspecError."""
    return msgspec.json.decode(text, type=Goal)
