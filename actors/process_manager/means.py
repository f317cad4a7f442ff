"""What the parts of the ProcessManager may use of their actor. Pure."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

from actors.clock import Alarm, Clock
from actors.log import Log
from bus.message import Fact

if TYPE_CHECKING:
    from actors.base import NodeView


class Means(Protocol):
    """The actor, as far as its parts need it."""

    @property
    def clock(self) -> Clock:
        """Monotonic seconds when called."""

    @property
    def node(self) -> NodeView:
        """What is known of the node, and what it is to run."""

    @property
    def log(self) -> Log:
        """The operation log."""

    def publish(self, fact: Fact) -> None:
        """Tell everybody."""

    def told_last(self) -> AbstractContextManager[None]:
        """Within it, what is published waits for its end."""

    def after(self, delay_s: float, handler: Callable[..., None], *args: Any) -> Alarm:
        """Call handler(*args) in the actor's thread after delay_s seconds."""

    def post(self, handler: Callable[..., None], *args: Any) -> None:
        """From any thread: call handler(*args) in the actor's thread."""

    def run(self, work: Callable[[], Any], then: Callable[[Any], None]) -> None:
        """Do slow work in a thread; then(result or exception) in the actor's thread."""
