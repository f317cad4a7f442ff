"""The one thread that owns every socket of a process's bus; those for facts it lends out while it sleeps."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final

import msgspec
import zmq

from bus.access import Door
from bus.addresses import Claim
from bus.carrier import Receiver
from bus.command_server import CommandServer
from bus.fact_sender import FactSender
from bus.guard import Guard
from bus.handover import Handover
from bus.heartbeat import HEARTBEAT_S, Heartbeat, encode_heartbeat
from bus.peers import Peers
from bus.polling import Polling, Source
from bus.replay import ReplayServer

TICK_S: Final = 0.5
"""Seconds between two calls of the timer."""
FLUSH_S: Final = 1.0
"""Seconds that the end waits for what is still queued."""
FAULT_PAUSE_S: Final = 0.01
"""Seconds of rest after a fault of our own, so that a lasting one does not take a whole core."""
HELD_UP_S: Final = 0.01
"""Seconds between two looks whether readers that were behind have room again."""
ASKED_BEAT_S: Final = 0.02
"""Seconds between two heartbeats at least, however many ask for one."""


class Sockets(msgspec.Struct):
    """Where others reach this process, by door; opened by start()."""

    context: zmq.SyncContext
    doors: dict[Door, list[zmq.SyncSocket]]

    def close(self, linger_s: float) -> None:
        """Close all, giving facts and replies that are queued linger_s seconds to leave."""
        last = int(max(0.0, linger_s) * 1000)
        for sockets in self.doors.values():
            for socket in sockets:
                socket.close(linger=last)
        self.context.term()


class Parts(msgspec.Struct):
    """What the thread drives. me: what every heartbeat says of this process; it fills in the rest."""

    polling: Polling
    sender: FactSender
    replays: ReplayServer
    peers: Peers
    me: Heartbeat
    claim: Claim
    guard: Guard | None = None


class IoThread(threading.Thread):
    """Sends, receives, and calls the receiver; ends by end(). Nothing that comes in ends it."""

    def __init__(
        self, sockets: Sockets, parts: Parts, handover: Handover, counters: dict[str, int], receiver: Receiver
    ) -> None:
        """parts.claim: released at the very end, when every socket is closed."""
        super().__init__(name="bus-io", daemon=True)
        self._sockets = sockets
        self._polling = parts.polling
        self._sender = parts.sender
        self._replays = parts.replays
        self._commands = CommandServer(receiver, handover.put_job, counters)
        self.peers = parts.peers
        self._handover = handover
        self._claim = parts.claim
        self._guard = parts.guard
        self._counters = counters
        self._receiver = receiver
        self._monotonic = time.monotonic
        self._me = parts.me
        self._began_s = self._monotonic()
        self._ending = False
        self._pause = threading.Event()
        self._tick_at_s = 0.0
        self._beat_at_s = 0.0
        self._beat_s = 0.0
        self._readers: dict[Door, Callable[[zmq.SyncSocket], None]] = {
            "facts": self._sender.read_subscriptions,
            "commands": self._commands.read,
            "replay": self._replays.read,
        }
        self._polling.add(handover.fileno(), self._woken)
        for door, opened in sockets.doors.items():
            for socket in opened:
                self._polling.add(_source(door, socket), partial(self._readers[door], socket))
        if self._guard is not None:
            self._guard.attach(self)

    def end(self) -> None:
        """Ask the thread to flush and end; returns at once."""
        self._ending = True
        self._handover.wake()

    def announce(self, draining: bool | None) -> None:  # noqa: FBT001
        """A heartbeat is due. draining: what it says from now on; None as before. To be run in the thread."""
        if draining is not None:
            self._me = msgspec.structs.replace(self._me, draining=draining)
        self._beat_at_s = min(self._beat_at_s, self._beat_s + ASKED_BEAT_S)

    def open_door(self, door: Door, socket: zmq.SyncSocket) -> None:
        """One more socket through which others come in. To be run in the thread."""
        self._sockets.doors[door].append(socket)
        self._polling.add(_source(door, socket), partial(self._readers[door], socket))

    def wait_for(self, source: zmq.SyncSocket, read: Callable[[], object]) -> None:
        """Read one more socket that is no door. To be run in the thread."""
        self._polling.add(source, read)

    def wait_no_more(self, source: zmq.SyncSocket) -> None:
        """Read it no longer. To be run in the thread."""
        self._polling.remove(source)

    def shut_door(self, door: Door, socket: zmq.SyncSocket) -> None:
        """Use a socket no longer; whoever called closes it. To be run in the thread."""
        self._sockets.doors[door].remove(socket)
        self._polling.remove(_source(door, socket))

    # -- in the thread

    def run(self) -> None:
        """Take turns until asked to end. The lock on the sockets is held but for the sleep."""
        with self._handover.sockets:
            self._handover.send = self._send_at_once
            try:
                while not self._ending:
                    try:
                        self._turn()
                    except Exception:  # noqa: BLE001 - a fault of ours in one turn does not end the bus
                        self._counters["faults"] += 1
                        self._pause.wait(FAULT_PAUSE_S)
            finally:
                self._handover.send = None
                self._finish()

    def _send_at_once(self) -> None:
        """In the thread of whoever publishes, while this one sleeps or waits for its turn."""
        try:
            more = self._sender.send_at_once(self._handover.facts)
        except Exception:  # noqa: BLE001 - a fault of ours is not the publisher's
            self._counters["faults"] += 1
            more = True
        if more:
            self._handover.wake()

    def _turn(self) -> None:
        """Send what waits, sleep until something comes, read that.

        After facts were sent it only looks, and sleeps in the next turn: in a burst publishers then write no wake-ups.
        """
        self._run_jobs()
        sent = self._sender.send_from(self._handover.facts)
        held_up = self.peers.held_up()
        self.peers.before_wait()
        for read in self._wait(HELD_UP_S if held_up else TICK_S, sleep=not sent):
            read()
        self.peers.after_wait()
        now_s = self._monotonic()
        if self._sender.asked_for_heartbeat:
            self.announce(None)
        if now_s >= self._beat_at_s:
            self._beat(now_s)
        if now_s >= self._tick_at_s:
            self._tick_at_s = now_s + TICK_S
            self._tick()

    def _wait(self, longest_s: float, *, sleep: bool) -> list[Callable[[], object]]:
        now_s = self._monotonic()
        wake_at_s = min(now_s + longest_s, self._tick_at_s, self._beat_at_s, self.peers.next_deadline_s())
        self._handover.resting = sleep
        # Looked at after `resting` is set: whoever puts something in from here on sends it or writes a wake-up.
        sleep = sleep and self._handover.empty() and not self._ending and not self._sender.read_doors()
        rest_ms = int(max(0.0, wake_at_s - now_s) * 1000) + 1
        found = self._sleep(rest_ms) if sleep else self._polling.wait(0)
        self._handover.resting = False
        return found

    def _sleep(self, rest_ms: int) -> list[Callable[[], object]]:
        """Wait, and meanwhile let those who publish send by themselves."""
        self._handover.sockets.release()
        try:
            return self._polling.wait(rest_ms)
        finally:
            self._handover.sockets.acquire()

    def _beat(self, now_s: float) -> None:
        """Send a heartbeat: from here, never from a handler, so that a slow actor is no dead node."""
        self._beat_s, self._beat_at_s = now_s, now_s + HEARTBEAT_S
        archive = self._sender.archive
        beat = msgspec.structs.replace(
            self._me,
            pid=os.getpid(),
            up_s=now_s - self._began_s,
            targets=tuple(sorted(self._receiver.targets)),
            last=archive.last(),
            first=archive.first,
            peers=self.peers.addresses(),
        )
        self._sender.send_heartbeat(encode_heartbeat(beat))
        self._counters["beats"] += 1

    def _tick(self) -> None:
        """Once per TICK_S."""
        self._counters["ticks"] += 1
        self.peers.tick()
        self._sender.archive.prune()
        if self._guard is not None:
            self._guard.tick()

    def _woken(self) -> None:
        """Send what we were woken up for before anything else is looked at."""
        self._handover.clear()
        self._sender.send_from(self._handover.facts)

    def _run_jobs(self) -> None:
        for _ in range(self._handover.jobs.qsize()):
            job = self._handover.jobs.get_nowait()
            try:
                job()
            except Exception:  # noqa: BLE001 - one job's fault is not the next one's
                self._counters["faults"] += 1

    # -- the end

    def _finish(self) -> None:
        """Flush for at most FLUSH_S, refuse what is still asked, close everything."""
        until_s = self._monotonic() + FLUSH_S
        with suppress(Exception):
            while not self._handover.empty() and self._monotonic() < until_s:
                self._run_jobs()
                self._sender.send_from(self._handover.facts)
            self._beat(self._monotonic())  # so that a loss at the very end is noticed
        self._handover.close()
        left_s = max(0.0, until_s - self._monotonic())
        with suppress(Exception):
            self.peers.close("the bus is closing", left_s)
            self._run_jobs()
        with suppress(Exception):
            self._sender.archive.close()
        if self._guard is not None:
            self._guard.close()
        self._sockets.close(left_s)
        self._claim.release()


def _source(door: Door, socket: zmq.SyncSocket) -> Source:
    """What is waited for: of a door for facts only the file descriptor, for others may use the socket meanwhile."""
    return int(socket.getsockopt(zmq.FD)) if door == "facts" else socket
