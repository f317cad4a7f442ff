"""What a publisher has sent and still has: numbers, rings, last values and the journal. Lives in the I/O thread."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, Final

import msgspec

from bus.codec import encode_batch
from bus.envelope import Envelope
from bus.journal import Journal, is_damage
from bus.message import Stream
from bus.replay import PIECE_BYTES, PIECE_MESSAGES, End, Frames, Request, piece
from bus.ring import Entry, LastValues, Limits, Ring

AGE_S: Final = 600.0
"""Seconds a message stays in a ring; a reader that was away longer gets EventsLost, or the journal."""
LIMITS: Final = {
    Stream.STATE: Limits(16 << 20, 100_000, AGE_S),
    Stream.FACTS: Limits(64 << 20, 400_000, AGE_S),
    Stream.SAMPLES: Limits(16 << 20, 100_000, AGE_S),
    Stream.DURABLE: Limits(16 << 20, 100_000, AGE_S),
}
"""Of each ring: 3 s of a stopped reader at 20,000 facts of 200 bytes a second are 12 MB."""


class Archive:
    """Numbers what goes out, keeps it, and gives it again.

    epoch: of the process. journal: of the durable stream, whose id is then that stream's epoch; None for a ring alone.
    """

    def __init__(
        self, epoch: int, monotonic: Callable[[], float], wall: Callable[[], float], journal: Journal | None = None
    ) -> None:
        self._monotonic = monotonic
        self._wall = wall
        self.journal = journal
        self.epochs = dict.fromkeys(Stream, epoch)
        self.next = dict.fromkeys(Stream, 1)
        if journal is not None:
            self.epochs[Stream.DURABLE] = journal.id
            self.next[Stream.DURABLE] = journal.next
        self.first = {int(stream): number for stream, number in self.next.items()}
        """The number of each stream's first fact since this start."""
        self._sent = {stream: number - 1 for stream, number in self.next.items()}
        self.rings = {stream: Ring(LIMITS[stream]) for stream in Stream}
        self._values = LastValues()
        self.prunes_failed = 0
        """Times the disk did not let the journal delete what is too old."""

    def last(self) -> dict[int, tuple[int, int]]:
        """By stream number, its epoch and the number of the last fact sent."""
        return {int(stream): (self.epochs[stream], number) for stream, number in self._sent.items()}

    def keep(self, stream: Stream, count: int, frames: Frames) -> Entry:
        """Number a message that goes out; sent() or commit() must follow."""
        first = self.next[stream]
        self.next[stream] = first + count
        return Entry(first, count, frames, self._monotonic())

    def sent(self, stream: Stream, entry: Entry) -> None:
        """A message was sent, or is about to be before anybody can ask for it."""
        self.rings[stream].put(entry)
        self._sent[stream] = entry.first + entry.count - 1

    def note_value(self, topic: str, number: int, envelope: Envelope[Any]) -> None:
        """The last value of a state topic."""
        self._values.put(topic, number, envelope)

    def commit(self, entries: Sequence[Entry]) -> bool:
        """Write messages of the durable stream to the journal; False when the disk does not take them now."""
        if self.journal is None:
            return True
        try:
            self.journal.commit(entries, self._wall())
        except sqlite3.Error:
            return False
        return True

    def prune(self) -> None:
        """Forget what is too old. A disk that does not take that now is asked again."""
        now_s = self._monotonic()
        for ring in self.rings.values():
            ring.prune(now_s)
        if self.journal is not None:
            try:
                self.journal.prune(self._wall())
            except sqlite3.Error:
                self.prunes_failed += 1

    def close(self) -> None:
        """Close the journal."""
        if self.journal is not None:
            self.journal.close()

    # -- asked again

    def replay(self, request: Request) -> tuple[list[Frames], End]:
        """One piece of a range, and what of it nobody has.

        Raises: sqlite3.Error when the disk gives nothing now; a journal that is damaged has nothing any more.
        """
        stream, first, last = Stream(request.stream), request.first, request.last
        nothing = End(kind=request.kind, stream=request.stream, epoch=request.epoch, gone=(first, last))
        if request.epoch != self.epochs[stream] or not first <= min(last, self._sent[stream]):
            return [], nothing
        try:
            found, begin, after = piece(self._since(stream, first), min(last, self._sent[stream]))
        except sqlite3.Error as error:
            if not is_damage(error):
                raise
            held = self.rings[stream].first
            upto = last if held is None else min(last, held - 1)
            return [], msgspec.structs.replace(nothing, gone=(first, upto), next=upto + 1 if upto < last else 0)
        if not found:
            return [], nothing
        gone = (first, begin - 1) if begin > first else None
        return found, msgspec.structs.replace(nothing, next=after if after <= last else 0, gone=gone)

    def snapshot(self, request: Request) -> tuple[list[Frames], End]:
        """The last values of states whose number is beyond request.first, the oldest first."""
        stream = Stream.STATE
        epoch = self.epochs[stream]
        found: list[Frames] = []
        size = after = 0
        for number, topic, envelope in self._values.by_number(request.first):
            if len(found) >= PIECE_MESSAGES or size >= PIECE_BYTES:
                break
            header, body = encode_batch(stream, epoch, number, [envelope])
            found.append((topic.encode("ascii"), header, body))
            size += len(body)
            after = number
        full = len(found) >= PIECE_MESSAGES or size >= PIECE_BYTES
        return found, End(
            kind=request.kind, stream=int(stream), epoch=epoch, next=after if full else 0, at=self._sent[stream]
        )

    def _since(self, stream: Stream, number: int) -> Iterator[tuple[int, int, Frames]]:
        ring = self.rings[stream]
        oldest = ring.first
        if stream is Stream.DURABLE and self.journal is not None and (oldest is None or oldest > number):
            yield from islice(self.journal.since(number), PIECE_MESSAGES + 1)
            return
        for entry in ring.since(number):
            yield entry.first, entry.count, entry.frames
