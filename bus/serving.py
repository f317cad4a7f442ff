"""What the bus hands to actors and remembers of them: requests, the servers that answer them, subscriptions."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from bus.envelope import CommandEnvelope
from bus.errors import ActorUnavailable, CommandError, HandlerFailed
from bus.message import Command, Reply

REPLIES_KEPT = 1024
"""Answers remembered per target, so that a repeated command id is answered and not carried out again."""

Give = Callable[[Reply | CommandError], None]
Note = Callable[[CommandEnvelope[Any], Reply | CommandError, float], None]
"""Puts down what became of a command that was taken at so many monotonic seconds."""


class Cause(Protocol):
    """What a fact or command is because of: an envelope of either kind."""

    @property
    def id(self) -> str:
        """The id of the cause."""

    @property
    def correlationid(self) -> str:
        """The id of the first of the chain."""


class Request:
    """A command in the hands of the actor that answers it; answered once, from any thread.

    envelope: who asks, with the typed command as data. deadline_s: monotonic seconds after which nobody waits.
    """

    __slots__ = ("_answer", "_lock", "deadline_s", "envelope")

    def __init__(
        self, envelope: CommandEnvelope[Any], deadline_s: float, answer: Callable[[Reply | CommandError], None]
    ) -> None:
        self.envelope = envelope
        self.deadline_s = deadline_s
        self._answer: Callable[[Reply | CommandError], None] | None = answer
        self._lock = threading.Lock()

    @property
    def answered(self) -> bool:
        """Whether an answer was given."""
        return self._answer is None

    def answer(self, outcome: Reply | CommandError) -> None:
        """Give the reply, or the error; a second answer is ignored."""
        with self._lock:
            give, self._answer = self._answer, None
        if give is not None:
            give(outcome)


class Server(msgspec.Struct):
    """A target's verb table and where its requests go. replies: outcome or waiters by command id."""

    verbs: dict[str, type[Command]]
    deliver: Callable[[Request], None]
    note: Note
    replies: OrderedDict[str, Any] = msgspec.field(default_factory=OrderedDict)
    lock: Any = msgspec.field(default_factory=threading.Lock)

    def take(self, envelope: CommandEnvelope[Any], give: Give, now_s: float) -> None:
        """Deliver a command once; a repeated id waits for, or gets, the same answer."""
        with self.lock:
            known = self.replies.get(envelope.id)
            if known is None:
                waiters = self.replies[envelope.id] = [give]
            elif isinstance(known, list):
                known.append(give)
                return
            while len(self.replies) > REPLIES_KEPT:
                self.replies.popitem(last=False)
        if known is not None:
            give(known)
            return

        def answer(outcome: Reply | CommandError) -> None:
            with self.lock:
                waiting, waiters[:] = waiters[:], []  # those whom close() has told already are gone from the list
                if isinstance(outcome, CommandError) and outcome.retryable:
                    self.replies.pop(envelope.id, None)
                else:
                    self.replies[envelope.id] = outcome
            self.note(envelope, outcome, now_s)
            for waiter in waiting:
                waiter(outcome)

        request = Request(envelope, now_s + envelope.timeout_s, answer)
        try:
            self.deliver(request)
        except CommandError as error:
            request.answer(error)
        except Exception as error:  # noqa: BLE001 - the asker gets it
            request.answer(HandlerFailed(f"{type(error).__name__}: {error}"))

    def close(self, why: str) -> None:
        """Refuse what still waits."""
        with self.lock:
            waiting: list[Give] = []
            for one in self.replies.values():
                if isinstance(one, list):
                    waiting += one
                    one.clear()
            self.replies.clear()
        for waiter in waiting:
            waiter(ActorUnavailable(why))


class Subscription:
    """A standing wish for facts; close() ends it."""

    def __init__(self, close: Callable[[], None]) -> None:
        self.close = close
