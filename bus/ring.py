"""What a publisher keeps to give again: the last messages of a stream, and the last value of every state. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

import msgspec

from bus.envelope import Envelope

VALUES_MAX: Final = 20_000
"""States whose last value is kept; beyond it the one that changed longest ago is forgotten."""
_COMPACT_FROM: Final = 1_024


class Limits(msgspec.Struct, frozen=True):
    """What a ring holds at most. size_bytes: of topics, headers and bodies. age_s: seconds."""

    size_bytes: int
    events: int
    age_s: float


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One message as it was sent. at_s: monotonic seconds."""

    first: int
    count: int
    frames: tuple[bytes, bytes, bytes]
    at_s: float

    @property
    def size(self) -> int:
        """Bytes it stands for in a limit."""
        return sum(map(len, self.frames))


class Ring:
    """The last messages of one stream, in order and without a hole."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._entries: list[Entry] = []
        self._firsts: list[int] = []
        self._head = 0
        self.size_bytes = 0
        self.events = 0

    def put(self, entry: Entry) -> None:
        """Keep one more; the oldest make room."""
        self._entries.append(entry)
        self._firsts.append(entry.first)
        self.size_bytes += entry.size
        self.events += entry.count
        while self.size_bytes > self._limits.size_bytes or self.events > self._limits.events:
            self._forget_oldest()

    def prune(self, now_s: float) -> None:
        """Forget what is too old."""
        while self._head < len(self._entries) and now_s - self._entries[self._head].at_s > self._limits.age_s:
            self._forget_oldest()

    @property
    def first(self) -> int | None:
        """The oldest number held."""
        return self._firsts[self._head] if self._head < len(self._firsts) else None

    def since(self, number: int) -> Iterator[Entry]:
        """The messages from the one that holds number, or the next one held, in order."""
        index = max(self._head, bisect_right(self._firsts, number, lo=self._head) - 1)
        if index < len(self._entries) and self._entries[index].first + self._entries[index].count <= number:
            index += 1
        for place in range(index, len(self._entries)):
            yield self._entries[place]

    def _forget_oldest(self) -> None:
        entry = self._entries[self._head]
        self.size_bytes -= entry.size
        self.events -= entry.count
        self._entries[self._head] = _NOTHING
        self._head += 1
        if self._head >= _COMPACT_FROM and self._head * 2 >= len(self._entries):
            del self._entries[: self._head]
            del self._firsts[: self._head]
            self._head = 0


_NOTHING: Final = Entry(0, 0, (b"", b"", b""), 0.0)


class LastValues:
    """The last fact of every state topic, with its number."""

    def __init__(self, values_max: int = VALUES_MAX) -> None:
        self._max = values_max
        self._values: dict[str, tuple[int, Envelope[Any]]] = {}

    def put(self, topic: str, number: int, envelope: Envelope[Any]) -> None:
        """Keep the newest of a topic."""
        self._values.pop(topic, None)
        self._values[topic] = (number, envelope)
        if len(self._values) > self._max:
            for old in list(islice(self._values, 1 + self._max // 16)):  # many at once: the front of a dict is slow
                del self._values[old]

    def by_number(self, after: int) -> list[tuple[int, str, Envelope[Any]]]:
        """Number, topic and fact of those beyond `after`, the oldest first."""
        found = [(number, topic, fact) for topic, (number, fact) in self._values.items() if number > after]
        return sorted(found, key=lambda each: each[0])
