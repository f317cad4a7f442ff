"""Messages of the bus about itself."""

from __future__ import annotations

from bus.message import Fact


class EventsLost(Fact, frozen=True, kw_only=True):
    """Facts of one publisher stream are gone for this reader. first_seq and last_seq: the range, both included."""

    kind = "bus.events_lost"
    publisher: str
    stream_name: str
    epoch: int
    first_seq: int
    last_seq: int
