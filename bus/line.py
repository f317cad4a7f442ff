"""One stream of one process of a publisher, as its reader follows it. Pure."""

from __future__ import annotations

import msgspec

from bus.kit import Message
from bus.message import Stream
from bus.tracker import Tracker

Key = tuple[Stream, int]


class Line(msgspec.Struct):
    """One stream of one process of the publisher. since_s: when it was first heard of, monotonic seconds.

    confirmed: by a heartbeat. snapshot: whether last values beyond number `after` are awaited before anything else.
    values: of a snapshot that is coming in. late: topics wanted only since the number given; their last values before
    it are asked for beside the stream. ahead_s: since when facts were given on that the publisher does not know of.
    """

    tracker: Tracker[Message]
    since_s: float
    confirmed: bool = False
    retired_s: float | None = None
    snapshot: bool = False
    after: int = 0
    ahead_s: float | None = None
    values: list[Message] = []
    late: dict[str, int] = {}
    counted: tuple[int, int] = (0, 0)

    def count(self, counters: dict[str, int]) -> None:
        """Put down what the tracker let go of since the last time."""
        duplicates, discarded = self.counted
        counters["duplicates"] += self.tracker.duplicates - duplicates
        counters["discarded"] += self.tracker.discarded - discarded
        self.counted = (self.tracker.duplicates, self.tracker.discarded)
