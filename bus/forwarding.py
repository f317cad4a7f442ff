"""Commands that came to one process of a node and are for an actor in another one of it."""

from __future__ import annotations

import msgspec

from bus.access import Caller, may_ask
from bus.carrier import Answer, Carrier
from bus.envelope import RawCommand, RawReply


class Forwarder:
    """Hands commands on within a node, by what the heartbeats of its processes say. Used in the I/O thread only."""

    def __init__(self, node: str, carrier: Carrier | None) -> None:
        self._node = node
        self._carrier = carrier
        self._waiting: dict[str, list[Answer]] = {}

    def targets(self) -> set[str]:
        """What the node's other processes have."""
        states = self._carrier.peers() if self._carrier is not None else []
        return {target for state in states if state.node == self._node and state.alive for target in state.targets}

    def forward(self, raw: RawCommand, answer: Answer, caller: Caller | None) -> bool:
        """Hand a command on; False when no other process has its target, or the caller may ask nothing.

        An id that is under way already gets the same answer and is not sent again, so nothing goes in a circle.
        The other process does not learn who the caller is but by `source`: commands that only nodes may send are not
        kept from an operator on this way, and there is none of them at present.
        """
        waiting = self._waiting.get(raw.id)
        if waiting is not None:
            waiting.append(answer)
            return True
        if self._carrier is None or raw.target not in self.targets():
            return False
        if caller is not None:
            if not may_ask(caller.role, "operator"):
                return False
            raw = msgspec.structs.replace(raw, source=caller.source(raw.source))

        def back(reply: RawReply) -> None:
            for waiter in self._waiting.pop(raw.id, ()):
                waiter(reply)

        self._waiting[raw.id] = [answer]
        if self._carrier.command(raw, back, node=self._node):
            return True
        del self._waiting[raw.id]
        return False
