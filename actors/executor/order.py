"""What a worker is told at its start, as one line of JSON. Pure."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from actors.executor.flow import AGEING_STEP_S, LEASE_S
from actors.executor.room import Room, room_of
from actors.executor.store import LOST_MAX
from actors.settings import Resources, TaskKind


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """Of one worker. address: of the queue. locks, root, output: directories. told: the pipe that says something ended.

    offers: what the node has for tasks. stop_within_s: seconds that a task may go on when the worker stops.
    """

    name: str
    node: str
    address: str
    synchronous: Literal["FULL", "NORMAL"] = "FULL"
    step_s: float = AGEING_STEP_S
    lease_s: float = LEASE_S
    lost_max: int = LOST_MAX
    stop_within_s: float = 5.0
    locks: str
    root: str
    output: str
    told: str | None = None
    offers: Resources = Resources()
    kinds: dict[str, TaskKind]

    @property
    def room(self) -> Room:
        """What its node has for tasks."""
        return room_of(self.node, self.offers, self.kinds)


def encode(order: Order) -> bytes:
    """One line."""
    return msgspec.json.encode(order, enc_hook=_plain) + b"\n"


def decode(line: bytes) -> Order:
    """Raises: msgspec.MsgspecError."""
    return msgspec.json.decode(line, type=Order, dec_hook=_typed)


def _plain(value: Any) -> float:
    return float(value)


def _typed(kind: type, value: Any) -> Any:
    return kind(value)
