"""The shell around a behaviour: it keeps the mailbox and makes the behaviour anew in place when a handler raises.

Answers what Pykka leaves open: an exception under `tell` kills its actor, SystemExit in one stops them all, an inbox
has no bound, `ask` may wait for ever, nobody supervises.
"""

from __future__ import annotations

import threading
import traceback
from collections import deque
from typing import Any, ClassVar

import msgspec
import pykka

from actors.base import Actor, NodeView, handlers_of
from actors.clock import Clock
from actors.inbox import Inbox
from actors.intensity import GiveUp, Intensity, decide
from actors.workbench import Call, Workbench
from bus.envelope import CommandEnvelope, Envelope
from bus.errors import ActorUnavailable, CommandError, DeadlineExceeded, HandlerFailed
from bus.hub import Bus, Request, Subscription
from bus.messages import ActorFailed, ActorRow, ActorStarted
from bus.messages import ActorState as State

DEAD_LETTERS_KEPT = 100
"""The newest dead letters of an actor that are kept to look at; all are counted."""


class Child(msgspec.Struct, frozen=True):
    """An actor to be run: its class and its settings."""

    kind: type[Actor[Any]]
    settings: msgspec.Struct


class DeadLetter(msgspec.Struct, frozen=True):
    """A message that was not handled, and why. time: Unix seconds."""

    time: float
    what: str
    why: str


class Shell(pykka.ThreadingActor):
    """Runs one behaviour class on its own thread and inbox.

    Made by the supervisor, which lets it serve and begin. The figures (`handled`, `failures`, ...) count since the
    node started.
    """

    use_daemon_thread: ClassVar[bool] = True

    def __init__(self, child: Child, node: NodeView, bus: Bus, clock: Clock, intensity: Intensity) -> None:
        kind = child.kind
        super().__init__()
        self._inbox = self.actor_inbox = Inbox(kind.inbox_limit)
        self._actor_ref = pykka.ActorRef(self)
        self.kind = kind
        self.name = kind.name
        self.settings = child.settings
        self.node = node
        self.clock = clock
        self.intensity = intensity
        self.state: State = "starting"
        self.handled = self.failures = self.restarts = self.dead = 0
        self.last_error = ""
        self.letters: deque[DeadLetter] = deque(maxlen=DEAD_LETTERS_KEPT)
        self._bus = bus
        self._bench = Workbench(kind, node.name, bus, clock, self._inbox)
        self._facts, self._verbs = handlers_of(kind)
        self._behaviour: Actor[Any] | None = None
        self._given_up = 0
        self._failures_s: deque[float] = deque(maxlen=64)
        self._held: deque[Any] = deque()
        self._subscription: Subscription | None = None
        self.stopped = threading.Event()

    # -- called by the supervisor, from its thread

    def serve(self) -> None:
        """Take commands from now on; they wait in the inbox until it begins."""
        if self._verbs:
            self._bus.serve(self.name, {command.verb: command for command in self._verbs}, self._take_request)

    def begin(self) -> None:
        """Start its thread, which makes the behaviour."""
        pykka.ActorRegistry.register(self.actor_ref)
        self._start_actor_loop()  # Actor.start() gives only a ref, and the supervisor needs the shell

    def row(self) -> ActorRow:
        """The figures for status."""
        failed_s = self.clock() - self._failures_s[-1] if self._failures_s else None
        return ActorRow(
            name=self.name,
            state=self.state,
            handled=self.handled,
            failures=self.failures,
            restarts=self.restarts,
            dead_letters=self.dead,
            dropped=self._inbox.dropped,
            conflated=self._inbox.conflated,
            refused=self._inbox.refused,
            waiting=len(self._inbox) + len(self._held),
            last_error=self.last_error,
            failed_s=failed_s,
        )

    def reload(self, node: NodeView, settings: msgspec.Struct) -> None:
        """From any thread: hand the behaviour a new view of the node and new settings."""
        self._inbox.put_call(Call(self._reload, (node, settings), None, None))

    # -- Pykka's hooks, in the actor's thread

    def on_start(self) -> None:
        """Hear the bus, then make the first behaviour."""
        self._subscription = self._bus.subscribe(
            self._facts,
            self._inbox.put_fact,
            local_only=not self.kind.listens_everywhere,
            crowded=lambda: self._inbox.crowded,
        )
        self._make()

    def on_stop(self) -> None:
        """Leave the bus, let the behaviour go, refuse what waits."""
        if self._subscription is not None:
            self._subscription.close()
        self._bus.withdraw(self.name)
        self._drop_behaviour()
        self.state = "stopped"
        self._bench.close()
        while not self._inbox.empty() or self._held:
            message = self._held.popleft() if self._held else self._inbox.get().message
            if isinstance(message, Request):
                message.answer(ActorUnavailable(f"{self.name} is stopping"))
        self.stopped.set()

    def on_receive(self, message: Any) -> None:
        """One message; whatever it raises stays here."""
        if isinstance(message, Call) and message.life is None:
            message.handler(*message.args)
        elif isinstance(message, Call) and message.life != self._bench.life:
            return
        elif self._behaviour is None:
            self._hold(message)
        else:
            self._handle(message)

    # -- handling

    def _handle(self, message: Any) -> None:
        try:
            if isinstance(message, Envelope):
                self._bench.cause = message
                getattr(self._behaviour, self._facts[type(message.data)])(message.data)
            elif isinstance(message, Request):
                self._handle_request(message)
            else:
                self._bench.cause = message.cause
                message.handler(*message.args)
            self.handled += 1
        except (KeyboardInterrupt, MemoryError):
            raise
        except BaseException as error:
            self._fail(message, error)
        finally:
            self._bench.cause = None
            self._bench.request_in_hand = None

    def _handle_request(self, request: Request) -> None:
        envelope = request.envelope
        if self.clock() > request.deadline_s:
            request.answer(DeadlineExceeded(f"{self.name} came to it too late"))
            return
        self._bench.cause, self._bench.request_in_hand = envelope, request
        try:
            reply = getattr(self._behaviour, self._verbs[type(envelope.data)])(envelope.data)
        except CommandError as error:
            request.answer(error)
            return
        if reply is not None:
            request.answer(reply)
        elif self._bench.request_in_hand is not None:  # neither a reply nor deferred: a fault of the handler
            msg = f"do_{envelope.verb} returned nothing"
            raise TypeError(msg)

    def _take_request(self, request: Request) -> None:
        """From any thread: a command arrives."""
        if self.state in ("given_up", "stopped"):
            msg = f"{self.name} is {self.state.replace('_', ' ')}: {self.last_error}"
            raise ActorUnavailable(msg)
        self._inbox.put_request(request)

    def _hold(self, message: Any) -> None:
        """The behaviour is not there: keep the message for the next one, or lay it with the dead letters."""
        if self.state == "given_up":
            self._bury(message, "given up")
            return
        self._held.append(message)
        if len(self._held) > self._inbox.limit:
            self._bury(self._held.popleft(), "too many wait for the restart")

    # -- failure and restart

    def _make(self) -> None:
        """Make a behaviour and let it begin, then hand it what was held."""
        self._bench.life += 1
        self.state = "starting"
        behaviour = self.kind(self._bench, self.node, self.settings)
        try:
            self._behaviour = behaviour
            behaviour.on_start()
        except (KeyboardInterrupt, MemoryError):
            raise
        except BaseException as error:
            self._fail(None, error)
            return
        self.state = "running"
        self._bus.publish(ActorStarted(subject=self.name, restarts=self.restarts), source=self.name)
        while self._held and self._behaviour is behaviour:
            self._handle(self._held.popleft())

    def _fail(self, message: Any, error: BaseException) -> None:
        now_s = self.clock()
        self.failures += 1
        self._failures_s.append(now_s)
        self.last_error = f"{type(error).__name__}: {error}"
        what = describe(message)
        if message is not None:
            self._bury(message, self.last_error, error=HandlerFailed(f"{self.name} failed: {self.last_error}"))
        if self._failures_s and self._given_up and now_s - self._failures_s[0] > self.intensity.retry_max_s:
            self._given_up = 0
        verdict = decide(
            self._failures_s, self._given_up, starting=message is None, intensity=self.intensity, now_s=now_s
        )
        self._bench.base_log.error("actor.failed", error=self.last_error, handling=what, trace=short_trace(error))
        self._drop_behaviour()
        given_up = isinstance(verdict, GiveUp)
        if isinstance(verdict, GiveUp):
            self.state = "given_up"
            self._given_up += 1
            self._failures_s.clear()
            self._failures_s.append(now_s)
            while self._held:
                self._bury(self._held.popleft(), "given up")
            delay_s = verdict.retry_s
        else:
            self.state = "restarting"
            delay_s = verdict.delay_s
        self._bus.publish(
            ActorFailed(
                subject=self.name,
                error=self.last_error[:500],
                while_handling=what,
                failures=self.failures,
                given_up=given_up,
                retry_s=delay_s if given_up else None,
            ),
            source=self.name,
        )
        if delay_s > 0:
            self.clock.call_later(delay_s, lambda: self._inbox.put_call(Call(self._remake, (), None, None)))
        else:
            self._remake()

    def _remake(self) -> None:
        self.restarts += 1
        self._make()

    def _drop_behaviour(self) -> None:
        behaviour, self._behaviour = self._behaviour, None
        self._bench.life += 1
        if behaviour is not None:
            try:
                behaviour.on_stop()
            except Exception as error:
                self._bench.base_log.warning("actor.stop_failed", error=f"{type(error).__name__}: {error}")

    def _bury(self, message: Any, why: str, error: CommandError | None = None) -> None:
        self.dead += 1
        self.letters.append(DeadLetter(self.clock.wall(), describe(message), why))
        if isinstance(message, Request):
            message.answer(error or ActorUnavailable(f"{self.name}: {why}"))

    def _reload(self, node: NodeView, settings: msgspec.Struct) -> None:
        self.node, self.settings = node, settings
        if self._behaviour is not None:
            self._behaviour.node, self._behaviour.settings = node, settings
            self._handle(Call(self._behaviour.on_reload, (), None, self._bench.life))


def describe(message: Any) -> str:
    """The type of a message in a word, for dead letters and failures."""
    if message is None:
        return "on_start"
    if isinstance(message, Envelope):
        return f"{type(message.data).__name__} {message.subject}"
    if isinstance(message, Request):
        envelope: CommandEnvelope[Any] = message.envelope
        return f"{type(envelope.data).__name__}"
    return getattr(message.handler, "__qualname__", repr(message.handler))


def short_trace(error: BaseException) -> str:
    """The last three frames of a traceback in one line."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    return " < ".join(f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno} {frame.name}" for frame in reversed(frames))
