"""The newest facts, each encoded once for all who follow. Pure: handed from the actor's thread to the serving one."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from bus.codec import plain
from bus.message import Stream

_encode = msgspec.json.Encoder(enc_hook=plain).encode

PENDING: Final = 500
"""Facts that wait until they are taken over though nobody follows."""
PENDING_MAX: Final = 20_000
"""Facts that may wait; with one more the ring begins anew, and all who follow are told that they missed something."""


class Wanted(msgspec.Struct, frozen=True):
    """What a follower wants to hear. types: names, or beginnings of names that end with a dot; both empty for all."""

    types: tuple[str, ...] = ()
    subjects: frozenset[str] = frozenset()

    def takes(self, envelope: Any) -> bool:
        """Whether a fact is among it."""
        if self.subjects and envelope.subject not in self.subjects:
            return False
        return not self.types or any(
            envelope.type == each or (each.endswith(".") and envelope.type.startswith(each)) for each in self.types
        )


ALL: Final = Wanted()


class Entry:
    """A fact in the ring; its frame is made when somebody wants it."""

    __slots__ = ("_frame", "envelope")

    def __init__(self, envelope: Any) -> None:
        self.envelope = envelope
        self._frame: bytes | None = None

    @property
    def frame(self) -> bytes:
        """As a server-sent event."""
        if self._frame is None:
            one = self.envelope
            self._frame = b"id: %b\nevent: %b\ndata: %b\n\n" % (one.id.encode(), one.type.encode(), _encode(one))
        return self._frame


class Feed:
    """The last `kept` facts, numbered. put() is for one thread, everything else for another.

    changes: facts other than measurements that were put, ever.
    """

    def __init__(self, kept: int) -> None:
        self.kept = kept
        self.changes = 0
        self.first = 0
        self._ring: deque[Entry] = deque()
        self._numbers: dict[str, int] = {}
        self._pending: deque[Any] = deque()
        self._broken = False

    def put(self, envelope: Any) -> bool:
        """A fact was heard; gives whether it is time to take over."""
        if envelope.data.stream is not Stream.SAMPLES:
            self.changes += 1
        if len(self._pending) >= PENDING_MAX:
            self._broken = True
            return False
        self._pending.append(envelope)
        return len(self._pending) % PENDING == 0

    @property
    def end(self) -> int:
        """The number that the next fact will have."""
        return self.first + len(self._ring)

    def take_over(self) -> None:
        """Number what was put since."""
        if self._broken:
            self._broken = False
            self._begin_anew()
        while self._pending:
            envelope = self._pending.popleft()
            self._numbers[envelope.id] = self.end
            self._ring.append(Entry(envelope))
        while len(self._ring) > self.kept:
            self._numbers.pop(self._ring.popleft().envelope.id, None)
            self.first += 1

    def _begin_anew(self) -> None:
        self._pending.clear()
        self.first = self.end + 1
        self._ring.clear()
        self._numbers.clear()

    def after(self, event_id: str) -> int | None:
        """The number behind a fact that was told before; None when it is not kept any more."""
        found = self._numbers.get(event_id)
        return None if found is None else found + 1

    def frames(self, start: int, wanted: Wanted = ALL) -> bytes:
        """Everything from that number on that is wanted. start: not before `first`."""
        return b"".join(each.frame for each in self._from(start) if wanted is ALL or wanted.takes(each.envelope))

    def _from(self, start: int) -> Iterable[Entry]:
        """From the end backwards, as most followers are close behind."""
        count = self.end - start
        newest = [self._ring[-place] for place in range(1, count + 1)]
        newest.reverse()
        return newest
