"""What the actor lends to the rooms of the Notifier, so that no other file touches the bus."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from actors.base import NodeView
from actors.clock import Alarm, Clock
from actors.log import Log
from actors.notifier.model import Over, Seen
from actors.notifier.settings import NotifierSettings
from bus.message import Command, Fact


class Hands(Protocol):
    """What the actor lends. settings and node are those in force when they are asked for."""

    node: NodeView
    settings: NotifierSettings

    @property
    def clock(self) -> Clock: ...
    @property
    def log(self) -> Log: ...
    def publish(self, fact: Fact) -> None: ...
    def request(self, command: Command, then: Callable[[Any], None], *, timeout_s: float = 5.0) -> None: ...
    def after(self, delay_s: float, handler: Callable[..., None], *args: Any) -> Alarm: ...
    def run(self, work: Callable[[], Any], then: Callable[[Any], None]) -> None: ...
    def hear(self, meant: Seen | Over) -> None: ...
    def chance(self) -> float: ...
