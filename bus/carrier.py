"""The seam between the bus of one process and what carries messages to other processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from bus.envelope import Envelope, RawCommand, RawEnvelope, RawReply
from bus.message import Stream

Answer = Callable[[RawReply], None]


class Receiver(Protocol):
    """What the bus offers its carrier. Called from the carrier's thread; neither method blocks nor raises."""

    def receive_fact(self, raw: RawEnvelope) -> None:
        """A fact came in."""

    def receive_command(self, raw: RawCommand, answer: Answer) -> None:
        """A command came in; answer is called once, from any thread."""


class Carrier(Protocol):
    """Carries facts and commands between processes. Every method may be called from any thread and never blocks."""

    def start(self, receiver: Receiver) -> None:
        """Open the sockets and begin. Raises BusError when an endpoint is taken or not permitted."""

    def send(self, topic: str, stream: Stream, envelope: Envelope[Any]) -> None:
        """Queue a fact for every listener elsewhere; order per stream is kept."""

    def listen(self, prefix: str) -> None:
        """Want facts from elsewhere whose topic begins with prefix."""

    def command(self, raw: RawCommand, answer: Answer, *, node: str | None) -> bool:
        """Send a command on; False when no peer is known that serves its target."""

    def close(self) -> None:
        """Send what is queued (within a second), close the sockets, end the thread."""
