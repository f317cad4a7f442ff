"""Facts on their way out: gathered into batches, numbered, kept, sent on the XPUB sockets. One thread at a time."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

import zmq

from bus.archive import Archive
from bus.codec import BATCH_MAX, UNDECODABLE, encode_batch
from bus.envelope import Envelope
from bus.errors import MalformedFrame
from bus.handover import Outgoing
from bus.heartbeat import TOPIC as HEARTBEAT
from bus.message import Stream
from bus.ring import Entry

TURN_MAX: Final = 16 * BATCH_MAX
"""Facts sent before the thread looks at its other sockets again; one transaction of the journal."""
PREFIXES_MAX: Final = 10_000
"""Subscriptions remembered; a peer that makes up more does not fill our memory."""
UNCOMMITTED_MAX: Final = 1_000
"""Messages that wait for a disk that takes nothing; what comes on top is dropped and counted."""

BATCH_BYTES: Final = 64 << 10
"""Of a body with more than one fact: what waits for a slow reader is counted in messages, and so bounded in bytes."""

UNCOMMITTED_SOON: Final = 16
"""Messages that wait for the disk, from which on no other thread than that of the journal adds to them."""

LOOK_S: Final = 0.01
"""Seconds between two looks for subscriptions of a thread that sends for the I/O thread."""

_TOPIC_AND_STREAM: Final = itemgetter(0, 1)
_SUBSCRIBED: Final = b"\x01"
_UNENCODABLE: Final = (*UNDECODABLE, TypeError, ValueError, MalformedFrame)


class FactSender:
    """Owns what is sent on the XPUB sockets.

    sockets: the same list the thread opens and shuts doors in; every message goes out on each. Whoever calls a method
    holds the lock of the handover; but for send_at_once() they are the I/O thread's alone.
    """

    def __init__(self, sockets: list[zmq.SyncSocket], archive: Archive, counters: dict[str, int]) -> None:
        """counters: sent, batches, unencodable, commits, commits_failed, durable_dropped."""
        self._sockets = sockets
        self.archive = archive
        self._counters = counters
        self._uncommitted: list[Entry] = []
        self._looked_s = 0.0
        self.prefixes: set[str] = set()
        self.asked_for_heartbeat = False
        """Whether somebody has just subscribed to heartbeats and should not wait a second for the first."""

    def send_from(self, queue: deque[Outgoing]) -> int:
        """Send what waits, at most TURN_MAX facts, neighbours of one topic and stream in one message; how many."""
        waiting = self._send_waiting(queue)
        if self._uncommitted:
            self._commit()
        return waiting

    def send_at_once(self, queue: deque[Outgoing]) -> bool:
        """As send_from(), but nothing is committed; whether the I/O thread has something to do."""
        if len(self._uncommitted) < UNCOMMITTED_SOON:
            self._send_waiting(queue)
        now_s = time.monotonic()
        if now_s - self._looked_s > LOOK_S:
            self._looked_s = now_s
            self.read_doors()
        return bool(self._uncommitted or queue) or self.asked_for_heartbeat

    def _send_waiting(self, queue: deque[Outgoing]) -> int:
        waiting = min(len(queue), TURN_MAX)
        take = queue.popleft
        if waiting == 1:
            topic, stream, envelope = take()
            self._send(topic, stream, [envelope])
        elif waiting:
            self._send_runs([take() for _ in range(waiting)])
        return waiting

    def _send_runs(self, items: Sequence[Outgoing]) -> None:
        """Neighbours of one topic and stream go in one message."""
        for (topic, stream), run in groupby(items, _TOPIC_AND_STREAM):
            batch = [item[2] for item in run]
            for begin in range(0, len(batch), BATCH_MAX):
                self._send(topic, stream, batch[begin : begin + BATCH_MAX])

    def send_heartbeat(self, frames: tuple[bytes, bytes, bytes]) -> None:
        """Send a heartbeat, after whatever was sent before it."""
        self.asked_for_heartbeat = False
        self._put(frames)

    def _send(self, topic: str, stream: Stream, batch: Sequence[Envelope[Any]]) -> None:
        archive = self.archive
        first, count = archive.next[stream], len(batch)
        if stream is Stream.DURABLE and len(self._uncommitted) >= UNCOMMITTED_MAX:
            self._counters["durable_dropped"] += count
            return
        try:
            header, body = encode_batch(stream, archive.epochs[stream], first, batch)
            name = topic.encode("ascii")
        except _UNENCODABLE:
            self._send_halves(topic, stream, batch)
            return
        if count > 1 and len(body) > BATCH_BYTES:
            self._send_halves(topic, stream, batch)
            return
        # The numbers are used up here, whether anybody subscribes or not, so that a gap always means a loss.
        entry = archive.keep(stream, count, (name, header, body))
        if stream is Stream.DURABLE:
            self._uncommitted.append(entry)
            return
        try:
            self._put(entry.frames)
        finally:  # kept after it was sent, for the sake of who waits for it; nobody can ask in between
            archive.sent(stream, entry)
        if stream is Stream.STATE:
            archive.note_value(topic, first + count - 1, batch[-1])
        self._counters["sent"] += count
        self._counters["batches"] += 1

    def _commit(self) -> None:
        """Write the turn's durable facts, then send them. When the disk takes nothing they wait, numbers and all."""
        if not self.archive.commit(self._uncommitted):
            self._counters["commits_failed"] += 1
            return
        entries, self._uncommitted = self._uncommitted, []
        self._counters["commits"] += 1
        for entry in entries:
            self.archive.sent(Stream.DURABLE, entry)
            self._put(entry.frames)
            self._counters["sent"] += entry.count
        self._counters["batches"] += len(entries)

    def _put(self, frames: tuple[bytes, bytes, bytes]) -> None:
        for socket in self._sockets:
            send = socket.send
            send(frames[0], zmq.SNDMORE)
            send(frames[1], zmq.SNDMORE)
            send(frames[2])

    def _send_halves(self, topic: str, stream: Stream, batch: Sequence[Envelope[Any]]) -> None:
        """What does not fit one message, or holds one fact that cannot be said, goes in smaller ones."""
        if len(batch) == 1:
            self._counters["unencodable"] += 1
            return
        middle = len(batch) // 2
        self._send(topic, stream, batch[:middle])
        self._send(topic, stream, batch[middle:])

    def read_doors(self) -> bool:
        """Read subscriptions that came unnoticed, as a send takes in what the descriptor told of; whether any did."""
        found = [socket for socket in self._sockets if int(socket.getsockopt(zmq.EVENTS)) & zmq.POLLIN]
        for socket in found:
            self.read_subscriptions(socket)
        return bool(found)

    def read_subscriptions(self, socket: zmq.SyncSocket) -> None:
        """Take note of what peers subscribe to. For information only: ZeroMQ itself filters, and peers may lie."""
        for _ in range(TURN_MAX):
            try:
                frame = socket.recv(zmq.NOBLOCK)
            except zmq.Again:
                return
            prefix = frame[1:].decode("ascii", "replace")
            if frame[:1] != _SUBSCRIBED:
                self.prefixes.discard(prefix)
                continue
            self.asked_for_heartbeat |= prefix == HEARTBEAT
            if len(self.prefixes) < PREFIXES_MAX:
                self.prefixes.add(prefix)
