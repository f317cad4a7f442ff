"""What the actor lends to the course of remedies, so that no other file touches the bus."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from actors.base import NodeView
from actors.clock import Alarm, Clock
from bus.message import Command, Fact
from bus.messages.process_manager import ProcessTable


class Hands(Protocol):
    """What the actor lends."""

    node: NodeView

    @property
    def clock(self) -> Clock: ...
    def publish(self, fact: Fact) -> None: ...
    def request(self, command: Command, then: Callable[[Any], None], *, timeout_s: float) -> None: ...
    def after(self, delay_s: float, handler: Callable[..., None], *args: Any) -> Alarm: ...
    def run(self, work: Callable[[], Any], then: Callable[[Any], None]) -> None: ...
    def saw_table(self, table: ProcessTable, about: str = "") -> None: ...
    def look(self) -> None: ...
