"""The bus of one process: local actors get the object itself; a carrier takes it further."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any, TypeVar

import msgspec

from bus.access import Caller, may_ask
from bus.audit import AuditRow, Ledger
from bus.carrier import Answer, Carrier, Lost, PeerState
from bus.codec import UNDECODABLE, Header, encode, read_reply
from bus.envelope import CommandEnvelope, Envelope, RawCommand, RawReply
from bus.errors import (
    CommandError,
    DeadlineExceeded,
    Refused,
    UnknownTarget,
    UnknownVerb,
)
from bus.forwarding import Forwarder
from bus.intake import Deliver, Intake
from bus.message import Command, Fact, Reply
from bus.messages.system import EventsLost
from bus.pressure import Crowded, Pressure
from bus.serving import REPLIES_KEPT, Cause, Request, Server, Subscription
from bus.topics import is_token, prefix_of, topic_of

__all__ = ["REPLIES_KEPT", "Bus", "Cause", "Request", "Server", "Subscription"]

NAMES_MAX = 10_000
"""Types with subjects whose topic is remembered."""

R = TypeVar("R", bound=Reply)


class Bus:
    """Publish, subscribe, serve and ask, within this process and, with a carrier, beyond it.

    node: a token. epoch: a number that grows with every start of the node. monotonic, wall: clocks in seconds.
    audit: gets one row per command that was answered here. Thread-safe. Counters (`counters`): facts published and
    received, unknown types passed by, undecodable data.
    """

    def __init__(
        self,
        node: str,
        *,
        epoch: int,
        monotonic: Callable[[], float],
        wall: Callable[[], float],
        carrier: Carrier | None = None,
        audit: Callable[[AuditRow], None] | None = None,
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
        self._intake = Intake(node, self.counters)
        self._names: dict[tuple[type[Fact], str], tuple[str, str]] = {}
        self._forwarder = Forwarder(node, carrier)
        self._servers: dict[str, Server] = {}
        self._ledger = Ledger(audit, monotonic, wall)
        self._pressure = Pressure(monotonic)
        if carrier is not None:
            carrier.start(self)

    # -- facts

    def publish(self, fact: Fact, *, source: str, cause: Cause | None = None) -> Envelope[Any]:
        """Give a fact to every subscriber here and, through the carrier, elsewhere; never blocks.

        source: the actor's name. Raises ValueError when the subject is no token.
        """
        kind, subject = type(fact), fact.subject
        type_name, topic = self._names.get((kind, subject)) or self._name(fact)
        number = f"{self._origin}{next(self._numbers)}"
        envelope: Envelope[Any] = Envelope(
            id=number,
            source=f"{self.node}/{source}",
            type=type_name,
            time=self._wall(),
            subject=subject,
            correlationid=(cause.correlationid or cause.id) if cause else number,
            causationid=cause.id if cause else "",
            data=fact,
        )
        self.counters["published"] += 1
        self._intake.deliver(envelope)
        if self._carrier is not None:
            self._carrier.send(topic, kind.stream, envelope)
        return envelope

    def _name(self, fact: Fact) -> tuple[str, str]:
        """The type and the topic of a fact. Raises ValueError when the subject is no token."""
        if not is_token(fact.subject):
            msg = f"subject {fact.subject!r} of {type(fact).__name__} is no token: a-z, 0-9, _ and -, at most 64"
            raise ValueError(msg)
        if len(self._names) >= NAMES_MAX:
            self._names = {}
        names = self._names[type(fact), fact.subject] = (fact.type_name(), topic_of(fact, self.node))
        return names

    def subscribe(
        self,
        types: Iterable[type[Fact]],
        deliver: Deliver,
        *,
        local_only: bool = False,
        crowded: Crowded | None = None,
    ) -> Subscription:
        """Call deliver(envelope) for every fact of these types, from the publisher's thread; it must not block.

        local_only: of this node alone, in whichever of its processes it was published. crowded: whether so much waits
        there that facts of peers should not be read for now.
        """
        wanted = tuple(types)
        with self._lock:
            self._intake.add(wanted, deliver, local_only=local_only)
            self._pressure.add(crowded)
        if self._carrier is not None:
            for kind in wanted:
                self._carrier.listen(prefix_of(kind))

        def close() -> None:
            with self._lock:
                self._intake.remove(wanted, deliver)
                self._pressure.remove(crowded)

        return Subscription(close)

    def receive_facts(self, topic: str, header: Header, body: bytes, skip: int) -> None:
        """From the carrier: a message of facts. skip: so many of the first came before. Raises: MalformedFrame."""
        self._intake.receive(topic, header, body, skip)

    def behind(self) -> bool:
        """From the carrier: whether a subscriber here is crowded."""
        return self._pressure.behind()

    def receive_lost(self, lost: Lost) -> None:
        """From the carrier: facts of a peer are gone for good."""
        self.publish(
            EventsLost(
                subject=lost.node if is_token(lost.node) else "unknown",
                publisher=f"{lost.node}.{lost.epoch:x}",
                stream_name=lost.stream.name.lower(),
                epoch=lost.epoch,
                first_seq=lost.first,
                last_seq=lost.last,
            ),
            source="bus",
        )

    # -- commands: the answering side

    def serve(self, target: str, verbs: Mapping[str, type[Command]], deliver: Callable[[Request], None]) -> None:
        """Answer commands for a target. deliver(request) must not block; it may answer with an error at once."""
        with self._lock:
            self._servers = {**self._servers, target: Server(dict(verbs), deliver, self._ledger.note)}
        if self._carrier is not None:
            self._carrier.announce()

    def withdraw(self, target: str) -> None:
        """Stop answering for a target."""
        with self._lock:
            self._servers = {name: server for name, server in self._servers.items() if name != target}
        if self._carrier is not None:
            self._carrier.announce()

    @property
    def targets(self) -> dict[str, list[str]]:
        """The verbs of every target served here."""
        return {name: sorted(server.verbs) for name, server in self._servers.items()}

    def receive_command(self, raw: RawCommand, answer: Answer, caller: Caller | None = None) -> None:
        """From the carrier: check target, verb, role and arguments, then hand it to the actor."""

        def reply(outcome: Reply | CommandError) -> None:
            if isinstance(outcome, CommandError):
                answer(RawReply(id=raw.id, error=outcome.code, message=str(outcome)))
            else:
                answer(RawReply(id=raw.id, data=msgspec.Raw(encode(outcome))))

        now_s = self._monotonic()
        if raw.target not in self._servers and self._forwarder.forward(raw, answer, caller):
            return
        try:
            server, command = self._look_into(raw, caller)
        except CommandError as error:
            self._ledger.note(raw, error, now_s)
            reply(error)
            return
        envelope: CommandEnvelope[Any] = CommandEnvelope(
            id=raw.id,
            source=raw.source if caller is None else caller.source(raw.source),
            target=raw.target,
            verb=raw.verb,
            time=raw.time,
            timeout_s=raw.timeout_s,
            correlationid=raw.correlationid,
            causationid=raw.causationid,
            data=command,
        )
        server.take(envelope, reply, now_s)

    def _look_into(self, raw: RawCommand, caller: Caller | None) -> tuple[Server, Command]:
        """Who answers a command, and the command itself. Raises: CommandError when it is not to be carried out."""
        server = self._servers.get(raw.target)
        if server is None:
            known = ", ".join(sorted({*self._servers, *self._forwarder.targets()}))
            msg = f"no actor {raw.target!r} on {self.node}; there are: {known}"
            raise UnknownTarget(msg)
        kind = server.verbs.get(raw.verb)
        if kind is None:
            msg = f"{raw.target} has no verb {raw.verb!r}; it has: {', '.join(sorted(server.verbs))}"
            raise UnknownVerb(msg)
        if caller is not None and not may_ask(caller.role, kind.needs):
            msg = f"{raw.target}.{raw.verb} is for {kind.needs}s, and {caller.name} is {caller.role}"
            raise Refused(msg)
        try:
            command: Command = self._intake.decoder(kind).decode(raw.data)
        except UNDECODABLE as error:
            msg = f"arguments of {raw.target}.{raw.verb} do not fit: {error}"
            raise UnknownVerb(msg) from error
        return server, command

    def peers(self) -> list[PeerState]:
        """How the processes are that this one is connected to, of this node and of others."""
        return self._carrier.peers() if self._carrier is not None else []

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

        node: another node's name; None or this node's means here, in whichever of its processes.
        key: idempotency id; made when empty.
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
                server.take(envelope, give, self._monotonic())
            else:
                give(UnknownVerb(f"{command.target} has no verb {command.verb!r}"))
        elif not self._send_away(envelope, give, node or self.node):
            give(UnknownTarget(f"no actor {command.target!r} is known here"))
        return future

    def _send_away(
        self, envelope: CommandEnvelope[Any], give: Callable[[Reply | CommandError], None], node: str
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
            data=msgspec.Raw(encode(envelope.data)),
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
            server.close(f"{name} is stopping")
        if self._carrier is not None:
            self._carrier.close()
