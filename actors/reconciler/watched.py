"""What is known of one data set: the gaps of the last look, what was tried, and how it stands. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from actors.clock import Alarm
from actors.reconciler.course import Tried, open_gaps
from actors.reconciler.gaps import KINDS, Gap
from actors.reconciler.look import Looked
from actors.reconciler.store import Known
from actors.settings import TaskPriority
from actors.settings.datasets import DatasetSettings, GapKind
from bus.errors import CommandError
from bus.messages import DatasetRow, DatasetState

Asked = tuple[str, Callable[[CommandError | None], None]]
"""Somebody who waits for a look: the index that was agreed to, or empty, and how to tell."""


class Ended(msgspec.Struct, frozen=True):
    """A task that has ended, and whether it helped is not seen yet. at_s: wall seconds."""

    task: int
    outcome: str
    error: str
    at_s: float


class Watched(msgspec.Struct, kw_only=True):
    """One data set.

    gaps: by key, in order of rank. tried: by key. ended: by key, tasks whose result is to be looked at. closed: key ->
    wall seconds at which it was seen to be right, so that a look which began before does not open it again.
    """

    name: str
    settings: DatasetSettings
    known: Known
    tried: dict[str, Tried]
    gaps: dict[str, Gap] = {}
    counts: dict[GapKind, int] = {}
    have: int = 0
    index: str = ""
    state: DatasetState = "new"
    why: str = ""
    looked_s: float | None = None
    due_s: float | None = None
    """Wall seconds of the next look by a schedule."""
    ended: dict[str, Ended] = {}
    closed: dict[str, float] = {}
    early: dict[int, Ended] = {}
    """Tasks that ended before the queue has told their number."""
    looking: bool = False
    adding: bool = False
    verifying: bool = False
    believe: bool = False
    next_look: Alarm | None = None
    next_fill: Alarm | None = None
    asked: list[Asked] = []
    """Who waits for the next look."""
    answering: list[Asked] = []
    """Who waits for the look that is under way."""

    @property
    def in_flight(self) -> int:
        """Tasks that have not ended."""
        return sum(one.task is not None for one in self.tried.values())

    @property
    def unfillable(self) -> int:
        """Keys that were given up."""
        return sum(one.unfillable for one in self.tried.values())

    @property
    def open(self) -> int:
        """Gaps that something can still be done about."""
        return open_gaps(self.gaps.values(), self.tried, self.settings.fill)

    @property
    def urgency(self) -> TaskPriority:
        """The priority of the first gap that something can still be done about; without one, of its tasks."""
        usual = self.settings.fill.priority if self.settings.fill is not None else "medium"
        first = next((gap for gap in self.gaps.values() if gap.kind != "unexpected"), None)
        given_up = first is not None and first.key in self.tried and self.tried[first.key].unfillable
        return usual if first is None or given_up else first.priority

    @property
    def complete(self) -> bool:
        """Whether every gap of the last look is at hand, not only the first ones."""
        return sum(self.counts.values()) == len(self.gaps)

    @property
    def settled(self) -> bool:
        """Whether nothing is missing that could be there, as far as is known; what is not expected does not count."""
        if self.settings.fill is None:
            return not any(count for kind, count in self.counts.items() if kind != "unexpected")
        return not self.open and not self.in_flight and not self.ended and self.complete

    def take(self, looked: Looked, began_s: float) -> None:
        """Believe a look. began_s: wall seconds at which it began."""
        later = {key for key, at_s in self.closed.items() if at_s > began_s}
        self.closed = {key: self.closed[key] for key in later}
        self.counts = dict(looked.counts)
        self.gaps = {}
        for gap in looked.gaps:
            if gap.key in later:
                self.counts[gap.kind] -= 1
            else:
                self.gaps[gap.key] = gap
        self.known.should = looked.should
        gaps = (gap.key for gap in looked.gaps if gap.kind != "unexpected")
        self.known.first_gap = min(gaps, default="") if looked.total == len(looked.gaps) else None
        self.have = looked.have
        self.why = ""

    def close(self, key: str, now_s: float) -> None:
        """A key is seen to be right."""
        gap = self.gaps.pop(key, None)
        if gap is not None:
            self.counts[gap.kind] -= 1
        self.closed[key] = now_s
        self.tried.pop(key, None)

    def row(self, now_s: float, why: str) -> DatasetRow:
        """How it stands. now_s: monotonic seconds. why: what tasks wait for, or empty."""
        return DatasetRow(
            name=self.name,
            state=self.state,
            paused=self.known.paused,
            looking=self.looking,
            should=self.known.should,
            have=self.have,
            counts={kind: self.counts[kind] for kind in KINDS if self.counts.get(kind)},
            in_flight=self.in_flight,
            waiting=sum(one.task is None and not one.unfillable for one in self.tried.values()),
            unfillable=self.unfillable,
            filled=self.known.filled,
            looked_s=now_s - self.looked_s if self.looked_s is not None else None,
            index=self.index,
            why=self.why or why,
        )


def key_of(task_key: str, datasets: Mapping[str, Watched]) -> tuple[Watched, str] | None:
    """The data set and the key that a task was made for; None for a task of others."""
    name, slash, key = task_key.partition("/")
    one = datasets.get(name)
    return (one, key) if one is not None and slash else None
