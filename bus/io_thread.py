"""The one thread that owns every socket of a process's bus."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Final

import msgspec
import zmq

from bus.addresses import Claim
from bus.asker import Asker, Line
from bus.carrier import Receiver
from bus.codec import decode_batch, decode_command, decode_header, encode_reply, reply_of
from bus.envelope import RawReply
from bus.errors import ActorUnavailable, CommandError, MalformedFrame
from bus.fact_sender import FactSender
from bus.handover import Handover
from bus.link import Link
from bus.sockets import read_rest

TICK_S: Final = 1.0
"""Seconds between two calls of the timer."""
FLUSH_S: Final = 1.0
"""Seconds that the end waits for what is still queued."""
FAULT_PAUSE_S: Final = 0.01
"""Seconds of rest after a fault of our own, so that a lasting one does not take a whole core."""
TURN_MAX: Final = 256
"""Messages read from one socket before the others have their turn."""

_COMMAND_FRAMES_MAX: Final = 3
"""Identity, an empty one when the asker is a REQ, body."""


class Sockets(msgspec.Struct):
    """What the thread is given, opened by start(). subscriber, with its link: None without peers."""

    context: zmq.SyncContext
    facts: zmq.SyncSocket
    commands: zmq.SyncSocket
    subscriber: zmq.SyncSocket | None = None
    subscriber_link: Link | None = None
    lines: list[Line] = []

    @property
    def links(self) -> list[Link]:
        """Of every socket that connects."""
        return [line.link for line in self.lines] + ([self.subscriber_link] if self.subscriber_link else [])

    def close(self, linger_s: float) -> None:
        """Close all, giving facts, commands and replies that are queued linger_s seconds to leave."""
        last = int(max(0.0, linger_s) * 1000)
        for link in self.links:
            link.close()
        if self.subscriber is not None:
            self.subscriber.close(linger=0)  # holds but subscriptions, for a peer that may be gone
        for socket in (self.facts, self.commands, *(line.socket for line in self.lines)):
            socket.close(linger=last)
        self.context.term()


class IoThread(threading.Thread):
    """Sends, receives, and calls the receiver; ends by end(). Nothing that comes in ends it."""

    def __init__(
        self,
        sockets: Sockets,
        sender: FactSender,
        handover: Handover,
        counters: dict[str, int],
        receiver: Receiver,
        *,
        claim: Claim,
    ) -> None:
        """claim: released at the very end, when every socket is closed."""
        super().__init__(name="bus-io", daemon=True)
        self._sockets = sockets
        self._sender = sender
        self._handover = handover
        self._claim = claim
        self._counters = counters
        self._receiver = receiver
        self._monotonic = time.monotonic
        self._ending = False
        self._pause = threading.Event()
        self._tick_at_s = 0.0
        self._poller = zmq.Poller()
        self._readers: dict[object, Callable[[], object]] = {}
        self.askers: dict[str, Asker] = {}
        self._register()

    def _register(self) -> None:
        pairs: list[tuple[zmq.SyncSocket | int, Callable[[], object]]] = [
            (self._handover.fileno(), self._handover.clear),
            (self._sockets.facts, self._sender.read_subscriptions),
            (self._sockets.commands, self._read_commands),
        ]
        if self._sockets.subscriber is not None:
            pairs.append((self._sockets.subscriber, partial(self._read_facts, self._sockets.subscriber)))
        if self._sockets.subscriber_link is not None:
            pairs.append((self._sockets.subscriber_link.monitor, self._sockets.subscriber_link.read))
        for line in self._sockets.lines:
            asker = self.askers[line.node] = Asker(line, self._monotonic, self._counters)
            pairs += [(line.socket, asker.read_answers), (line.link.monitor, asker.read_link)]
        for source, reader in pairs:
            self._poller.register(source, zmq.POLLIN)
            self._readers[source] = reader

    def end(self) -> None:
        """Ask the thread to flush and end; returns at once."""
        self._ending = True
        self._handover.wake()

    # -- in the thread

    def run(self) -> None:
        """Take turns until asked to end."""
        try:
            while not self._ending:
                try:
                    self._turn()
                except Exception:  # noqa: BLE001 - a fault of ours in one turn does not end the bus
                    self._counters["faults"] += 1
                    self._pause.wait(FAULT_PAUSE_S)
        finally:
            self._finish()

    def _turn(self) -> None:
        """Send what waits, sleep until something comes, read that.

        After facts were sent it only looks, and sleeps in the next turn: in a burst publishers then write no wake-ups.
        """
        self._run_jobs()
        sent = self._sender.send_from(self._handover.facts)
        for source, events in self._poll(sleep=not sent):
            if events & zmq.POLLIN or isinstance(source, int):
                self._readers[source]()
        for asker in self.askers.values():
            if asker.is_held_up:
                asker.send_waiting()
        now_s = self._monotonic()
        if now_s >= self._tick_at_s:
            self._tick_at_s = now_s + TICK_S
            self._tick()

    def _poll(self, *, sleep: bool) -> list[tuple[zmq.SyncSocket | int, int]]:
        wake_at_s = self._tick_at_s
        for asker in self.askers.values():
            asker.expire()
            wake_at_s = min(wake_at_s, asker.next_deadline_s())
            self._poller.modify(asker.socket, zmq.POLLIN | (zmq.POLLOUT if asker.is_held_up else 0))
        self._handover.resting = sleep
        # Looked at after `resting` is set: whoever puts something in from here on writes a wake-up.
        sleep = sleep and self._handover.empty() and not self._ending
        rest_ms = int(max(0.0, wake_at_s - self._monotonic()) * 1000) + 1 if sleep else 0
        found = self._poller.poll(rest_ms)
        self._handover.resting = False
        return found

    def _tick(self) -> None:
        """Once per TICK_S. The place of the application's heartbeats: they come from here, never from a handler."""
        self._counters["ticks"] += 1
        for link in self._sockets.links:
            self._counters["reconnected"] += link.mend()

    def _run_jobs(self) -> None:
        for _ in range(self._handover.jobs.qsize()):
            job = self._handover.jobs.get_nowait()
            try:
                job()
            except Exception:  # noqa: BLE001 - one job's fault is not the next one's
                self._counters["faults"] += 1

    def _read_facts(self, socket: zmq.SyncSocket) -> None:
        """Read facts of peers. Plain recv() three times: recv_multipart costs eight times as much."""
        recv, option = socket.recv, socket.getsockopt
        for _ in range(TURN_MAX):
            try:
                first = recv(zmq.NOBLOCK)
            except zmq.Again:
                return
            header = recv() if option(zmq.RCVMORE) else b""
            body = recv() if option(zmq.RCVMORE) else b""
            if option(zmq.RCVMORE):
                read_rest(socket, first, 1)
                body = b""
            self._take_facts(header, body)

    def _take_facts(self, header: bytes, body: bytes) -> None:
        try:
            envelopes = decode_batch(decode_header(header), body)
        except MalformedFrame:
            self._counters["malformed"] += 1
            return
        # Gaps in (epoch, stream, first_seq) show here once a peer's whole streams are subscribed; replay is asked here.
        self._counters["received"] += len(envelopes)
        for raw in envelopes:
            try:
                self._receiver.receive_fact(raw)
            except Exception:  # noqa: BLE001 - the receiver's fault does not end the thread
                self._counters["receiver_failed"] += 1

    def _read_commands(self) -> None:
        """Read commands; a reply goes back the way its command came, with the empty frame a REQ wants."""
        socket = self._sockets.commands
        for _ in range(TURN_MAX):
            try:
                frames = read_rest(socket, socket.recv(zmq.NOBLOCK), _COMMAND_FRAMES_MAX)
            except zmq.Again:
                return
            way, body = frames[:-1], frames[-1]
            if not 1 <= len(way) < _COMMAND_FRAMES_MAX or any(way[1:]):
                self._counters["malformed"] += 1
                continue
            self._take_command(way, body)

    def _take_command(self, way: Sequence[bytes], body: bytes) -> None:
        try:
            raw = decode_command(body)
        except MalformedFrame:
            self._counters["malformed"] += 1
            return
        self._counters["commands"] += 1

        def answer(reply: RawReply) -> None:
            self._handover.put_job(partial(self._send_reply, way, reply))

        try:
            self._receiver.receive_command(raw, answer)
        except Exception:  # noqa: BLE001 - the receiver's fault does not end the thread
            self._counters["receiver_failed"] += 1

    def _send_reply(self, way: Sequence[bytes], reply: RawReply) -> None:
        try:
            frame = encode_reply(reply)
        except MalformedFrame as error:
            frame = encode_reply(reply_of(reply.id, CommandError(str(error))))
        socket = self._sockets.commands
        try:
            for part in way:
                socket.send(part, zmq.SNDMORE | zmq.NOBLOCK)
            socket.send(frame, zmq.NOBLOCK)
        except zmq.ZMQError:  # whoever asked is gone, or does not read its answers
            self._counters["unanswerable"] += 1
        else:
            self._counters["answered"] += 1

    # -- the end

    def _finish(self) -> None:
        """Flush for at most FLUSH_S, refuse what is still asked, close everything."""
        until_s = self._monotonic() + FLUSH_S
        with suppress(Exception):
            while not self._handover.empty() and self._monotonic() < until_s:
                self._run_jobs()
                self._sender.send_from(self._handover.facts)
        self._handover.close()
        with suppress(Exception):
            for asker in self.askers.values():
                asker.end(ActorUnavailable("the bus is closing"))
            self._run_jobs()
        self._sockets.close(until_s - self._monotonic())
        self._claim.release()
