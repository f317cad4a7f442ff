"""The book of drift: when each difference was first seen, when it counts, and when it is seen to be gone. Pure."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from actors.reconciler.diff import Difference
from bus.messages import DriftKind

Key = tuple[str, DriftKind]


class Drift(msgspec.Struct, kw_only=True):
    """A difference that is being followed.

    since_s: monotonic seconds of the first look that showed it. seen_s: of each pid, its first look. told: it counts:
    it is in the report and DriftDetected was published. trouble: why the last action did not do, or empty.
    """

    now: Difference
    since_s: float
    seen_s: dict[int, float] = msgspec.field(default_factory=dict)
    told: bool = False
    trouble: str = ""

    @property
    def key(self) -> Key:
        """What makes two differences the same drift."""
        return self.now.subject, self.now.kind

    def pids_seen_for(self, for_s: float, now_s: float) -> tuple[int, ...]:
        """The pids that are there now and have been seen for at least for_s seconds, ascending."""
        return tuple(sorted(pid for pid, seen_s in self.seen_s.items() if seen_s + for_s <= now_s))


class Closed(msgspec.Struct, frozen=True):
    """A drift that is gone. took_s: seconds since it was first seen."""

    subject: str
    kind: DriftKind
    took_s: float


class Changes(msgspec.Struct, frozen=True):
    """What one look changed. converged: none is open any more, and one was. closed_run: closed since none was open."""

    opened: list[Drift]
    closed: list[Closed]
    converged: bool
    closed_run: int


class Book:
    """All drift that is followed; `see` is given each look."""

    def __init__(self, confirm_s: float) -> None:
        """confirm_s: seconds over which a stray has to be seen before it counts."""
        self.confirm_s = confirm_s
        self.closed_total = 0
        self._drifts: dict[Key, Drift] = {}
        self._closed_run = 0

    def see(self, differences: Iterable[Difference], now_s: float) -> Changes:
        """Take one look's differences in. A followed drift that is not among them is gone."""
        seen = {(one.subject, one.kind): one for one in differences}
        gone = [drift for key, drift in self._drifts.items() if key not in seen]
        closed = [Closed(drift.now.subject, drift.now.kind, now_s - drift.since_s) for drift in gone if drift.told]
        for drift in gone:
            del self._drifts[drift.key]
        followed = [self._follow(one, now_s) for one in seen.values()]
        opened = [drift for drift in followed if drift is not None]
        self.closed_total += len(closed)
        self._closed_run += len(closed)
        closed_run = self._closed_run
        converged = bool(closed) and not self.open()
        if converged:
            self._closed_run = 0
        return Changes(opened, closed, converged, closed_run)

    def open(self) -> list[Drift]:
        """The drift that counts, in the order it was first seen."""
        return [drift for drift in self._drifts.values() if drift.told]

    def of(self, subject: str) -> list[Drift]:
        """The drift of one workload that counts."""
        return [drift for drift in self.open() if drift.now.subject == subject]

    def confirm_due_s(self) -> float | None:
        """Monotonic seconds at which the next suspicion can become a drift; None when there is none."""
        ends = [min(drift.seen_s.values()) + self.confirm_s for drift in self._drifts.values() if not drift.told]
        return min(ends, default=None)

    def _follow(self, one: Difference, now_s: float) -> Drift | None:
        """Follow one difference; gives its drift when it begins to count with this look."""
        drift = self._drifts.get((one.subject, one.kind))
        if drift is None:
            if one.settling:
                return None
            drift = self._drifts[(one.subject, one.kind)] = Drift(now=one, since_s=now_s)
        drift.now = one
        drift.seen_s = {pid: drift.seen_s.get(pid, now_s) for pid in one.pids}
        if drift.told or (one.kind == "stray" and not drift.pids_seen_for(self.confirm_s, now_s)):
            return None
        drift.told = True
        return drift
