"""What the actor lends to the loop over data sets, so that no other file touches the bus."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from actors.base import NodeView, Repeat
from actors.clock import Alarm, Clock
from actors.log import Log
from bus.message import Fact


class Hands(Protocol):
    """What the actor lends."""

    node: NodeView

    @property
    def clock(self) -> Clock: ...
    @property
    def log(self) -> Log: ...
    def publish(self, fact: Fact) -> None: ...
    def after(self, delay_s: float, handler: Callable[..., None], *args: Any) -> Alarm: ...
    def every(self, interval_s: float, handler: Callable[..., None], *args: Any) -> Repeat: ...
    def run(self, work: Callable[[], Any], then: Callable[[Any], None]) -> None: ...
