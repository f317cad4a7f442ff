"""The bus of one process: local actors get the object itself; a carrier takes it further."""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any, Protocol, TypeVar

import msgspec

from bus.carrier import Answer, Carrier
from bus.codec import UNDECODABLE, read_reply
from bus.envelope import CommandEnvelope, Envelope, RawCommand, RawEnvelope, RawReply
from bus.errors import (
    ActorUnavailable,
    CommandError,
    DeadlineExceeded,
    HandlerFailed,
    UnknownTarget,
    UnknownVerb,
)
from bus.message import Command, Fact, Reply
from bus.topics import is_token, prefix_of, topic_of

REPLIES_KEPT = 1024
"""Answers remembered per target, so that a repeated command id is answered and not carried out again."""

Deliver = Callable[[Envelope[Any]], None]
R = TypeVar("R", bound=Reply)


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
    replies: OrderedDict[str, Any] = msgspec.field(default_factory=OrderedDict)
    lock: Any = msgspec.field(default_factory=threading.Lock)


class Subscription:
    """A standing wish for facts; close() ends it."""

    def __init__(self, close: Callable[[], None]) -> None:
        self.close = close


class Bus:
    """Publish, subscribe, serve and ask, within this process and, with a carrier, beyond it.

    node: a token. epoch: a number that grows with every start of the node. monotonic, wall: clocks in seconds.
    Thread-safe. Counters (`counters`): facts published and received, unknown types passed by, undecodable data.
    """

    def __init__(
        self,
        node: str,
        *,
        epoch: int,
        monotonic: Callable[[], float],
        wall: Callable[[], float],
        carrier: Carrier | None = None,
    ) -> None:
        if not is_token(node):
            msg = f"{node!r} is no node name: a-z, 0-9, _ and -, at most 64"
            raise ValueError(msg)
        self.node = node
        self.epoch = epoch
        self.counters = dict.fromkeys(("published", "received", "unknown_type", "undecodable", "subscriber_failed"), 0)
        self._monotonic = monotonic
        self._wall = wall
        self._carrier = carrier
        self._origin = f"{node}.{epoch:x}/"
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._routes: dict[type[Fact], tuple[Deliver, ...]] = {}
        self._types: dict[str, type[Fact]] = {}
        self._decoders: dict[type, msgspec.msgpack.Decoder[Any]] = {}
        self._servers: dict[str, Server] = {}
        if carrier is not None:
            carrier.start(self)

    # -- facts

    def publish(self, fact: Fact, *, source: str, cause: Cause | None = None) -> Envelope[Any]:
        """Give a fact to every subscriber here and, through the carrier, elsewhere; never blocks.

        source: the actor's name. Raises ValueError when the subject is no token.
        """
        if not is_token(fact.subject):
            msg = f"subject {fact.subject!r} of {type(fact).__name__} is no token: a-z, 0-9, _ and -, at most 64"
            raise ValueError(msg)
        number = f"{self._origin}{next(self._numbers)}"
        envelope: Envelope[Any] = Envelope(
            id=number,
            source=f"{self.node}/{source}",
            type=fact.type_name(),
            time=self._wall(),
            subject=fact.subject,
            correlationid=(cause.correlationid or cause.id) if cause else number,
            causationid=cause.id if cause else "",
            data=fact,
        )
        self.counters["published"] += 1
        self._deliver(envelope)
        if self._carrier is not None:
            self._carrier.send(topic_of(fact, self.node), fact.stream, envelope)
        return envelope

    def subscribe(self, types: Iterable[type[Fact]], deliver: Deliver) -> Subscription:
        """Call deliver(envelope) for every fact of these types, from the publisher's thread; it must not block."""
        wanted = tuple(types)
        with self._lock:
            for kind in wanted:
                self._routes = {**self._routes, kind: (*self._routes.get(kind, ()), deliver)}
                self._types = {**self._types, kind.type_name(): kind}
        if self._carrier is not None:
            for kind in wanted:
                self._carrier.listen(prefix_of(kind))

        def close() -> None:
            with self._lock:
                for kind in wanted:
                    kept = tuple(one for one in self._routes[kind] if one is not deliver)
                    self._routes = {**self._routes, kind: kept}

        return Subscription(close)

    def receive_fact(self, raw: RawEnvelope) -> None:
        """From the carrier: decode the data when somebody here wants this type."""
        kind = self._types.get(raw.type)
        if kind is None:
            self.counters["unknown_type"] += 1
            return
        try:
            data = self._decoder(kind).decode(raw.data)
        except UNDECODABLE:
            self.counters["undecodable"] += 1
            return
        self.counters["received"] += 1
        self._deliver(
            Envelope(
                id=raw.id,
                source=raw.source,
                type=raw.type,
                time=raw.time,
                subject=raw.subject,
                correlationid=raw.correlationid,
                causationid=raw.causationid,
                data=data,
            )
        )

    def _deliver(self, envelope: Envelope[Any]) -> None:
        for deliver in self._routes.get(type(envelope.data), ()):
            try:
                deliver(envelope)
            except Exception:  # noqa: BLE001 - one subscriber's fault is not the publisher's
                self.counters["subscriber_failed"] += 1

    def _decoder(self, kind: type[Any]) -> msgspec.msgpack.Decoder[Any]:
        decoder = self._decoders.get(kind)
        if decoder is None:
            decoder = self._decoders[kind] = msgspec.msgpack.Decoder(kind)
        return decoder

    # -- commands: the answering side

    def serve(self, target: str, verbs: Mapping[str, type[Command]], deliver: Callable[[Request], None]) -> None:
        """Answer commands for a target. deliver(request) must not block; it may answer with an error at once."""
        with self._lock:
            self._servers = {**self._servers, target: Server(verbs=dict(verbs), deliver=deliver)}

    def withdraw(self, target: str) -> None:
        """Stop answering for a target."""
        with self._lock:
            self._servers = {name: server for name, server in self._servers.items() if name != target}

    @property
    def targets(self) -> dict[str, list[str]]:
        """The verbs of every target served here."""
        return {name: sorted(server.verbs) for name, server in self._servers.items()}

    def receive_command(self, raw: RawCommand, answer: Answer) -> None:
        """From the carrier: check target, verb and arguments, then hand it to the actor."""

        def reply(outcome: Reply | CommandError) -> None:
            if isinstance(outcome, CommandError):
                answer(RawReply(id=raw.id, error=outcome.code, message=str(outcome)))
            else:
                answer(RawReply(id=raw.id, data=msgspec.Raw(msgspec.msgpack.encode(outcome))))

        server = self._servers.get(raw.target)
        if server is None:
            reply(
                UnknownTarget(f"no actor {raw.target!r} on {self.node}; there are: {', '.join(sorted(self._servers))}")
            )
            return
        kind = server.verbs.get(raw.verb)
        if kind is None:
            reply(UnknownVerb(f"{raw.target} has no verb {raw.verb!r}; it has: {', '.join(sorted(server.verbs))}"))
            return
        try:
            command = self._decoder(kind).decode(raw.data)
        except UNDECODABLE as error:
            reply(UnknownVerb(f"arguments of {raw.target}.{raw.verb} do not fit: {error}"))
            return
        envelope: CommandEnvelope[Any] = CommandEnvelope(
            id=raw.id,
            source=raw.source,
            target=raw.target,
            verb=raw.verb,
            time=raw.time,
            timeout_s=raw.timeout_s,
            correlationid=raw.correlationid,
            causationid=raw.causationid,
            data=command,
        )
        self._hand_over(server, envelope, reply)

    def _hand_over(
        self, server: Server, envelope: CommandEnvelope[Any], give: Callable[[Reply | CommandError], None]
    ) -> None:
        """Deliver a command once; a repeated id waits for, or gets, the same answer."""
        with server.lock:
            known = server.replies.get(envelope.id)
            if known is None:
                waiters = server.replies[envelope.id] = [give]
            elif isinstance(known, list):
                known.append(give)
                return
            while len(server.replies) > REPLIES_KEPT:
                server.replies.popitem(last=False)
        if known is not None:
            give(known)
            return

        def answer(outcome: Reply | CommandError) -> None:
            with server.lock:
                waiting, waiters[:] = waiters[:], []  # those whom close() has told already are gone from the list
                if isinstance(outcome, CommandError) and outcome.retryable:
                    server.replies.pop(envelope.id, None)
                else:
                    server.replies[envelope.id] = outcome
            for waiter in waiting:
                waiter(outcome)

        request = Request(envelope, self._monotonic() + envelope.timeout_s, answer)
        try:
            server.deliver(request)
        except CommandError as error:
            request.answer(error)
        except Exception as error:  # noqa: BLE001 - the asker gets it
            request.answer(HandlerFailed(f"{type(error).__name__}: {error}"))

    # -- commands: the asking side

    def send(
        self,
        command: Command,
        *,
        timeout_s: float,
        source: str = "",
        node: str | None = None,
        key: str = "",
        cause: Cause | None = None,
    ) -> Future[Any]:
        """Send a command; the future gets the typed Reply or a CommandError. The caller minds the deadline.

        node: another node's name; None or this node's means here. key: idempotency id; made when empty.
        """
        number = key or f"{self._origin}{next(self._numbers)}"
        future: Future[Any] = Future()

        def give(outcome: Reply | CommandError) -> None:
            if future.set_running_or_notify_cancel():
                if isinstance(outcome, CommandError):
                    future.set_exception(outcome)
                else:
                    future.set_result(outcome)

        envelope: CommandEnvelope[Any] = CommandEnvelope(
            id=number,
            source=f"{self.node}/{source}",
            target=command.target,
            verb=command.verb,
            time=self._wall(),
            timeout_s=timeout_s,
            correlationid=(cause.correlationid or cause.id) if cause else number,
            causationid=cause.id if cause else "",
            data=command,
        )
        server = self._servers.get(command.target) if node in (None, self.node) else None
        if server is not None:
            if command.verb in server.verbs:
                self._hand_over(server, envelope, give)
            else:
                give(UnknownVerb(f"{command.target} has no verb {command.verb!r}"))
        elif not self._send_away(envelope, give, node):
            give(UnknownTarget(f"no actor {command.target!r} is known here"))
        return future

    def _send_away(
        self, envelope: CommandEnvelope[Any], give: Callable[[Reply | CommandError], None], node: str | None
    ) -> bool:
        if self._carrier is None:
            return False
        raw = RawCommand(
            id=envelope.id,
            source=envelope.source,
            target=envelope.target,
            verb=envelope.verb,
            time=envelope.time,
            timeout_s=envelope.timeout_s,
            correlationid=envelope.correlationid,
            causationid=envelope.causationid,
            data=msgspec.Raw(msgspec.msgpack.encode(envelope.data)),
        )
        kind = type(envelope.data).reply
        return self._carrier.command(raw, lambda reply: give(read_reply(reply, kind)), node=node)

    def ask(self, command: Command, *, timeout_s: float, source: str = "", node: str | None = None) -> Any:
        """Send a command and wait. Raises CommandError; DeadlineExceeded after timeout_s seconds."""
        future = self.send(command, timeout_s=timeout_s, source=source, node=node)
        try:
            return future.result(timeout_s)
        except FutureTimeout:
            future.cancel()
            msg = f"{command.target}.{command.verb} gave no answer within {timeout_s:g} s"
            raise DeadlineExceeded(msg) from None

    def close(self) -> None:
        """Refuse what is still asked, then close the carrier."""
        with self._lock:
            servers, self._servers = self._servers, {}
        for name, server in servers.items():
            with server.lock:
                waiting = []
                for one in server.replies.values():
                    if isinstance(one, list):
                        waiting += one
                        one.clear()
                server.replies.clear()
            for waiter in waiting:
                waiter(ActorUnavailable(f"{name} is stopping"))
        if self._carrier is not None:
            self._carrier.close()
