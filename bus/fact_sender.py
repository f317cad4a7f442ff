"""Facts on their way out: numbered, gathered into batches, sent on the XPUB socket. Lives in the I/O thread."""

from __future__ import annotations

from collections.abc import Sequence
from queue import SimpleQueue
from typing import Any, Final

import zmq

from bus.codec import BATCH_MAX, UNDECODABLE, encode_batch
from bus.envelope import Envelope
from bus.errors import MalformedFrame
from bus.handover import Outgoing
from bus.message import Stream

TURN_MAX: Final = 16 * BATCH_MAX
"""Facts sent before the thread looks at its other sockets again."""
PREFIXES_MAX: Final = 10_000
"""Subscriptions remembered; a peer that makes up more does not fill our memory."""

_SUBSCRIBED: Final = b"\x01"
_UNENCODABLE: Final = (*UNDECODABLE, TypeError, ValueError, MalformedFrame)


class FactSender:
    """Owns the XPUB socket and the number of the next fact of every stream."""

    def __init__(self, socket: zmq.SyncSocket, epoch: int, counters: dict[str, int]) -> None:
        """epoch: of this start of the process; numbers begin at 1 in it. counters: sent, batches, unencodable."""
        self._socket = socket
        self._epoch = epoch
        self._counters = counters
        self._next = dict.fromkeys(Stream, 1)
        self.prefixes: set[str] = set()

    def send_from(self, queue: SimpleQueue[Outgoing]) -> int:
        """Send what waits, at most TURN_MAX facts, neighbours of one topic and stream in one message; how many."""
        waiting = min(queue.qsize(), TURN_MAX)
        batch: list[Envelope[Any]] = []
        topic, stream = "", Stream.FACTS
        for _ in range(waiting):
            item = queue.get_nowait()
            if batch and (item[0] != topic or item[1] is not stream or len(batch) == BATCH_MAX):
                self._send(topic, stream, batch)
                batch = []
            topic, stream, envelope = item
            batch.append(envelope)
        if batch:
            self._send(topic, stream, batch)
        return waiting

    def _send(self, topic: str, stream: Stream, batch: Sequence[Envelope[Any]]) -> None:
        first = self._next[stream]
        try:
            header, body = encode_batch(stream, self._epoch, first, batch)
            name = topic.encode("ascii")
        except _UNENCODABLE:
            self._send_halves(topic, stream, batch)
            return
        # The numbers are used up here, whether anybody subscribes or not, so that a gap always means a loss.
        # A ring for replay keeps (stream, first, topic, header, body) from here.
        self._next[stream] = first + len(batch)
        self._socket.send(name, zmq.SNDMORE)
        self._socket.send(header, zmq.SNDMORE)
        self._socket.send(body)
        self._counters["sent"] += len(batch)
        self._counters["batches"] += 1

    def _send_halves(self, topic: str, stream: Stream, batch: Sequence[Envelope[Any]]) -> None:
        """What does not fit one message, or holds one fact that cannot be said, goes in smaller ones."""
        if len(batch) == 1:
            self._counters["unencodable"] += 1
            return
        middle = len(batch) // 2
        self._send(topic, stream, batch[:middle])
        self._send(topic, stream, batch[middle:])

    def read_subscriptions(self) -> None:
        """Take note of what peers subscribe to. For information only: ZeroMQ itself filters, and peers may lie."""
        for _ in range(TURN_MAX):
            try:
                frame = self._socket.recv(zmq.NOBLOCK)
            except zmq.Again:
                return
            prefix = frame[1:].decode("ascii", "replace")
            if frame[:1] != _SUBSCRIBED:
                self.prefixes.discard(prefix)
            elif len(self.prefixes) < PREFIXES_MAX:
                self.prefixes.add(prefix)
