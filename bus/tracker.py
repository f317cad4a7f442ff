"""Which facts of one publisher stream came, which are missing, and in what order they may be given on. Pure."""

from __future__ import annotations

from bisect import insort
from typing import Final, Generic, TypeVar

T = TypeVar("T")

HELD_BYTES_MAX: Final = 16 << 20
"""Bytes of later messages held back while earlier ones are asked for; what does not fit is asked for again."""
HELD_MAX: Final = 20_000
"""Messages held back."""

Due = tuple[T, int]
"""A message and how many of its first facts were given on already."""


class Tracker(Generic[T]):
    """One (epoch, stream) of one publisher.

    Messages are numbered first, first + 1, ... first + count - 1. Before join() everything is held back; from then on
    they come out of take() once each and in order, whatever way they came in.
    """

    def __init__(self) -> None:
        self.next: int | None = None
        """The number to come; None before join()."""
        self.last = 0
        """The highest number known to have been sent."""
        self.duplicates = 0
        self.dropped = 0
        """Messages not held back for want of room; they stay missing, and are asked for again."""
        self.discarded = 0
        """Facts that came and were thrown away before they could be given on."""
        self._firsts: list[int] = []
        self._held: dict[int, tuple[int, int, T]] = {}
        self._held_bytes = 0

    # -- where it begins

    def join(self, number: int) -> list[Due[T]]:
        """Begin with this number, or go on from it; what is held back from there on may come out."""
        self.next = number
        self.last = max(self.last, number - 1)
        return self._release()

    @property
    def first_held(self) -> int | None:
        """The lowest number held back."""
        return self._firsts[0] if self._firsts else None

    @property
    def held(self) -> int:
        """Facts held back."""
        return sum(count for count, _, _ in self._held.values())

    # -- what comes

    def take(self, first: int, count: int, size: int, message: T) -> list[Due[T]]:
        """A message came; what may now be given on, in order. size: bytes it takes while held back."""
        end = first + count
        self.last = max(self.last, end - 1)
        if self.next is None or first > self.next:
            self._hold(first, count, size, message)
            return []
        if end <= self.next:
            self.duplicates += count
            return []
        skip = self.next - first
        self.duplicates += skip
        self.next = end
        return [(message, skip), *self._release()] if self._firsts else [(message, skip)]

    def follow(self, first: int, count: int) -> bool:
        """As take(), for a message that is just the next one while nothing is held back: it goes on as it is."""
        if first != self.next or self._firsts:
            return False
        self.next = first + count
        self.last = max(self.last, first + count - 1)
        return True

    def sent(self, last: int) -> None:
        """The publisher says that it has sent up to this number."""
        self.last = max(self.last, last)

    def rewind(self, last: int) -> None:
        """The publisher has sent no further than this number, whatever came: go on after it, if not before."""
        self.last = last
        if self.next is not None:
            self.next = min(self.next, last + 1)
        for first in [each for each in self._firsts if each > last]:
            self.discarded += self._forget(first)[0]
        self._firsts = [each for each in self._firsts if each <= last]

    # -- what does not

    @property
    def missing(self) -> tuple[int, int] | None:
        """The first range that is missing, both included; None when nothing is."""
        if self.next is None or self.last < self.next:
            return None
        held = self.first_held
        return self.next, self.last if held is None else held - 1

    def lag(self, told: int = 0) -> int:
        """Facts known to have been sent and not given on. told: a last number that was heard of another way."""
        return 0 if self.next is None else max(0, max(self.last, told) + 1 - self.next)

    def give_up(self, first: int, last: int) -> tuple[tuple[int, int] | None, list[Due[T]]]:
        """A range is gone for good: the part of it that was missing, and what may now be given on.

        Only what stands at the head of the line can be given up; a later range is asked for when its turn comes.
        """
        gap = self.missing
        if gap is None or first > gap[0] or last < gap[0]:
            return None, []
        lost = (gap[0], min(last, gap[1]))
        self.next = lost[1] + 1
        return lost, self._release()

    def abandon(self, first: int, last: int) -> tuple[tuple[int, int] | None, list[Due[T]]]:
        """As give_up, but to begin anew with join(): what is held back stays so until then."""
        gap = self.missing
        if gap is None or first > gap[0] or last < gap[0]:
            return None, []
        self.next = None
        return (gap[0], min(last, gap[1])), []

    # -- what is held back

    def _hold(self, first: int, count: int, size: int, message: T) -> None:
        if first in self._held:
            self.duplicates += count
            return
        if len(self._held) >= HELD_MAX or self._held_bytes + size > HELD_BYTES_MAX:
            self._make_room(first, size)
            if len(self._held) >= HELD_MAX or self._held_bytes + size > HELD_BYTES_MAX:
                self.dropped += 1
                self.discarded += count
                return
        self._held[first] = (count, size, message)
        self._held_bytes += size
        if not self._firsts or first > self._firsts[-1]:
            self._firsts.append(first)
        else:
            insort(self._firsts, first)

    def _make_room(self, first: int, size: int) -> None:
        """An earlier message is worth more than later ones: it is needed sooner."""
        while self._firsts and self._firsts[-1] > first:
            if len(self._held) < HELD_MAX and self._held_bytes + size <= HELD_BYTES_MAX:
                return
            self.discarded += self._forget(self._firsts.pop())[0]
            self.dropped += 1

    def _forget(self, first: int) -> tuple[int, int, T]:
        entry = self._held.pop(first)
        self._held_bytes -= entry[1]
        return entry

    def _release(self) -> list[Due[T]]:
        done = 0
        due: list[Due[T]] = []
        assert self.next is not None  # noqa: S101 - only after join()
        for first in self._firsts:
            if first > self.next:
                break
            done += 1
            count, _, message = self._forget(first)
            if first + count <= self.next:
                self.duplicates += count
                continue
            self.duplicates += self.next - first
            due.append((message, self.next - first))
            self.next = first + count
        del self._firsts[:done]
        return due
