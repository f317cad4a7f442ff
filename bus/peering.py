"""One peer as the I/O thread sees it: its facts, its pulse, and the commands it is asked."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final

import msgspec
import zmq

from bus.asker import Asker, Line
from bus.carrier import Peer, PeerState
from bus.errors import ActorUnavailable, MalformedFrame
from bus.heartbeat import GONE_AFTER_S, Heartbeat, decode_heartbeat
from bus.heartbeat import TOPIC as HEARTBEAT
from bus.kit import Kit, Wishes
from bus.link import Link
from bus.message import Stream
from bus.reader import Reader
from bus.sockets import read_rest

PULSE_FRAMES: Final = 3


class Peering:
    """Owns every socket to one peer.

    Heartbeats come in twice: among the facts, where they show what is missing, and by a socket of their own, which goes
    on when facts are not read because the readers here are behind.
    """

    def __init__(self, peer: Peer, kit: Kit, wishes: Wishes, told: Callable[[Peering], None]) -> None:
        """told: called at every hello, when it is gone, back, started anew or serves others. Raises: BusError."""
        self.peer = peer
        self.beat: Heartbeat | None = None
        self.state = PeerState(peer=peer, node=peer.node, targets=peer.targets or frozenset())
        self.beat_s = kit.monotonic()
        """When the last heartbeat came, or when we began to wait; monotonic seconds."""
        self.asker: Asker | None = None
        self.reader: Reader | None = None
        self._kit = kit
        self._told = told
        self._alive = False
        self._pulse: zmq.SyncSocket | None = None
        self._pulse_link: Link | None = None
        try:
            if peer.facts:
                self._feel()
                self.reader = Reader(peer, kit, wishes)
            if peer.commands:
                self.asker = self._asker()
        except BaseException:
            self.close("")
            raise

    def _feel(self) -> None:
        """Begin to take its pulse."""
        socket = self._pulse = self._kit.open(zmq.SUB)
        socket.setsockopt(zmq.RCVHWM, 16)
        link = self._pulse_link = Link(socket, self._kit.monotonic)
        socket.setsockopt(zmq.SUBSCRIBE, HEARTBEAT.encode())
        self._kit.connect(socket, self.peer.facts, self.peer)
        self._kit.polling.add(socket, self._read_pulse)
        self._kit.polling.add(link.monitor, link.read)

    def _asker(self) -> Asker:
        socket = self._kit.open(zmq.DEALER)
        link = Link(socket, self._kit.monotonic)
        asker = Asker(Line(self.peer.node, self.peer.commands, socket, link), self._kit.monotonic, self._kit.counters)
        try:
            self._kit.connect(socket, self.peer.commands, self.peer)
        except BaseException:
            link.close()
            socket.close(linger=0)
            raise
        self._kit.polling.add(socket, asker.read_answers)
        self._kit.polling.add(link.monitor, asker.read_link)
        return asker

    def serves(self, target: str) -> bool | None:
        """Whether it has an actor; None when it has not said so yet and the config does not either."""
        if self.beat is not None:
            return target in self.beat.targets
        return None if self.peer.targets is None else target in self.peer.targets

    def close(self, why: str, linger_ms: int = 0) -> None:
        """Close all; what it was asked is answered with why. linger_ms: for commands that are still to leave."""
        if self.asker is not None:
            self.asker.end(ActorUnavailable(why))
            self._kit.polling.remove(self.asker.socket)
            self._kit.polling.remove(self.asker.link.monitor)
            self.asker.link.close()
            self.asker.socket.close(linger=linger_ms)
            self.asker = None
        if self.reader is not None:
            self.reader.close()
        if self._pulse_link is not None:
            self._kit.polling.remove(self._pulse_link.monitor)
            self._pulse_link.close()
            self._pulse_link = None
        if self._pulse is not None:
            self._kit.polling.remove(self._pulse)
            self._pulse.close(linger=0)
            self._pulse = None

    # -- its pulse

    def _read_pulse(self) -> None:
        socket = self._pulse
        if socket is None:
            return
        newest: Heartbeat | None = None
        with suppress(zmq.Again):
            while True:
                frames = read_rest(socket, socket.recv(zmq.NOBLOCK), PULSE_FRAMES)
                try:
                    beat = decode_heartbeat(frames[1], frames[2]) if len(frames) == PULSE_FRAMES else None
                except MalformedFrame:
                    beat = None
                newest = beat or newest
                self._kit.counters["heartbeats" if beat else "malformed"] += 1
        if newest is not None:
            self._take(newest)

    def _take(self, beat: Heartbeat) -> None:
        before, self.beat, self.beat_s = self.beat, beat, self._kit.monotonic()
        if self.reader is not None:
            self.reader.hear(beat)
        changed = (
            before is None
            or not self._alive
            or (before.epoch, before.targets, before.draining) != (beat.epoch, beat.targets, beat.draining)
        )
        self._alive = True
        self.note()
        if changed:
            self._told(self)

    def tick(self, *, just: bool) -> None:
        """See whether it is still there. just: not when we ourselves were away and could not hear it."""
        if not just:
            self.beat_s = self._kit.monotonic()
        self._mend_pulse()
        if self.reader is not None:
            self.reader.tick()
        if self.asker is not None:
            self._kit.counters["reconnected"] += self.asker.link.mend()
        gone = self._alive and self._kit.monotonic() - self.beat_s > GONE_AFTER_S
        self._alive = self._alive and not gone
        self.note()
        if gone:
            self._told(self)

    def _mend_pulse(self) -> None:
        """Begin its connection anew when ZeroMQ has given it up, or it is silent."""
        link = self._pulse_link
        if link is not None:
            renewed = link.mend() if self.beat is None else link.mend_silent(self.peer.facts, self.beat_s)
            self._kit.counters["reconnected"] += renewed

    def note(self) -> None:
        """Put down how it is, for other threads to read."""
        beat = self.beat
        self.state = PeerState(
            peer=self.peer,
            node=beat.node if beat else self.peer.node,
            epoch=beat.epoch if beat else 0,
            pid=beat.pid if beat else 0,
            targets=frozenset(beat.targets) if beat else self.peer.targets or frozenset(),
            heard=beat is not None,
            alive=self._alive,
            lag=self.reader.lag() if self.reader else {stream.name.lower(): 0 for stream in Stream},
            draining=beat.draining if beat else False,
        )

    def state_now(self) -> PeerState:
        """From any thread."""
        return msgspec.structs.replace(self.state, age_s=max(0.0, self._kit.monotonic() - self.beat_s))
