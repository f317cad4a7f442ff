"""Every peer of this process: who they are, what comes from them, and which of them is asked. Lives in the I/O thread.

Other threads may only call states() and route().
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final

import msgspec

from bus.asker import Asker
from bus.carrier import Lost, Peer, PeerState, Receiver
from bus.errors import BusError, MalformedFrame
from bus.heartbeat import Address
from bus.kit import Kit, Message, Wishes
from bus.peering import Peering

AWAY_S: Final = 2.0
"""Seconds between two ticks from which on we were stopped ourselves, and no silence counts against a peer."""
TOPICS_MAX: Final = 20_000
"""Topics of which is remembered whether somebody wants them."""


class Me(msgspec.Struct, frozen=True):
    """Who this process is."""

    node: str
    epoch: int


class Peers:
    """Connects to peers, gives what comes from them to the receiver, and knows how they are."""

    def __init__(self, me: Me, kit: Kit, receiver: Receiver, later: Callable[[Callable[[], None]], object]) -> None:
        """kit.counters: also received, receiver_failed, doubled_peers. later: runs something in the I/O thread soon."""
        self._me = me
        self._kit = kit
        self._receiver = receiver
        self._later = later
        self._peerings: dict[Peer, Peering] = {}
        self._prefixes: set[str] = set()
        self._topics: dict[str, bool] = {}
        self._tick_s = kit.monotonic()
        self._wishes = Wishes(self._wanted, self._deliver, self._lost, receiver.behind)

    # -- who

    def connect(self, peer: Peer) -> None:
        """Add a peer; nothing happens when it is there. Raises: BusError."""
        if peer in self._peerings:
            return
        peering = Peering(peer, self._kit, self._wishes, self._told)
        self._peerings = {**self._peerings, peer: peering}  # other threads read it
        if self._prefixes and peering.reader is not None:
            peering.reader.want_facts()

    def drop(self, node: str, facts: str = "") -> None:
        """Part from the processes of a node, or from the one at an address."""
        for peer, peering in list(self._peerings.items()):
            if peering.state.node == node and facts in ("", peer.facts):
                self._peerings = {other: kept for other, kept in self._peerings.items() if other != peer}
                peering.close(f"node {node} is no peer any more")

    def states(self) -> list[PeerState]:
        """How every peer is."""
        return [peering.state_now() for peering in self._peerings.values()]

    def addresses(self) -> tuple[Address, ...]:
        """Where the peers are, for others to find them."""
        return tuple(
            Address(node=peering.state.node, facts=peer.facts, commands=peer.commands, replay=peer.replay, key=peer.key)
            for peer, peering in self._peerings.items()
            if peer.facts
        )

    def route(self, target: str, node: str | None) -> Asker | None:
        """Who is asked: the process of that node which has the target; without a node, ours first, then any.

        A node that is named is asked even when nobody there is known to have it: it says so itself.
        """
        able = [(each, each.asker) for each in self._peerings.values() if each.asker is not None]
        if node is not None:
            able = [(each, asker) for each, asker in able if node in (each.state.node, each.peer.node)]
        able.sort(key=lambda pair: self._preference(pair[0], target))
        if not able or (node is None and able[0][0].serves(target) is False):
            return None
        return able[0][1]

    def _preference(self, peering: Peering, target: str) -> tuple[bool, ...]:
        """Lower is better."""
        serves, state = peering.serves(target), peering.state
        return (
            serves is False,
            serves is None,
            state.draining,
            state.heard and not state.alive,
            state.node != self._me.node,
        )

    # -- what comes from them

    def listen(self, prefix: str) -> None:
        """Give on facts whose topic begins with prefix."""
        if any(prefix.startswith(known) for known in self._prefixes):
            return
        self._prefixes.add(prefix)
        self._topics.clear()
        for peering in self._peerings.values():
            if peering.reader is not None:
                peering.reader.want_facts()
                peering.reader.want_late(prefix)

    def held_up(self) -> bool:
        """Whether facts are not read because the receiver is behind; those that need not wait longer go on."""
        paused = [each.reader for each in self._peerings.values() if each.reader is not None and each.reader.paused]
        if not paused:
            return False
        if self._receiver.behind():
            return True
        for reader in paused:
            reader.go_on()
        return any(reader.paused for reader in paused)

    def _wanted(self, topic: str) -> bool:
        known = self._topics.get(topic)
        if known is None:
            if len(self._topics) >= TOPICS_MAX:
                self._topics.clear()
            known = self._topics[topic] = any(topic.startswith(prefix) for prefix in self._prefixes)
        return known

    def _deliver(self, message: Message, skip: int) -> None:
        topic, header, body = message
        try:
            self._receiver.receive_facts(topic, header, body, skip)
        except MalformedFrame:
            self._kit.counters["malformed"] += 1
        except Exception:  # noqa: BLE001 - the receiver's fault does not end the thread
            self._kit.counters["receiver_failed"] += 1
        else:
            self._kit.counters["received"] += header.count - skip

    def _lost(self, lost: Lost) -> None:
        try:
            self._receiver.receive_lost(lost)
        except Exception:  # noqa: BLE001 - the receiver's fault does not end the thread
            self._kit.counters["receiver_failed"] += 1

    def _told(self, peering: Peering) -> None:
        beat = peering.beat
        if beat is not None and self._is_double(peering):
            self._kit.counters["doubled_peers"] += 1
            self._later(lambda: self._part(peering))

    def _is_double(self, peering: Peering) -> bool:
        """Whether it is ourselves, or a process that is connected by another address: its facts would come twice."""
        beat = peering.beat
        who = (beat.node, beat.epoch) if beat else None
        others = (each.beat for each in self._peerings.values() if each is not peering)
        return who == (self._me.node, self._me.epoch) or any(each and (each.node, each.epoch) == who for each in others)

    def _part(self, peering: Peering) -> None:
        if self._peerings.get(peering.peer) is peering and self._is_double(peering):
            self._peerings = {peer: each for peer, each in self._peerings.items() if each is not peering}
            peering.close("this process is connected by another address")

    # -- turns

    def next_deadline_s(self) -> float:
        """Monotonic seconds at which a command to a peer has waited too long."""
        return min(
            (each.asker.next_deadline_s() for each in self._peerings.values() if each.asker), default=float("inf")
        )

    def before_wait(self) -> None:
        """End what waited too long, and say which sockets have something to send."""
        for peering in self._peerings.values():
            if peering.asker is not None:
                peering.asker.expire()
                self._kit.polling.also_writable(peering.asker.socket, wanted=peering.asker.is_held_up)

    def after_wait(self) -> None:
        """Send commands that were held up."""
        for peering in self._peerings.values():
            if peering.asker is not None and peering.asker.is_held_up:
                peering.asker.send_waiting()

    def tick(self) -> None:
        """Once per tick of the thread."""
        now_s = self._kit.monotonic()
        just, self._tick_s = now_s - self._tick_s < AWAY_S, now_s
        for peering in list(self._peerings.values()):
            with suppress(BusError):
                peering.tick(just=just)

    def close(self, why: str, linger_s: float) -> None:
        """Part from all. linger_s: for commands that are still to leave."""
        for peering in self._peerings.values():
            peering.close(why, int(linger_s * 1000))
