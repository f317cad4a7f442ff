"""What a behaviour works with: the bus, timers and a pool of threads, each answer coming back as a message."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import contextmanager
from typing import Any

import msgspec

from actors.base import Actor
from actors.clock import Alarm, Clock
from actors.inbox import Inbox
from actors.log import Log
from bus.carrier import PeerState
from bus.errors import DeadlineExceeded, Refused
from bus.hub import Bus, Request
from bus.message import Command, Fact


class Call(msgspec.Struct, frozen=True):
    """A call of the actor's own that waits in its inbox. life: the behaviour it belongs to; None for any."""

    handler: Callable[..., None]
    args: tuple[Any, ...]
    cause: Any
    life: int | None


class Ticker:
    """A timer that comes again; the next tick is set when the last was handled."""

    def __init__(
        self, bench: Workbench, interval_s: float, handler: Callable[..., None], args: tuple[Any, ...]
    ) -> None:
        self.interval_s = interval_s
        self._bench = bench
        self._handler = handler
        self._args = args
        self._cancelled = False
        self._alarm = bench.after(interval_s, self._tick, ())

    def cancel(self) -> None:
        """No further tick."""
        self._cancelled = True
        self._alarm.cancel()

    def _tick(self) -> None:
        if self._cancelled:
            return
        self._alarm = self._bench.after(self.interval_s, self._tick, ())
        self._handler(*self._args)


class Workbench:
    """The `Home` of a behaviour. cause: the envelope in hand. life: which behaviour of the actor works here now.

    Results for a former behaviour are dropped by their life.
    """

    def __init__(self, kind: type[Actor[Any]], node: str, bus: Bus, clock: Clock, inbox: Inbox) -> None:
        self.name = kind.name
        self.clock = clock
        self.cause: Any = None
        self.life = 0
        self.request_in_hand: Request | None = None
        self.base_log = Log(kind.name)
        self._node = node
        self._bus = bus
        self._inbox = inbox
        self._workers = kind.workers
        self._pool: ThreadPoolExecutor | None = None
        self._untold: list[tuple[Fact, Any]] | None = None

    def close(self) -> None:
        """Let the threads go when they have done what they are at."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    @property
    def log(self) -> Log:
        """The operation log, bound to the present message."""
        return self.base_log.bind(cause=self.cause.id) if self.cause is not None else self.base_log

    def publish(self, fact: Fact) -> None:
        """Tell everybody, with the present message as cause."""
        if self._untold is None:
            self._bus.publish(fact, source=self.name, cause=self.cause)
        else:
            self._untold.append((fact, self.cause))

    @contextmanager
    def told_last(self) -> Iterator[None]:
        """What is published within waits for the end, also when something is raised."""
        untold = self._untold = []
        try:
            yield
        finally:
            self._untold = None
            for fact, cause in untold:
                self._bus.publish(fact, source=self.name, cause=cause)

    def request(
        self, command: Command, then: Callable[[Any], None], *, timeout_s: float, node: str | None = None
    ) -> None:
        """Ask without waiting; then(outcome) comes once as a message, DeadlineExceeded at the deadline."""
        future = self._bus.send(command, timeout_s=timeout_s, source=self.name, node=node, cause=self.cause)
        cause, life = self.cause, self.life

        def late() -> None:
            error = DeadlineExceeded(f"{command.target}.{command.verb} gave no answer within {timeout_s:g} s")
            if future.cancel():
                self._inbox.put_call(Call(then, (error,), cause, life))

        alarm = self.clock.call_later(timeout_s, late)

        def settled(done: Future[Any]) -> None:
            if not done.cancelled():
                alarm.cancel()
                self._inbox.put_call(Call(then, (done.exception() or done.result(),), cause, life))

        future.add_done_callback(settled)

    def ask(self, command: Command, *, timeout_s: float, node: str | None = None) -> Any:
        """Ask and wait; refused when the actor asks itself, which could never be answered."""
        if command.target == self.name and node in (None, self._node):
            msg = f"{self.name} asks itself"
            raise Refused(msg)
        future = self._bus.send(command, timeout_s=timeout_s, source=self.name, node=node, cause=self.cause)
        try:
            return future.result(timeout_s)
        except FutureTimeout:
            future.cancel()
            msg = f"{command.target}.{command.verb} gave no answer within {timeout_s:g} s"
            raise DeadlineExceeded(msg) from None

    def after(self, delay_s: float, handler: Callable[..., None], args: tuple[Any, ...]) -> Alarm:
        """One timer; its tick is a message and dies with the behaviour."""
        call = Call(handler, args, self.cause, self.life)
        return self.clock.call_later(delay_s, lambda: self._inbox.put_call(call))

    def every(self, interval_s: float, handler: Callable[..., None], args: tuple[Any, ...]) -> Ticker:
        """A timer that comes again."""
        return Ticker(self, interval_s, handler, args)

    def post(self, handler: Callable[..., None], args: tuple[Any, ...]) -> None:
        """From any thread: a call for this behaviour."""
        self._inbox.put_call(Call(handler, args, None, self.life))

    def run(self, work: Callable[[], Any], then: Callable[[Any], None]) -> None:
        """Slow work in the pool; the result or exception comes back as a message."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._workers, thread_name_prefix=self.name)
        cause, life = self.cause, self.life

        def settled(done: Future[Any]) -> None:
            if not done.cancelled():
                self._inbox.put_call(Call(then, (done.exception() or done.result(),), cause, life))

        self._pool.submit(work).add_done_callback(settled)

    def bound(self, act: Callable[..., None], args: tuple[Any, ...]) -> Callable[[], None]:
        """act(*args), for later; what it publishes has the present message as its cause."""
        cause = self.cause

        def later() -> None:
            former, self.cause = self.cause, cause
            try:
                act(*args)
            finally:
                self.cause = former

        return later

    def peers(self) -> list[PeerState]:
        """How the other processes are that this one is connected to."""
        return self._bus.peers()

    def defer_reply(self) -> Request:
        """The request in hand, to be answered later."""
        request = self.request_in_hand
        if request is None:
            msg = "defer_reply() outside a do_ method"
            raise RuntimeError(msg)
        self.request_in_hand = None
        return request
