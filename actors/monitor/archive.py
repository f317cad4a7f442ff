"""What was measured, by the minute and by the hour, in SQLite: <state_dir>/history.db. I/O.

A row holds all metrics of one subject. Every write adds rows; once their hour (of minutes) or day (of hours) is over
they become one row, and the minutes of an hour become one point of each series by the hour. The file can be
deleted while the node is down: nothing but the past is lost with it.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Literal

from msgspec import Struct

from actors.monitor.rollup import Band, Damaged, coarser, joined, packed, split, unpacked
from actors.sqlite import open_database
from bus.journal import is_damage, move_aside
from bus.messages import Scope

MINUTE: Final = 60
HOUR: Final = 3600
DAY: Final = 86_400
Grain = Literal[60, 3600]
"""Seconds that a point stands for."""

CACHE_KIB: Final = 256
"""KiB of the file that SQLite keeps in memory; what is written is hardly read again."""
_SPANS: Final[Mapping[Grain, int]] = {MINUTE: HOUR, HOUR: DAY}
"""Grain -> seconds of which the points lie in one row."""

SCHEMA: Final = (
    """CREATE TABLE IF NOT EXISTS subject (
        id INTEGER PRIMARY KEY, scope TEXT NOT NULL, name TEXT NOT NULL, gone REAL,
        UNIQUE (scope, name)) STRICT""",
    """CREATE TABLE IF NOT EXISTS piece (
        subject INTEGER NOT NULL REFERENCES subject (id) ON DELETE CASCADE,
        grain INTEGER NOT NULL, span INTEGER NOT NULL, done INTEGER NOT NULL, body BLOB NOT NULL) STRICT""",
    "CREATE INDEX IF NOT EXISTS piece_of ON piece (subject, grain, span)",
    "CREATE INDEX IF NOT EXISTS piece_open ON piece (grain, span) WHERE done = 0",
)
"""subject.gone: Unix seconds since which it is not in the config. piece.span: Unix seconds // seconds of a row. done: 0
while rows of the same span may follow. body: see rollup.packed."""


class ArchiveFailed(Exception):
    """The file gives or takes nothing now: the disk is full, or it cannot be read."""


class Key(Struct, frozen=True):
    """What a subject is known by."""

    scope: Scope
    name: str


class Kept(Struct, frozen=True):
    """How long what is kept. Seconds; size_bytes of the whole file, where the oldest gives way."""

    minutes_s: float
    hours_s: float
    removed_s: float
    size_bytes: float


class Found(Struct, frozen=True):
    """A subject that something is kept of. since, gone: Unix seconds; of its first point, and since it is unknown."""

    key: Key
    since: float | None
    gone: float | None


class Archive:
    """One file. Any thread may call, one after another; each method raises ArchiveFailed.

    wall: gives Unix seconds. written_s: monotonic time up to which readings are in the file. set_aside: where the file
    went that could not be read and was begun anew; whoever has told of it puts None there.
    """

    def __init__(self, path: Path, wall: Callable[[], float], written_s: float) -> None:
        self.written_s = written_s
        self.set_aside: Path | None = None
        self._path = path
        self._wall = wall
        self._lock = threading.Lock()
        try:
            self._db = self._open()
        except (OSError, sqlite3.Error) as error:
            raise ArchiveFailed(f"{path}: {error}") from error

    def _open(self) -> sqlite3.Connection:
        schema = (*SCHEMA, f"PRAGMA cache_size = -{CACHE_KIB}")
        try:
            return open_database(self._path, schema, synchronous="NORMAL")
        except sqlite3.Error as error:
            if not is_damage(error):
                raise
            self.set_aside = move_aside(self._path, int(self._wall()))
            return open_database(self._path, schema, synchronous="NORMAL")

    def close(self) -> None:
        """Let go of the file, when nobody is using it any more."""
        with self._lock:
            self._db.close()

    # -- writing

    def write(self, make: Callable[[float], Iterable[tuple[Key, Mapping[str, Band]]]], until_s: float) -> None:
        """Add the minutes of readings taken since written_s, which make() is given, up to until_s."""
        with self._lock:
            with self._transaction():
                for key, bands in make(self.written_s):
                    for span, part in split(bands, HOUR // MINUTE).items():
                        self._put(self._id(key), MINUTE, span, part, done=False)
            self.written_s = until_s

    def tidy(self, known: Iterable[Key], kept: Kept, wall_s: float) -> None:
        """Make one row of each span that is over, forget what is too old or too much, and note who is not known."""
        with self._locked():
            for grain, span_s in _SPANS.items():
                self._close_spans(grain, int(wall_s // span_s))
        with self._locked():
            self._note_known(set(known), wall_s)
            self._db.execute("DELETE FROM subject WHERE gone < ?", (wall_s - kept.removed_s,))
            self._forget(MINUTE, int((wall_s - kept.minutes_s) // HOUR))
            self._forget(HOUR, int((wall_s - kept.hours_s) // DAY))
        with self._locked():
            self._make_room(kept.size_bytes)

    def _close_spans(self, grain: Grain, present: int) -> None:
        """Of every span before the present one that has open rows: one row, and its points by the hour."""
        open_spans = "SELECT DISTINCT subject, span FROM piece WHERE done = 0 AND grain = ? AND span < ?"
        for subject, span in self._db.execute(open_spans, (grain, present)).fetchall():
            where = (subject, grain, span)
            fresh = self._join(self._rows(*where, "= ? AND done = 0"))
            if grain == MINUTE:
                hours = {metric: coarser(band, HOUR // MINUTE) for metric, band in fresh.items()}
                self._put(subject, HOUR, span * HOUR // DAY, hours, done=False)
            late = self._join(self._rows(*where, "= ? AND done = 1"))
            whole = fresh | {metric: joined([band, *_band(fresh, metric)]) for metric, band in late.items()}
            self._db.execute("DELETE FROM piece WHERE subject = ? AND grain = ? AND span = ?", where)
            self._put(subject, grain, span, whole, done=True)

    def _note_known(self, known: set[Key], wall_s: float) -> None:
        for number, scope, name, gone in self._db.execute("SELECT id, scope, name, gone FROM subject").fetchall():
            there = Key(scope, name) in known
            if there == (gone is not None):
                self._db.execute("UPDATE subject SET gone = ? WHERE id = ?", (None if there else wall_s, number))

    def _forget(self, grain: Grain, before: int) -> None:
        for (number,) in self._db.execute("SELECT id FROM subject").fetchall():
            where = (number, grain, before)
            self._db.execute("DELETE FROM piece WHERE subject = ? AND grain = ? AND span < ?", where)

    def _make_room(self, size_bytes: float) -> None:
        """While it is too large the oldest span goes: of minutes first, as the hours tell the same in less."""
        while self._size_bytes() > size_bytes:
            oldest = "SELECT min(span) FROM piece WHERE grain = ?"
            found = ((grain, self._db.execute(oldest, (grain,)).fetchone()[0]) for grain in _SPANS)
            first = next(((grain, span) for grain, span in found if span is not None), None)
            if first is None:
                return
            self._forget(first[0], first[1] + 1)

    def _size_bytes(self) -> int:
        """Of the pages in use; a file does not shrink, it is filled again."""
        pages, free, size = (
            int(self._db.execute(f"PRAGMA {name}").fetchone()[0])
            for name in ("page_count", "freelist_count", "page_size")
        )
        return (pages - free) * size

    def _id(self, key: Key) -> int:
        where = (key.scope, key.name)
        row = self._db.execute("SELECT id FROM subject WHERE scope = ? AND name = ?", where).fetchone()
        if row is None:
            row = self._db.execute("INSERT INTO subject (scope, name) VALUES (?, ?) RETURNING id", where).fetchone()
        return int(row[0])

    def _put(self, subject: int, grain: Grain, span: int, bands: Mapping[str, Band], *, done: bool) -> None:
        if bands:
            row = (subject, grain, span, done, packed(bands))
            self._db.execute("INSERT INTO piece VALUES (?, ?, ?, ?, ?)", row)

    # -- reading

    def subjects(self) -> list[Found]:
        """Every subject."""
        with self._locked():
            rows = self._db.execute("SELECT id, scope, name, gone FROM subject ORDER BY scope, name").fetchall()
            return [Found(Key(scope, name), self._begun(number), gone) for number, scope, name, gone in rows]

    def metrics(self, key: Key) -> set[str]:
        """The metrics of a subject in the newest rows."""
        newest = (
            "SELECT body FROM piece JOIN subject ON id = subject WHERE scope = ? AND name = ? AND grain = ?"
            " ORDER BY span DESC LIMIT 1"
        )
        with self._locked():
            rows = [self._db.execute(newest, (key.scope, key.name, grain)).fetchone() for grain in _SPANS]
        return {metric for row in rows if row is not None for metric in opened(row[0])}

    def _begun(self, subject: int) -> float | None:
        """Unix seconds of the first point of a subject."""
        first = "SELECT body FROM piece WHERE subject = ? AND grain = ? ORDER BY span, rowid LIMIT 1"
        rows = [(grain, self._db.execute(first, (subject, grain)).fetchone()) for grain in _SPANS]
        bands = [(grain, band) for grain, row in rows if row is not None for band in opened(row[0]).values()]
        return min((float(grain * band.numbers[0]) for grain, band in bands if len(band)), default=None)

    def read(
        self, key: Key, wanted: Iterable[str] | None, from_wall_s: float, step_s: float
    ) -> tuple[Grain, dict[str, Band], float]:
        """The grain that serves, every wanted metric (all for None) from a time on, and written_s at this moment.

        By the hour when the points are to stand for that long anyway, or when the minutes do not reach back as far.
        """
        with self._locked():
            row = self._db.execute(
                "SELECT id FROM subject WHERE scope = ? AND name = ?", (key.scope, key.name)
            ).fetchone()
            if row is None:
                return MINUTE, {}, self.written_s
            hours = self._since(row[0], HOUR, from_wall_s, wanted)
            if step_s < HOUR and not self._reaches_further(row[0], hours):
                return MINUTE, self._since(row[0], MINUTE, from_wall_s, wanted), self.written_s
            fresh = self._join(self._rows(row[0], MINUTE, int(from_wall_s // HOUR), ">= ? AND done = 0"), wanted)
            by_hour = {metric: coarser(band, HOUR // MINUTE) for metric, band in fresh.items()}
            names = hours.keys() | by_hour.keys()
            found = {name: joined(_band(hours, name) + _band(by_hour, name)) for name in names}
            return HOUR, found, self.written_s

    def recent(self, from_wall_s: float) -> Iterator[tuple[Key, dict[str, Band]]]:
        """Every subject by the minute from a time on, one after another."""
        with self._locked():
            known = self._db.execute("SELECT id, scope, name FROM subject").fetchall()
        for number, scope, name in known:
            with self._locked():
                bands = self._since(number, MINUTE, from_wall_s, None)
            yield Key(scope, name), bands

    def _since(self, subject: int, grain: Grain, wall_s: float, wanted: Iterable[str] | None) -> dict[str, Band]:
        found = self._join(self._rows(subject, grain, int(wall_s // _SPANS[grain]), ">= ?"), wanted)
        return {metric: band.since(int(wall_s // grain)) for metric, band in found.items()}

    def _reaches_further(self, subject: int, hours: Mapping[str, Band]) -> bool:
        """Whether there are hours from before the first minutes."""
        query = "SELECT min(span) FROM piece WHERE subject = ? AND grain = ?"
        first = self._db.execute(query, (subject, MINUTE)).fetchone()[0]
        begun = min((band.numbers[0] for band in hours.values() if len(band)), default=None)
        return begun is not None and (first is None or begun < first)

    def _rows(self, subject: int, grain: Grain, span: int, which: str) -> Iterator[bytes]:
        """Bodies in the order of their spans. which: a condition on span, of this file only."""
        query = f"SELECT body FROM piece WHERE subject = ? AND grain = ? AND span {which} ORDER BY span, rowid"  # noqa: S608
        return (body for (body,) in self._db.execute(query, (subject, grain, span)).fetchall())

    def _join(self, bodies: Iterable[bytes], wanted: Iterable[str] | None = None) -> dict[str, Band]:
        parts: dict[str, list[Band]] = {}
        for body in bodies:
            for metric, band in opened(body, wanted).items():
                parts.setdefault(metric, []).append(band)
        return {metric: joined(bands) for metric, bands in parts.items()}

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._lock, self._transaction():
            yield

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All or nothing. A file that turns out to be damaged is put aside, and the next call finds a new one."""
        try:
            self._db.execute("BEGIN")
            yield
            self._db.execute("COMMIT")
        except BaseException as error:
            with suppress(sqlite3.Error):  # there is nothing to take back, or it will be when the file is opened again
                self._db.execute("ROLLBACK")
            if not isinstance(error, sqlite3.Error):
                raise
            if is_damage(error):
                self._begin_anew()
            raise ArchiveFailed(f"{self._path}: {error}") from error

    def _begin_anew(self) -> None:
        self._db.close()
        try:
            self.set_aside = move_aside(self._path, int(self._wall()))
            self._db = self._open()
        except (OSError, sqlite3.Error) as error:
            raise ArchiveFailed(f"{self._path}: {error}") from error


def _band(bands: Mapping[str, Band], metric: str) -> list[Band]:
    return [bands[metric]] if metric in bands else []


def opened(body: bytes, wanted: Iterable[str] | None = None) -> dict[str, Band]:
    """What is in a row; nothing when a damaged page made it unreadable."""
    try:
        return unpacked(body, wanted)
    except Damaged:
        return {}
