"""Commands from outside: one DEALER socket, no thread, quick to import.

with connect() as client:
    table = client.list_processes()
    client.restart_process(name="web", why="a new certificate")
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

import msgspec
import zmq

from bus.addresses import check_address, is_tcp
from bus.codec import decode_reply, encode, encode_command, error_of, read_reply
from bus.curve import Keys, connect_with, keys_of
from bus.endpoints import Endpoints, check_alive, read_endpoints
from bus.envelope import RawCommand, RawReply
from bus.errors import BusError, CommandError, DeadlineExceeded, MalformedFrame, NotConnected
from bus.link import Link
from bus.message import Command, Reply
from bus.sockets import attach, open_socket, read_rest
from bus.verbs import Verbs

STATE_DIR: Final = "./var"
STATE_DIR_VARIABLE: Final = "GYROSTAT_NODE__STATE_DIR"
"""What a node takes for node.state_dir before what its config says."""
CONNECT_S: Final = 2.0
"""Seconds until nobody answers; a node on this machine takes milliseconds."""
LOOK_S: Final = 0.5
"""Seconds between two looks whether the node's process still lives, while an answer is awaited."""
TRIES_MAX: Final = 3
"""Of a command whose error says that another try may help."""
RETRY_S: Final = 0.05
RETRY_S_MAX: Final = 1.0


def connect(
    where: str | Path | Endpoints | None = None, *, source: str = "client", keys: Keys | str | Path | None = None
) -> Client:
    """A client of the node of a state or run directory, an endpoints.json, or endpoints.

    where: None: $GYROSTAT_NODE__STATE_DIR, else ./var, as a config has it that names no state directory. source: who
    asks, for the node's audit. keys: for a node reached by tcp: our own, or the directory they are in.
    Returns before the connection stands.

    Raises: NotConnected when no node runs there; BusError when the address is not permitted, or keys are missing.
    """
    if where is None:
        where = os.environ.get(STATE_DIR_VARIABLE) or STATE_DIR
    endpoints = where if isinstance(where, Endpoints) else read_endpoints(where)
    check_alive(endpoints)
    return Client(endpoints, source=source, keys=keys_of(keys))


class Client(Verbs):
    """Asks one node; every command is a method of its own, as bus.verbs says. One thread at a time may use it."""

    def __init__(
        self,
        endpoints: Endpoints,
        *,
        source: str = "client",
        keys: Keys | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,  # noqa: TID251 - an outside tool has no other clock
    ) -> None:
        """Begin to connect; connect() does it from a path. Raises: BusError when the address is not permitted."""
        self.endpoints = endpoints
        self._address = check_address(next(iter(endpoints.commands), ""), keyed=keys is not None)
        self._source = source
        self._monotonic = monotonic
        self._wall = wall
        self._origin = f"{source}.{os.getpid():x}.{os.urandom(6).hex()}/"
        self._asked = 0
        self._context: zmq.SyncContext = zmq.Context()
        self._socket = open_socket(self._context, zmq.DEALER)
        self._link = Link(self._socket, monotonic)
        self._poller = zmq.Poller()
        self._poller.register(self._socket, zmq.POLLIN)
        self._poller.register(self._link.monitor, zmq.POLLIN)
        try:
            connect_with(self._socket, self._address, keys, endpoints.key)
            attach(self._socket.connect, self._socket, self._address)
        except BusError:
            self.close()
            raise
        except zmq.ZMQError as error:
            self.close()
            msg = f"cannot use {self._address}: {error.strerror}"
            raise BusError(msg) from error

    def ask(self, command: Command, timeout_s: float = 5.0) -> Any:
        """Ask and wait for the reply, typed as the command says; again with the same id when the error says so.

        timeout_s: seconds for all tries together. Raises: CommandError; NotConnected.
        """
        raw = self._raw(command.target, command.verb, encode(command), timeout_s)
        return _or_raise(read_reply(self._exchange(raw), command.reply))

    def request_raw(self, target: str, verb: str, data: Mapping[str, Any], timeout_s: float = 5.0) -> dict[str, Any]:
        """Ask by names, for tools that do not know the types; the reply's fields.

        Raises: CommandError; NotConnected; TypeError when data cannot be encoded.
        """
        reply = self._exchange(self._raw(target, verb, encode(dict(data)), timeout_s))
        if reply.error:
            raise error_of(reply)
        try:
            return msgspec.msgpack.decode(reply.data, type=dict[str, Any])
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            msg = f"the answer is no map: {error}"
            raise CommandError(msg) from error

    def gather(self, commands: Sequence[Command], timeout_s: float = 5.0) -> list[Reply | CommandError]:
        """Ask all at once, each one time; the replies, or errors in their place, in the order of the commands.

        Raises: NotConnected.
        """
        raws = [self._raw(command.target, command.verb, encode(command), timeout_s) for command in commands]
        replies = self._exchange_all(raws, timeout_s)
        return [
            read_reply(reply, command.reply) if reply else _too_late(raw)
            for reply, raw, command in zip(replies, raws, commands, strict=True)
        ]

    def close(self) -> None:
        """Close the socket. May be called again."""
        if not self._socket.closed:
            self._link.close()
        self._socket.close(linger=0)
        self._context.term()

    def __enter__(self) -> Self:
        """The client itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def _raw(self, target: str, verb: str, data: bytes, timeout_s: float) -> RawCommand:
        self._asked += 1
        number = f"{self._origin}{self._asked}"
        return RawCommand(
            id=number,
            source=self._source,
            target=target,
            verb=verb,
            time=self._wall(),
            timeout_s=timeout_s,
            correlationid=number,
            data=msgspec.Raw(data),
        )

    def _exchange(self, raw: RawCommand) -> RawReply:
        """One command, with more tries while its errors are of the kind that passes."""
        until_s = self._monotonic() + raw.timeout_s

        def attempt() -> RawReply:
            left_s = until_s - self._monotonic()
            reply = self._exchange_all([raw], left_s)[0] if left_s > 0 else None
            if reply is None:
                raise _too_late(raw)
            if reply.error and error_of(reply).retryable:
                raise error_of(reply)
            return reply

        try:
            return attempt()
        except CommandError as error:
            if not error.retryable or self._monotonic() >= until_s:
                raise
        return _again(attempt, until_s - self._monotonic())

    def _exchange_all(self, raws: Sequence[RawCommand], timeout_s: float) -> list[RawReply | None]:
        """Send all, wait for all; None where no answer came in time."""
        until_s = self._monotonic() + timeout_s
        self._await_connection(min(CONNECT_S, timeout_s))
        replies: dict[str, RawReply | None] = dict.fromkeys(raw.id for raw in raws)
        missing = len(replies)
        for raw in raws:
            # A long list fills the socket sooner than the node reads: take answers in between, then send on.
            while not self._socket.poll(0, zmq.POLLOUT) and self._monotonic() < until_s:
                missing -= self._take(replies, until_s)
            left_s = until_s - self._monotonic()
            if left_s <= 0:
                break
            self._socket.send(encode_command(msgspec.structs.replace(raw, timeout_s=left_s)), zmq.NOBLOCK)
        while missing and self._monotonic() < until_s:
            missing -= self._take(replies, until_s)
        return [replies[raw.id] for raw in raws]

    def _take(self, replies: dict[str, RawReply | None], until_s: float) -> int:
        """Wait a little for one answer and put it where it belongs: 1, or 0 when none of ours came."""
        left_s = max(0.0, min(LOOK_S, until_s - self._monotonic()))
        self._poller.poll(int(left_s * 1000) + 1)
        lost = self._link.read()
        try:
            reply = decode_reply(read_rest(self._socket, self._socket.recv(zmq.NOBLOCK), 1)[-1])
        except zmq.Again:
            self._check_connection(lost=lost)
            return 0
        except MalformedFrame:
            return 0
        if reply.id not in replies or replies[reply.id] is not None:
            return 0  # of an earlier question that nobody waits for any more
        replies[reply.id] = reply
        return 1

    def _check_connection(self, *, lost: bool) -> None:
        """With no answer there to read: see that one can still come. Raises: NotConnected."""
        check_alive(self.endpoints)
        if lost or not self._link.connected:
            self._link.renew(self._address)
            msg = f"node {self.endpoints.node} went away before it answered; it may have done what it was asked"
            raise NotConnected(msg)

    def _await_connection(self, timeout_s: float) -> None:
        """What is sent before the connection stands might reach a later node, when nobody wants it any more."""
        until_s = self._monotonic() + timeout_s
        if self._link.read():
            self._link.renew(self._address)
        while not self._link.connected:
            left_s = until_s - self._monotonic()
            if left_s <= 0:
                self._link.renew(self._address)  # ZeroMQ may have given up; the next question begins anew
                check_alive(self.endpoints)
                refused = ", or does not let our key in" if is_tcp(self._address) else ""
                msg = f"node {self.endpoints.node} does not answer at {self._address}{refused}"
                raise NotConnected(msg)
            self._link.monitor.poll(int(left_s * 1000) + 1)
            self._link.read()


def _too_late(raw: RawCommand) -> DeadlineExceeded:
    return DeadlineExceeded(f"{raw.target}.{raw.verb} gave no answer within {raw.timeout_s:g} s")


def _or_raise(outcome: Reply | CommandError) -> Reply:
    if isinstance(outcome, CommandError):
        raise outcome
    return outcome


def _again(attempt: Callable[[], RawReply], left_s: float) -> RawReply:
    """The further tries. tenacity is imported here because it costs 25 ms, which no command pays that goes well."""
    import tenacity  # noqa: PLC0415

    retrying = tenacity.Retrying(
        stop=tenacity.stop_after_attempt(TRIES_MAX - 1) | tenacity.stop_after_delay(left_s),
        wait=tenacity.wait_exponential(multiplier=RETRY_S, max=RETRY_S_MAX) + tenacity.wait_random(0.0, RETRY_S),
        retry=tenacity.retry_if_exception(lambda error: isinstance(error, CommandError) and error.retryable),
        reraise=True,
    )
    return retrying(attempt)
