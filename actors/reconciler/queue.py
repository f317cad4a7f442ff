"""A work queue of keys: which are to be worked on, one at a time each, and how soon again. Pure.

Source: client-go `workqueue` (dirty and processing sets) and controller-runtime's rate limiter per key.
"""

from __future__ import annotations

from collections.abc import Hashable
from math import inf
from typing import Generic, TypeVar

from actors.settings.doubling import doubled

K = TypeVar("K", bound=Hashable)


class WorkQueue(Generic[K]):
    """Keys in order of arrival.

    Its promises:
    - A key is never taken twice at the same time: it is processed until `done` or `again`.
    - A key added while it is processed is not lost: it can be taken once it is no longer processed.
    - A key added many times before it is taken is taken once.
    - A key that came `again` cannot be taken before its back-off is over, however often it is added; the back-off
      doubles each time and starts afresh with `forget`.
    """

    def __init__(self, first_s: float, max_s: float) -> None:
        """first_s, max_s: seconds of the first and of the longest back-off; may be changed."""
        self.first_s = first_s
        self.max_s = max_s
        self._dirty: dict[K, None] = {}
        self._processing: set[K] = set()
        self._tries: dict[K, int] = {}
        self._due_s: dict[K, float] = {}

    def add(self, key: K) -> None:
        """The key is to be worked on."""
        self._dirty[key] = None

    def take(self, now_s: float) -> K | None:
        """The first key that may be worked on now, which begins its processing; None when there is none."""
        for key in self._dirty:
            if key not in self._processing and self._due_s.get(key, now_s) <= now_s:
                del self._dirty[key]
                self._processing.add(key)
                return key
        return None

    def done(self, key: K) -> None:
        """Processing is over, and there was nothing that would have to be repeated."""
        self._processing.discard(key)

    def well(self, key: K) -> None:
        """Processing is over and the key is well: its back-off starts afresh. What was added meanwhile stays."""
        self._processing.discard(key)
        self._tries.pop(key, None)
        self._due_s.pop(key, None)

    def again(self, key: K, now_s: float, most_s: float = inf) -> float:
        """Processing is over, and is to be repeated after the back-off unless it is forgotten. Gives its seconds.

        most_s: seconds of the longest back-off of this key, where that is less than of all.
        """
        self._processing.discard(key)
        tries = self._tries.get(key, 0)
        self._tries[key] = tries + 1
        wait_s = doubled(self.first_s, tries, min(self.max_s, most_s))
        self._due_s[key] = now_s + wait_s
        self._dirty[key] = None
        return wait_s

    def forget(self, key: K) -> None:
        """The key is well: its back-off is over and starts afresh, and it is not to be worked on."""
        self._tries.pop(key, None)
        self._due_s.pop(key, None)
        self._dirty.pop(key, None)

    def hurry(self) -> None:
        """End every back-off, because something is different now: a new config, or a person asks."""
        self._tries.clear()
        self._due_s.clear()

    def tries(self, key: K) -> int:
        """How often in a row the key came again."""
        return self._tries.get(key, 0)

    @property
    def processing(self) -> frozenset[K]:
        """The keys that are being worked on."""
        return frozenset(self._processing)

    def due_s_of(self, key: K) -> float | None:
        """When the back-off of this key ends; None when it has none."""
        return self._due_s.get(key)

    def due_s(self) -> float | None:
        """When the first back-off of a waiting key ends; None when none waits so."""
        waiting = [self._due_s[key] for key in self._dirty if key in self._due_s and key not in self._processing]
        return min(waiting, default=None)
