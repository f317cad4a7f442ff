"""The Notifier's tables: what was told, what is to be sent, what is not to be told. One owner, one thread."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from actors.notifier.model import Alert, Group, Notice, Parcel, Silence
from actors.sqlite import Lenient, open_database
from bus.messages import NoticeState

T = TypeVar("T", bound=msgspec.Struct)

SCHEMA = (
    "CREATE TABLE IF NOT EXISTS alerts (key TEXT PRIMARY KEY, body BLOB NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS groups (key TEXT PRIMARY KEY, body BLOB NOT NULL) STRICT, WITHOUT ROWID",
    """CREATE TABLE IF NOT EXISTS silences (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        until REAL NOT NULL,
        body BLOB NOT NULL
    ) STRICT""",
    """CREATE TABLE IF NOT EXISTS parcels (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        channel TEXT NOT NULL,
        state TEXT NOT NULL,
        queued REAL NOT NULL,
        due REAL NOT NULL,
        ended REAL,
        attempts INTEGER NOT NULL DEFAULT 0,
        error TEXT NOT NULL DEFAULT '',
        notice BLOB NOT NULL
    ) STRICT""",
    "CREATE INDEX IF NOT EXISTS parcels_by_state ON parcels (state, number)",
    "CREATE TABLE IF NOT EXISTS marks (name TEXT PRIMARY KEY, value REAL NOT NULL) STRICT, WITHOUT ROWID",
)


class AlertStore:
    """Everything that has to survive the node. A full disk takes nothing, silently. Raises sqlite3.Error."""

    def __init__(self, path: Path) -> None:
        self._connection = open_database(path, SCHEMA, synchronous="FULL", kind=Lenient)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """All that is written within, or none of it."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    # -- alerts and groups

    def alerts(self) -> list[Alert]:
        """All that are kept."""
        return [_read(row[0], Alert) for row in self._connection.execute("SELECT body FROM alerts")]

    def put_alerts(self, alerts: Iterable[Alert], gone: Iterable[str]) -> None:
        """Keep these as they are now, and forget those with the keys in gone."""
        self._connection.executemany("INSERT OR REPLACE INTO alerts VALUES (?, ?)", [(a.key, _pack(a)) for a in alerts])
        self._connection.executemany("DELETE FROM alerts WHERE key = ?", [(key,) for key in gone])

    def groups(self) -> dict[str, Group]:
        """By key."""
        found = (_read(row[0], Group) for row in self._connection.execute("SELECT body FROM groups"))
        return {group.key: group for group in found}

    def put_groups(self, groups: Mapping[str, Group | None]) -> None:
        """Keep these; None: forget it."""
        kept = [(key, _pack(group)) for key, group in groups.items() if group is not None]
        self._connection.executemany("INSERT OR REPLACE INTO groups VALUES (?, ?)", kept)
        gone = [(key,) for key, group in groups.items() if group is None]
        self._connection.executemany("DELETE FROM groups WHERE key = ?", gone)

    # -- silences

    def silences(self) -> list[Silence]:
        """All that are kept, oldest first."""
        return [_read(row[0], Silence) for row in self._connection.execute("SELECT body FROM silences ORDER BY number")]

    def put_silence(self, silence: Silence) -> None:
        """Keep it by its number."""
        self._connection.execute(
            "INSERT OR REPLACE INTO silences VALUES (?, ?, ?)", (silence.number, silence.until, _pack(silence))
        )

    def end_silence(self, number: int) -> None:
        """Forget it."""
        self._connection.execute("DELETE FROM silences WHERE number = ?", (number,))

    # -- messages

    def waiting(self) -> list[Parcel]:
        """Messages that wait, oldest first."""
        rows = self._connection.execute("SELECT * FROM parcels WHERE state = 'waiting' ORDER BY number")
        return [_parcel(row) for row in rows]

    def ended(self, limit: int) -> list[Parcel]:
        """Messages that were sent or given up, newest first."""
        rows = self._connection.execute(
            "SELECT * FROM parcels WHERE state != 'waiting' ORDER BY ended DESC, number DESC LIMIT ?",
            (limit,),
        )
        return [_parcel(row) for row in rows]

    def put_parcel(self, parcel: Parcel) -> None:
        """Keep it, by its number, as it is now."""
        self._connection.execute(
            "INSERT OR REPLACE INTO parcels VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                parcel.number,
                parcel.channel,
                parcel.state,
                parcel.queued,
                parcel.due,
                parcel.ended,
                parcel.attempts,
                parcel.error,
                _pack(parcel.notice),
            ),
        )

    def sent_since(self, since_s: float) -> dict[str, int]:
        """Channel -> messages that it took."""
        rows = self._connection.execute(
            "SELECT channel, count(*) FROM parcels WHERE state = 'sent' AND ended >= ? GROUP BY channel", (since_s,)
        )
        return dict(rows.fetchall())

    def last_sent(self) -> dict[str, float]:
        """Channel -> when it took a message last."""
        rows = self._connection.execute("SELECT channel, max(ended) FROM parcels WHERE state = 'sent' GROUP BY channel")
        return dict(rows.fetchall())

    def forget(self, keep: int) -> None:
        """Drop messages that ended, but for the newest."""
        self._connection.execute(
            "DELETE FROM parcels WHERE state != 'waiting' AND number NOT IN"
            " (SELECT number FROM parcels WHERE state != 'waiting' ORDER BY number DESC LIMIT ?)",
            (keep,),
        )

    # -- marks and numbers

    def last(self, table: Literal["silences", "parcels"]) -> int:
        """The highest number that was ever given there."""
        row = self._connection.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)).fetchone()
        return row[0] if row else 0

    def mark(self, name: str) -> float | None:
        """A number that is kept by a name."""
        row = self._connection.execute("SELECT value FROM marks WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def put_mark(self, name: str, value: float) -> None:
        """Keep a number by a name."""
        self._connection.execute("INSERT OR REPLACE INTO marks VALUES (?, ?)", (name, value))


def _pack(value: msgspec.Struct) -> bytes:
    return msgspec.msgpack.encode(value)


def _read(body: bytes, kind: type[T]) -> T:
    return msgspec.msgpack.decode(body, type=kind)


def _parcel(row: tuple[int, str, NoticeState, float, float, float | None, int, str, bytes]) -> Parcel:
    number, channel, state, queued, due, ended, attempts, error, notice = row
    return Parcel(
        number=number,
        channel=channel,
        notice=_read(notice, Notice),
        state=state,
        queued=queued,
        due=due,
        attempts=attempts,
        error=error,
        ended=ended,
    )
