"""The durable stream of a publisher on disk: written before it is sent, read again after a kill -9.

Owns one SQLite file. Lives in the I/O thread.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Literal

import msgspec

from bus.codec import BATCH_MAX, HEADER, VERSION
from bus.errors import BusError
from bus.message import Stream
from bus.ring import Entry

SIZE_BYTES_MAX: Final = 256 << 20
"""Bytes of messages kept; at 200 bytes a fact some 1.3 million."""
AGE_S_MAX: Final = 7 * 86_400.0
"""Seconds a message is kept: a week, so that a machine may be away over a weekend."""
PRUNE_ROWS: Final = 2_000
"""Deleted at once; the rest waits for the next tick, so that no deletion holds up the sockets."""
LOOK_S: Final = 60.0
"""Seconds between two looks for what is too old."""
BUSY_S: Final = 0.5
NUMBER_MAX: Final = 1 << 62
"""Of a fact and of an id; more was not written here."""
DAMAGED: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
"""What SQLite says of a file that cannot be read as one."""

_SCHEMA: Final = (
    "CREATE TABLE IF NOT EXISTS journal (id INTEGER NOT NULL)",
    """CREATE TABLE IF NOT EXISTS messages (first INTEGER PRIMARY KEY, count INTEGER NOT NULL, at REAL NOT NULL,
    topic BLOB NOT NULL, body BLOB NOT NULL)""",
)


class JournalLimits(msgspec.Struct, frozen=True):
    """What is kept at most, and how surely.

    size_bytes: of topics and bodies. age_s: seconds. synchronous: FULL survives a power cut, at an fsync per turn;
    NORMAL survives the death of the process.
    """

    size_bytes: int = SIZE_BYTES_MAX
    age_s: float = AGE_S_MAX
    synchronous: Literal["FULL", "NORMAL"] = "NORMAL"


class _Gone(msgspec.Struct, frozen=True):
    """What was deleted."""

    messages: int = 0
    facts: int = 0
    size_bytes: int = 0


def is_damage(error: Exception) -> bool:
    """Whether an error means that the file itself cannot be read, and will not be another time either."""
    return not isinstance(error, sqlite3.Error) or getattr(error, "sqlite_errorcode", 0) & 0xFF in DAMAGED


class Journal:
    """Messages of the durable stream by the number of their first fact; the newest one is never pruned.

    id: the epoch of the stream, made once and constant over restarts.
    """

    def __init__(self, path: Path, new_id: int, limits: JournalLimits | None = None) -> None:
        """new_id: the id it gets when the file is made here, or made anew because the one found is damaged.

        Raises: BusError when the file cannot be opened or is no journal.
        """
        self._limits = limits or JournalLimits()
        self._look_at_s = 0.0
        self.pruned = 0
        """Facts deleted since the start, for want of room or for age."""
        self.set_aside: Path | None = None
        """Where the file went that was found here and could not be read; None when there was none."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._open_or_alone(path, new_id)
            except (sqlite3.Error, TypeError, ValueError) as error:  # the latter two: it holds what nobody wrote
                if not is_damage(error):
                    raise
                self.set_aside = move_aside(path, new_id)
                self._open(path, new_id)
        except (OSError, sqlite3.Error) as error:
            msg = f"{path}: {error}"
            raise BusError(msg) from error

    def _open_or_alone(self, path: Path, new_id: int) -> None:
        """On a full disk there is no room for the index of the log; in the memory of a file's only user there is."""
        try:
            self._open(path, new_id)
        except sqlite3.OperationalError as error:
            if is_damage(error):
                raise
            self._open(path, new_id, "EXCLUSIVE")

    def _open(self, path: Path, new_id: int, locking: Literal["NORMAL", "EXCLUSIVE"] = "NORMAL") -> None:
        """Every message is counted, so a file that is damaged in its tables shows here and not at the first reader."""
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=BUSY_S)
        run = self._database.execute
        try:
            run(f"PRAGMA locking_mode={locking}")
            run("PRAGMA journal_mode=WAL")
            run(f"PRAGMA synchronous={self._limits.synchronous}")
            for statement in _SCHEMA:
                run(statement)
            run("INSERT INTO journal SELECT ? WHERE NOT EXISTS (SELECT 1 FROM journal)", (new_id,))
            self.id = self._one("SELECT id FROM journal")
            self.next = self._one("SELECT COALESCE(MAX(first + count), 1) FROM messages", least=1)
            self.size_bytes = self._one("SELECT COALESCE(SUM(LENGTH(topic) + LENGTH(body)), 0) FROM messages")
        except BaseException:
            self._database.close()
            raise

    def commit(self, entries: Sequence[Entry], wall_s: float) -> None:
        """Write messages in one transaction, which also deletes twice as many when there are too many bytes.

        Raises: sqlite3.Error; nothing of them is written then.
        """
        run = self._database.execute
        size = sum(len(each.frames[0]) + len(each.frames[2]) for each in entries)
        over = self.size_bytes + size - self._limits.size_bytes
        gone = _Gone()
        run("BEGIN IMMEDIATE")
        try:
            self._database.executemany(
                "INSERT INTO messages (first, count, at, topic, body) VALUES (?, ?, ?, ?, ?)",
                [(each.first, each.count, wall_s, each.frames[0], each.frames[2]) for each in entries],
            )
            if over > 0:
                gone = self._delete(2 * len(entries), over)
            run("COMMIT")
        except BaseException:
            if self._database.in_transaction:
                run("ROLLBACK")
            raise
        self.size_bytes += size - gone.size_bytes
        self.pruned += gone.facts
        self.next = entries[-1].first + entries[-1].count

    def since(self, number: int) -> Iterator[tuple[int, int, tuple[bytes, bytes, bytes]]]:
        """First number, count and frames of the messages from the one that holds number, or the next one held.

        What a damaged page made of a message is left out.
        """
        rows = self._database.execute(
            "SELECT first, count, topic, body FROM messages WHERE first >= COALESCE((SELECT MAX(first) FROM messages"
            " WHERE first <= ?), 0) AND first + count > ? AND count BETWEEN 1 AND ? AND typeof(topic) = 'blob'"
            " AND typeof(body) = 'blob' ORDER BY first",
            (number, number, BATCH_MAX),
        )
        for first, count, topic, body in rows:
            yield first, count, (topic, HEADER.pack(VERSION, Stream.DURABLE, count, self.id, first), body)

    def prune(self, wall_s: float) -> None:
        """Delete some of what is too old or too much.

        Raises: sqlite3.Error.
        """
        if self.size_bytes <= self._limits.size_bytes and wall_s < self._look_at_s:
            return
        self._look_at_s = wall_s + LOOK_S
        gone = self._delete(PRUNE_ROWS, self.size_bytes - self._limits.size_bytes, wall_s - self._limits.age_s)
        self.pruned += gone.facts
        self.size_bytes -= gone.size_bytes
        if gone.messages == PRUNE_ROWS:
            self._look_at_s = wall_s  # there may be more of them

    def _delete(self, rows_max: int, over: int, oldest_s: float = -math.inf) -> _Gone:
        """Delete the oldest messages, until `over` bytes are gone and none is from before oldest_s."""
        rows = self._database.execute(
            "SELECT first, COALESCE(CAST(count AS INTEGER), 0), COALESCE(CAST(at AS REAL), 0.0),"
            " COALESCE(LENGTH(topic), 0) + COALESCE(LENGTH(body), 0) FROM messages"
            " WHERE first < (SELECT MAX(first) FROM messages) ORDER BY first LIMIT ?",
            (rows_max,),
        ).fetchall()
        upto = messages = facts = size = 0
        for first, count, at, row_size in rows:
            if at >= oldest_s and size >= over:
                break
            upto, messages, facts, size = first, messages + 1, facts + count, size + row_size
        if messages:
            self._database.execute("DELETE FROM messages WHERE first <= ?", (upto,))
        return _Gone(messages, facts, size)

    def close(self) -> None:
        """Close the file. May be called again."""
        self._database.close()

    def _one(self, query: str, least: int = 0) -> int:
        """Raises: sqlite3.Error; TypeError or ValueError when it is no number that was ever written."""
        number = int(self._database.execute(query).fetchone()[0])
        if not least <= number <= NUMBER_MAX:
            raise ValueError(query)
        return number


def move_aside(path: Path, number: int) -> Path:
    """Keep a damaged file, with its log, under another name. Raises: OSError."""
    aside = path.with_name(f"{path.name}.damaged-{number:x}")
    for end in ("", "-wal", "-shm"):
        if (part := Path(f"{path}{end}")).exists():
            part.replace(f"{aside}{end}")
    return aside
