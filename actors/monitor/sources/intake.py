"""What others hand in, from any thread, until the Monitor takes it: by HTTP, by StatsD or by the bus."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from actors.monitor.pushed import Pushed
from actors.monitor.statsd import Item

REFUSED_KEPT: Final = 100
"""Sentences about what was refused that are kept until they are told; more are only counted."""


class Unknown(Exception):
    """Nothing of this name can be handed in; says what can."""


class Intake:
    """Values by subject, bounded by what is declared. news is called once for a subject until somebody has taken."""

    def __init__(self, news: Callable[[], None]) -> None:
        self._news = news
        self._lock = threading.Lock()
        self._declared: Mapping[str, frozenset[str]] = {}
        self._pushed: dict[str, Pushed] = defaultdict(Pushed)
        self._refused: set[str] = set()
        self._untold: list[str] = []
        self.refused = 0

    def declare(self, metrics: Mapping[str, frozenset[str]]) -> None:
        """Subject -> metrics that can be handed in from now on; what was handed in for others is forgotten."""
        with self._lock:
            same = {name for name, names in metrics.items() if self._declared.get(name) == names}
            self._declared = dict(metrics)
            for name in self._pushed.keys() - same:
                del self._pushed[name]

    def add(self, subject: str, items: Iterable[Item]) -> int:
        """Take items in, all or none; gives how many. Raises: Unknown."""
        these = list(items)
        with self._lock:
            self._check(subject, these)
            pushed = self._pushed[subject]
            first = not pushed.fresh
            pushed.add(these)
        if first:
            self._news()
        return len(these)

    def refuse(self, why: str) -> None:
        """Something was handed in that nobody can be told about: it is counted, and each sentence told once."""
        with self._lock:
            self.refused += 1
            if why in self._refused or len(self._refused) >= REFUSED_KEPT:
                return
            self._refused.add(why)
            self._untold.append(why)
        self._news()

    def heard(self) -> tuple[list[str], list[str]]:
        """The news were heard: subjects that have something, and sentences that were not told yet."""
        with self._lock:
            untold, self._untold = self._untold, []
            return [name for name, pushed in self._pushed.items() if pushed.fresh], untold

    def take(self, subject: str) -> dict[str, float]:
        """What was handed in for a subject since the last time."""
        with self._lock:
            found = self._pushed.get(subject)
            return found.take() if found is not None else {}

    def waits(self, subject: str) -> bool:
        """Whether a subject has something to give: news, or a count that is given each time."""
        with self._lock:
            found = self._pushed.get(subject)
            return found is not None and (found.fresh or found.counting)

    def _check(self, subject: str, items: list[Item]) -> None:
        declared = self._declared.get(subject)
        if declared is None:
            there = ", ".join(self._declared) or "none"
            raise Unknown(f"no metrics can be handed in for {subject[:64]!r}; there are: {there}")
        for item in items:
            if item.name not in declared:
                there = ", ".join(sorted(declared))
                raise Unknown(f"{subject} has no metric {item.name[:64]!r} with push: true; there are: {there}")
