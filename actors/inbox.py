"""The bounded mailbox of an actor: each kind of message has its own way of giving way when it is full."""

from __future__ import annotations

import threading
from collections import deque
from queue import SimpleQueue
from typing import Any, Final

from bus.envelope import Envelope
from bus.errors import InboxFull
from bus.hub import Request
from bus.message import Stream

_FACT: Final = object()
_SAMPLE: Final = object()


class Item:
    """What Pykka's loop takes from an inbox: a message, and where an answer goes (never used here)."""

    __slots__ = ("message", "reply_to")

    def __init__(self, message: Any) -> None:
        self.message = message
        self.reply_to = None


class StateMark:
    """Stands in the queue for the newest state fact of one (type, subject)."""

    __slots__ = ("key",)

    def __init__(self, key: tuple[str, str]) -> None:
        self.key = key


class Inbox:
    """Order of arrival, bounded by limit per kind.

    State facts conflate: the newest per (type, subject) takes the place of one that waits. Other facts and samples
    drop their oldest. Commands are refused (InboxFull). Calls (timers, results, exits) are the actor's own and are
    never dropped. `dropped`, `conflated` and `refused` count.
    """

    def __init__(self, limit: int = 4096) -> None:
        self.limit = limit
        self.dropped = 0
        self.conflated = 0
        self.refused = 0
        self._queue: SimpleQueue[Any] = SimpleQueue()
        self._lock = threading.Lock()
        self._facts: deque[Envelope[Any]] = deque()
        self._samples: deque[Envelope[Any]] = deque()
        self._states: dict[tuple[str, str], Envelope[Any]] = {}
        self._requests = 0

    def put(self, envelope: Any, /) -> None:
        """Pykka's own messages."""
        self._queue.put(envelope)

    def put_call(self, call: Any) -> None:
        """A call of the actor's own."""
        self._queue.put(Item(call))

    def put_request(self, request: Request) -> None:
        """A command. Raises InboxFull when `limit` of them wait."""
        with self._lock:
            if self._requests >= self.limit:
                self.refused += 1
                msg = f"{self.limit} commands wait already"
                raise InboxFull(msg)
            self._requests += 1
        self._queue.put(Item(request))

    def put_fact(self, envelope: Envelope[Any]) -> None:
        """A fact; gives way by its stream's policy."""
        stream = envelope.data.stream
        if stream is Stream.STATE:
            self._put_state(envelope)
            return
        lane, mark = (self._samples, _SAMPLE) if stream is Stream.SAMPLES else (self._facts, _FACT)
        with self._lock:
            full = len(lane) >= self.limit
            if full:
                lane.popleft()
                self.dropped += 1
            lane.append(envelope)
        if not full:
            self._queue.put(mark)

    def _put_state(self, envelope: Envelope[Any]) -> None:
        key = (envelope.type, envelope.subject)
        with self._lock:
            waiting = key in self._states
            self._states[key] = envelope
            self.conflated += waiting
        if not waiting:
            self._queue.put(StateMark(key))

    def get(self) -> Any:
        """The next message in an Item; waits for one."""
        item = self._queue.get()
        if item is _FACT or item is _SAMPLE:
            with self._lock:
                return Item((self._facts if item is _FACT else self._samples).popleft())
        if isinstance(item, StateMark):
            with self._lock:
                return Item(self._states.pop(item.key))
        if isinstance(item, Item) and isinstance(item.message, Request):
            with self._lock:
                self._requests -= 1
        return item

    @property
    def crowded(self) -> bool:
        """Whether half of the room for facts is taken: those of other processes then wait there, where none is lost."""
        return len(self._facts) * 2 > self.limit

    def empty(self) -> bool:
        """Whether nothing waits."""
        return self._queue.empty()

    def __len__(self) -> int:
        """How many messages wait."""
        return self._queue.qsize()
