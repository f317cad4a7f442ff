"""What must survive the node: the last incarnation of each workload, who holds it, and its last known settings."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Literal

import msgspec
from msgspec import Struct

from actors.process_manager.overrides import Stored
from actors.process_manager.tokens import new_secret
from actors.settings import Workload
from actors.settings.units import dec_hook, enc_hook
from actors.sqlite import open_database

Phase = Literal[
    "new",  # never started, or only held
    "intent",  # a spawn was begun; whether a process came of it is not known
    "up",  # its process and its start time are known
    "ended",  # its process ended and is to be started again
    "exited",  # its process ended, and its policy leaves it so
    "crash_loop",  # its process ended too often
    "anew",  # its process ended too often; the next node tries it anew
    "stopped",  # it was asked to be down
]

_SCHEMA: Final = (
    "CREATE TABLE IF NOT EXISTS secret (one INTEGER PRIMARY KEY CHECK (one = 1), value BLOB NOT NULL)",
    """CREATE TABLE IF NOT EXISTS life (
        name TEXT PRIMARY KEY,
        phase TEXT NOT NULL DEFAULT 'new',
        held INTEGER NOT NULL DEFAULT 0,
        incarnation INTEGER NOT NULL DEFAULT 0,
        restarts INTEGER NOT NULL DEFAULT 0,
        token TEXT NOT NULL DEFAULT '',
        revision TEXT NOT NULL DEFAULT '',
        argv TEXT NOT NULL DEFAULT '[]',
        boot TEXT NOT NULL DEFAULT '',
        intent_s REAL NOT NULL DEFAULT 0,
        started_wall_s REAL NOT NULL DEFAULT 0,
        pid INTEGER,
        ticks INTEGER,
        log_start INTEGER NOT NULL DEFAULT 0,
        exit_code INTEGER,
        signal TEXT
    ) WITHOUT ROWID""",
    "CREATE TABLE IF NOT EXISTS told (name TEXT PRIMARY KEY, token TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS settled (one INTEGER PRIMARY KEY CHECK (one = 1), number INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS drain (id INTEGER PRIMARY KEY CHECK (id = 1), ran TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS schedule (name TEXT PRIMARY KEY, decided_s REAL NOT NULL) WITHOUT ROWID",
    """CREATE TABLE IF NOT EXISTS log_place (
        name TEXT PRIMARY KEY, inode INTEGER NOT NULL, at INTEGER NOT NULL, total INTEGER NOT NULL,
        size INTEGER NOT NULL
    ) WITHOUT ROWID""",
    "CREATE TABLE IF NOT EXISTS override (name TEXT PRIMARY KEY, stored BLOB NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS spec (name TEXT PRIMARY KEY, workload BLOB NOT NULL) WITHOUT ROWID",
)

_CHECKPOINT_COMMITS: Final = 256
"""Commits after which the write-ahead log is worked into the database."""


class Row(Struct, frozen=True, kw_only=True):
    """The last incarnation of a workload.

    intent_s: seconds on the scale of the process table's ticks when the spawn was begun. ticks: start of the process.
    log_start: bytes that were in its log before it.
    """

    name: str
    phase: Phase
    held: bool
    incarnation: int = 0
    restarts: int = 0
    token: str = ""
    revision: str = ""
    argv: str = "[]"
    boot: str = ""
    intent_s: float = 0.0
    started_wall_s: float = 0.0
    pid: int | None = None
    ticks: int | None = None
    log_start: int = 0
    exit_code: int | None = None
    signal: str | None = None


class Intent(Struct, frozen=True, kw_only=True):
    """A spawn that is about to be tried. argv: as JSON."""

    name: str
    incarnation: int
    restarts: int
    token: str
    revision: str
    argv: str
    boot: str
    intent_s: float
    started_wall_s: float


_COLUMNS: Final = ", ".join(Row.__struct_fields__)
_INTEND: Final = f"""INSERT INTO life (phase, pid, ticks, {", ".join(Intent.__struct_fields__)})
    VALUES ('intent', NULL, NULL, {", ".join("?" for _ in Intent.__struct_fields__)})
    ON CONFLICT (name) DO UPDATE SET phase='intent', pid=NULL, ticks=NULL, exit_code=NULL, signal=NULL,
    {", ".join(f"{one}=excluded.{one}" for one in Intent.__struct_fields__[1:])}"""  # noqa: S608 - names of our own


class Store:
    """Owns `<state_dir>/process_manager.db`; used in the actor's thread only, but for tidy().

    synchronous is NORMAL: a commit is in the kernel's hands and so survives kill -9 of the node, with no fsync between
    an exit and the restart. What a power loss takes with it are rows of processes that it ended too. A hold is
    what a person said: settle() writes it through (FULL) before it is answered.
    trouble: why the last write failed, or empty.
    """

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / "process_manager.db"
        self._db = open_database(self._path, _SCHEMA, synchronous="NORMAL")
        self._commits = 0
        self._unsettled = False
        self.trouble = ""
        with contextlib.suppress(OSError):
            os.chmod(self._path, 0o600)  # noqa: PTH101 - it holds the secret
        self._alone = self._db.execute("PRAGMA locking_mode").fetchone()[0] == "exclusive"
        """The disk had no room when it was opened: tidy(), a second connection, cannot come in."""
        if not self._alone:
            self._db.execute("PRAGMA wal_autocheckpoint=0")  # it would fsync between an exit and the restart
        self.secret: bytes = self._known_secret()

    def _known_secret(self) -> bytes:
        """Nothing is written when there is one: a node has to start on a full disk, too."""
        found = self._db.execute("SELECT value FROM secret").fetchone()
        if found is None:
            found = (new_secret(),)
            self._db.execute("INSERT INTO secret VALUES (1, ?)", found)
        return bytes(found[0])

    def close(self) -> None:
        """Let the file go."""
        self._db.close()

    def rows(self) -> dict[str, Row]:
        """Every workload that was ever started or held and not forgotten, by name."""
        cursor = self._db.execute(f"SELECT {_COLUMNS} FROM life")  # noqa: S608 - names of our own
        found = (dict(zip(Row.__struct_fields__, values, strict=True)) for values in cursor)
        return {one["name"]: Row(**{**one, "held": bool(one["held"])}) for one in found}

    def intend(self, intent: Intent) -> None:
        """A spawn is about to be tried; on disk, as far as a dying node goes, before it is."""
        self._note(_INTEND, msgspec.structs.astuple(intent))

    def intend_all(self, intents: Sequence[Intent]) -> None:
        """Spawns are about to be tried, one after the other; all on disk as with intend(), by one commit."""
        self._note_all(_INTEND, [msgspec.structs.astuple(intent) for intent in intents])

    def spawned(self, name: str, pid: int, ticks: int | None, log_start: int) -> None:
        """A process came of it."""
        self._note(
            "UPDATE life SET phase='up', pid=?, ticks=?, log_start=? WHERE name=?", (pid, ticks, log_start, name)
        )

    def ended(self, name: str, phase: Phase, exit_code: int | None = None, signal: str | None = None) -> None:
        """No process is there any more; phase says what is to follow."""
        self._note("UPDATE life SET phase=?, exit_code=?, signal=? WHERE name=?", (phase, exit_code, signal, name))

    def set_phase(self, name: str, phase: Phase) -> None:
        """What is to follow has changed."""
        self._note("UPDATE life SET phase=? WHERE name=?", (phase, name))

    def ended_all(self, ends: Sequence[tuple[Phase, int | None, str | None, str]]) -> None:
        """Many have ended: phase, exit code, signal and name of each; one commit."""
        if ends:
            self._note_all("UPDATE life SET phase=?, exit_code=?, signal=? WHERE name=?", ends)

    def hold(self, name: str, *, held: bool) -> None:
        """A person wants it down, or no longer does; survives a power loss from settle() on. Raises: sqlite3.Error."""
        self._write(
            "INSERT INTO life (name, held) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET held=excluded.held",
            (name, held),
        )
        self._unsettled = True

    def settle(self) -> str:
        """Wait until every hold is on disk; why it is not, or empty. One write that waits stands for all before it."""
        if not self._unsettled:
            return ""
        self._db.execute("PRAGMA synchronous=FULL")
        try:
            self._write("INSERT OR REPLACE INTO settled VALUES (1, ?)", (self._commits,))
        except sqlite3.Error as error:
            self.trouble = str(error)
            return self.trouble
        finally:
            self._db.execute("PRAGMA synchronous=NORMAL")
        self._unsettled = False
        return ""

    def told_ready(self, name: str, token: str) -> None:
        """The incarnation with this token has said that it is ready."""
        self._note("INSERT OR REPLACE INTO told VALUES (?, ?)", (name, token))

    def was_told_ready(self, name: str, token: str) -> bool:
        """Whether that incarnation has said that it is ready."""
        return self._db.execute("SELECT 1 FROM told WHERE name=? AND token=?", (name, token)).fetchone() is not None

    def drain(self, ran: list[str]) -> None:
        """The node is drained, also over restarts. ran: what was running, for the end of the drain."""
        self._write("INSERT OR REPLACE INTO drain VALUES (1, ?)", (json.dumps(ran),))

    def undrain(self) -> None:
        """The node is drained no more."""
        self._write("DELETE FROM drain", ())

    def drained(self) -> list[str] | None:
        """What ran when the node was drained; None when it is not."""
        found = self._db.execute("SELECT ran FROM drain").fetchone()
        return None if found is None else [str(name) for name in json.loads(found[0])]

    def decided(self) -> dict[str, float]:
        """Up to when the times of each scheduled workload were decided on, wall time."""
        return {str(name): float(at_s) for name, at_s in self._db.execute("SELECT name, decided_s FROM schedule")}

    def decide(self, name: str, wall_s: float) -> None:
        """The times of a workload's schedule are decided on up to this one."""
        self._note("INSERT OR REPLACE INTO schedule VALUES (?, ?)", (name, wall_s))

    def remember(self, workloads: list[Workload]) -> None:
        """Keep the settings, so that a process whose workload was taken out of the config can still be stopped."""
        rows = [(one.name, msgspec.json.encode(one, enc_hook=enc_hook)) for one in workloads]
        self._note_all("INSERT OR REPLACE INTO spec VALUES (?, ?)", rows)

    def log_places(self) -> dict[str, tuple[int, int, int, int]]:
        """Up to where the log of each workload was read: inode, place, bytes cut off before it, size."""
        cursor = self._db.execute("SELECT name, inode, at, total, size FROM log_place")
        return {str(name): (inode, at, total, size) for name, inode, at, total, size in cursor}

    def put_log_places(self, places: Mapping[str, tuple[int, int, int, int]]) -> None:
        """Keep these, together."""
        rows = [(name, *values) for name, values in places.items()]
        self._note_all("INSERT OR REPLACE INTO log_place VALUES (?, ?, ?, ?, ?)", rows)

    def recall(self, name: str) -> Workload | None:
        """The settings a workload had last; None when they are not known or no longer read."""
        found = self._db.execute("SELECT workload FROM spec WHERE name=?", (name,)).fetchone()
        if found is None:
            return None
        try:
            return msgspec.json.decode(found[0], type=Workload, dec_hook=decoded)
        except (msgspec.MsgspecError, ValueError):
            return None

    def overrides(self) -> dict[str, Stored]:
        """What workloads are started with instead of what their config says, by name."""
        rows = self._db.execute("SELECT name, stored FROM override")
        return {str(name): msgspec.json.decode(stored, type=Stored) for name, stored in rows}

    def put_override(self, name: str, stored: Stored | None) -> None:
        """Keep what a workload is started with; None: nothing but its config."""
        if stored is None:
            self._note("DELETE FROM override WHERE name=?", (name,))
        else:
            self._write("INSERT OR REPLACE INTO override VALUES (?, ?)", (name, msgspec.json.encode(stored)))

    def forget(self, name: str) -> None:
        """It is neither declared nor running."""
        self._note("DELETE FROM life WHERE name=?", (name,))
        self._note("DELETE FROM spec WHERE name=?", (name,))
        self._note("DELETE FROM log_place WHERE name=?", (name,))
        self._note("DELETE FROM told WHERE name=?", (name,))
        self._note("DELETE FROM schedule WHERE name=?", (name,))

    def wants_tidying(self) -> bool:
        """Whether tidy() is due; then it counts as done."""
        due = self._commits >= _CHECKPOINT_COMMITS and not self._alone
        if due:
            self._commits = 0
        return due

    def tidy(self) -> None:
        """From any thread: work the write-ahead log into the database, which waits for the disk."""
        with contextlib.closing(sqlite3.connect(self._path, timeout=5.0)) as db:
            db.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def _note(self, statement: str, values: tuple[object, ...]) -> None:
        """Write what the next start would like to know. A full disk keeps no workload from being restarted."""
        try:
            self._write(statement, values)
        except sqlite3.OperationalError as error:
            self.trouble = str(error)
        else:
            self.trouble = ""

    def _note_all(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        """The same for many, in one transaction."""
        try:
            self._db.execute("BEGIN")
            self._db.executemany(statement, rows)
            self._db.execute("COMMIT")
        except sqlite3.OperationalError as error:
            self.trouble = str(error)
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
        else:
            self.trouble = ""
        self._commits += 1

    def _write(self, statement: str, values: tuple[object, ...]) -> None:
        self._commits += 1
        self._db.execute(statement, values)


def decoded(kind: type, value: object) -> object:
    """Decode hook for a stored workload: units, and paths."""
    return Path(str(value)) if issubclass(kind, Path) else dec_hook(kind, value)
