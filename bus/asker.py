"""Commands on their way to one peer, and its answers. Lives in the I/O thread."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from typing import Final

import msgspec
import zmq

from bus.carrier import Answer
from bus.codec import decode_reply, encode_command, reply_of
from bus.envelope import RawCommand, RawReply
from bus.errors import ActorUnavailable, CommandError, DeadlineExceeded, InboxFull, MalformedFrame, Refused
from bus.link import Link
from bus.sockets import HIGH_WATER_MARK, read_rest

WAITING_MAX: Final = 1_000
"""Commands kept for a peer that is not connected yet."""
MARGIN_S: Final = 0.25
"""Seconds after its deadline that an answer may still be on its way."""


class Open(msgspec.Struct):
    """A command that waits for its answer; a repeated id shares it. deadline_s: monotonic seconds."""

    raw: RawCommand
    deadline_s: float
    answers: list[Answer]
    sent: bool = False


class Line(msgspec.Struct, frozen=True):
    """The DEALER socket to one peer, and where it connects to."""

    node: str
    address: str
    socket: zmq.SyncSocket
    link: Link


class Asker:
    """Owns the DEALER socket to one peer and the table of what it was asked."""

    def __init__(self, line: Line, monotonic: Callable[[], float], counters: dict[str, int]) -> None:
        """counters: asked, expired, answers_late, malformed, receiver_failed."""
        self.node = line.node
        self.socket = line.socket
        self.link = line.link
        self._address = line.address
        self._monotonic = monotonic
        self._counters = counters
        self._open: dict[str, Open] = {}
        self._deadlines: list[tuple[float, str]] = []
        self._unsent: deque[str] = deque()
        self._ended = False

    def ask(self, raw: RawCommand, answer: Answer) -> None:
        """Send a command, now or as soon as the peer is connected.

        answer is called once, MARGIN_S after the deadline at the latest.
        """
        if self._ended:
            self._give(answer, reply_of(raw.id, ActorUnavailable("the bus is closing")))
            return
        if len(self._unsent) >= WAITING_MAX:
            self._give(answer, reply_of(raw.id, InboxFull(f"{WAITING_MAX} commands wait for node {self.node}")))
            return
        deadline_s = self._monotonic() + raw.timeout_s
        known = self._open.get(raw.id)
        if known is None:
            self._open[raw.id] = Open(raw, deadline_s, [answer])
        else:
            known.answers.append(answer)
            known.deadline_s = max(known.deadline_s, deadline_s)
        heapq.heappush(self._deadlines, (deadline_s + MARGIN_S, raw.id))
        self._counters["asked"] += 1
        self._unsent.append(raw.id)
        self.send_waiting()

    @property
    def is_held_up(self) -> bool:
        """Whether commands wait for room in the socket; those that wait for the connection do not count."""
        return bool(self._unsent) and self.link.connected

    def send_waiting(self) -> None:
        """Send what waits, as far as the peer takes it. The seconds left go with it, not those at the start."""
        while self._unsent and self.link.connected:
            number = self._unsent[0]
            entry = self._open.get(number)
            left_s = entry.deadline_s - self._monotonic() if entry else 0.0
            if entry and left_s > 0:
                try:
                    frame = encode_command(msgspec.structs.replace(entry.raw, timeout_s=left_s))
                    self.socket.send(frame, zmq.NOBLOCK)
                    entry.sent = True
                except zmq.Again:
                    return
                except MalformedFrame as error:
                    self._close(number, reply_of(number, Refused(str(error))))
            self._unsent.popleft()

    def read_answers(self) -> None:
        """Give every answer that came in to who asked."""
        for _ in range(HIGH_WATER_MARK):
            try:
                frames = read_rest(self.socket, self.socket.recv(zmq.NOBLOCK), 2)
            except zmq.Again:
                return
            try:
                reply = decode_reply(frames[-1])
            except MalformedFrame:
                self._counters["malformed"] += 1
                continue
            if not self._close(reply.id, reply):
                self._counters["answers_late"] += 1

    def read_link(self) -> None:
        """Send what waits once the connection stands; begin a lost one anew, for what it holds would come too late."""
        if self.link.read():
            self.read_answers()
            self.link.renew(self._address)
        self.send_waiting()

    def next_deadline_s(self) -> float:
        """Monotonic seconds at which expire() has something to do; infinite when nothing is asked."""
        return self._deadlines[0][0] if self._deadlines else float("inf")

    def expire(self) -> None:
        """Answer DeadlineExceeded for what waited too long, so that the table does not grow."""
        now_s = self._monotonic()
        while self._deadlines and self._deadlines[0][0] <= now_s:
            _, number = heapq.heappop(self._deadlines)
            entry = self._open.get(number)
            if entry is not None and entry.deadline_s + MARGIN_S <= now_s:
                self._counters["expired"] += 1
                what = f"{entry.raw.target}.{entry.raw.verb} on node {self.node}"
                state = "gave no answer" if entry.sent else "was not connected"
                error = DeadlineExceeded(f"{what} {state} within {entry.raw.timeout_s:g} s")
                self._close(number, reply_of(number, error))

    def end(self, error: CommandError) -> None:
        """Answer everything that waits with an error, and whatever is asked from now on."""
        self._ended = True
        for number in list(self._open):
            self._close(number, reply_of(number, error))
        self._unsent.clear()
        self._deadlines.clear()

    def _close(self, number: str, reply: RawReply) -> bool:
        entry = self._open.pop(number, None)
        if entry is None:
            return False
        for answer in entry.answers:
            self._give(answer, reply)
        return True

    def _give(self, answer: Answer, reply: RawReply) -> None:
        try:
            answer(reply)
        except Exception:  # noqa: BLE001 - whoever asked, the thread goes on
            self._counters["receiver_failed"] += 1
