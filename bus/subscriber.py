"""Facts for outside tools: an iterator that needs nothing but this package.

from bus.subscriber import Subscriber

with Subscriber("./var", topics=["process", "issue.raised"]) as events:
    for event in events:
        print(event.type, event.subject, event.data)
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Self

import msgpack
import msgspec
import zmq

from bus.addresses import check_address
from bus.codec import Header, decode_batch, decode_header
from bus.endpoints import Endpoints, read_endpoints
from bus.envelope import RawEnvelope
from bus.errors import BusError, MalformedFrame
from bus.link import Link
from bus.message import Stream
from bus.sockets import attach, open_socket, read_rest
from bus.topics import PREFIX, pattern_prefix

LOOK_S: Final = 1.0
"""Seconds between two looks, in silence, at endpoints.json and the connection: the node may have started elsewhere."""
FRAMES: Final = 3
"""Topic, header, body."""

_STREAM_PARTS_MAX: Final = 10_000
"""Streams whose numbers are remembered; older ones are forgotten first."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One fact, of a type known here or not. time: Unix seconds at the publisher. data: the fact's own fields."""

    id: str
    source: str
    type: str
    time: float
    subject: str
    correlationid: str
    causationid: str
    data: dict[str, Any]


class Subscriber:
    """Facts as they happen; connects anew by itself when the node restarts.

    lost: events known to be missing, from gaps in the numbers of each publisher's streams. It is None when only
    some topics are subscribed, for then a gap may as well be an event of another topic.
    malformed: messages that did not decode and were left out.
    One thread at a time may use it.
    """

    def __init__(
        self,
        where: str | Path | Endpoints | Sequence[str],
        topics: Sequence[str] = (),
        *,
        timeout_s: float | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Connect.

        where: a state or run directory or an endpoints.json, endpoints, or addresses of facts.
        topics: as in `process`, `issue.raised` or `metrics.sampled.alpha.web`; none means all.
        timeout_s: seconds of silence that end the iteration; None to go on for ever.

        Raises: NotConnected when a path leads to no endpoints; BusError when an address is not permitted; ValueError
        when a topic is none.
        """
        prefixes = [pattern_prefix(topic) for topic in topics] or [PREFIX]
        self._prefixes = [prefix.encode("ascii") for prefix in prefixes]
        self.timeout_s = timeout_s
        self.malformed = 0
        self._where = where
        self._monotonic = monotonic
        self._numbers: dict[tuple[str, int, Stream], int] | None = {} if PREFIX in prefixes else None
        self._lost = 0
        self._look_at_s = monotonic() + LOOK_S
        self._queue: list[Event] = []
        wanted = _addresses(where)
        self._context: zmq.SyncContext = zmq.Context()
        self._socket = open_socket(self._context, zmq.SUB)
        self._link = Link(self._socket, monotonic)
        self._connected: list[str] = []
        try:
            for prefix in self._prefixes:
                self._socket.setsockopt(zmq.SUBSCRIBE, prefix)
            self._connect(wanted)
        except BaseException:
            self.close()
            raise

    @property
    def lost(self) -> int | None:
        """Events known to be missing; None when that cannot be known."""
        return None if self._numbers is None else self._lost

    def __iter__(self) -> Iterator[Event]:
        """Events until timeout_s seconds pass without one."""
        while (event := self.next(self.timeout_s)) is not None:
            yield event

    def next(self, timeout_s: float | None = None) -> Event | None:
        """The next event, or None after timeout_s seconds; None waits for ever."""
        until_s = None if timeout_s is None else self._monotonic() + timeout_s
        while not self._queue:
            left_s = LOOK_S if until_s is None else max(0.0, min(LOOK_S, until_s - self._monotonic()))
            if self._socket.poll(int(left_s * 1000) + (left_s > 0)):
                self._queue = self._receive()[::-1]
                continue
            now_s = self._monotonic()
            if now_s >= self._look_at_s:
                self._look_at_s = now_s + LOOK_S
                self._look_again()
            if until_s is not None and now_s >= until_s:
                return None
        return self._queue.pop()

    def close(self) -> None:
        """Close the socket. May be called again."""
        if not self._socket.closed:
            self._link.close()
        self._socket.close(linger=0)
        self._context.term()

    def __enter__(self) -> Self:
        """The subscriber itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def _receive(self) -> list[Event]:
        """The events of one message; none when it is malformed, which is counted."""
        frames = read_rest(self._socket, self._socket.recv(), FRAMES)
        try:
            header = decode_header(frames[1] if len(frames) == FRAMES else b"")
            raws = decode_batch(header, frames[2])
            events = [_event(raw) for raw in raws]
        except MalformedFrame:
            self.malformed += 1
            return []
        self._count(raws[0].id, header)
        return events if self._is_wanted(frames[0]) else []

    def _is_wanted(self, topic: bytes) -> bool:
        """ZeroMQ compares beginnings only: a whole topic that ends in `web` would also bring `web-2`."""
        return any(topic == one or (one.endswith(b".") and topic.startswith(one)) for one in self._prefixes)

    def _count(self, first_id: str, header: Header) -> None:
        if self._numbers is None:
            return
        key = (first_id.partition("/")[0], header.epoch, header.stream)
        expected = self._numbers.pop(key, header.first_seq)
        self._lost += max(0, header.first_seq - expected)
        self._numbers[key] = header.first_seq + header.count
        if len(self._numbers) > _STREAM_PARTS_MAX:
            del self._numbers[next(iter(self._numbers))]

    def _connect(self, wanted: Sequence[str]) -> None:
        for address in wanted:
            try:
                attach(self._socket.connect, self._socket, address)
            except zmq.ZMQError as error:
                msg = f"cannot use {address}: {error.strerror}"
                raise BusError(msg) from error
        self._connected = list(wanted)

    def _look_again(self) -> None:
        """Follow a node that started elsewhere. While its file is away, the old place is tried on."""
        self._link.mend()
        if not isinstance(self._where, str | Path):
            return
        try:
            wanted = _addresses(self._where)
        except BusError:
            return
        if wanted != self._connected:
            for address in self._connected:
                self._socket.disconnect(address)
            self._connect(wanted)


def _addresses(where: str | Path | Endpoints | Sequence[str]) -> list[str]:
    if isinstance(where, str) and "://" in where:
        return [check_address(where)]
    if isinstance(where, str | Path):
        where = read_endpoints(where)
    # One way to a node is enough: by its second address every event would come twice.
    found = where.facts[:1] if isinstance(where, Endpoints) else where
    addresses = [check_address(one) for one in found]
    if not addresses:
        msg = "no address of facts to subscribe to"
        raise BusError(msg)
    return addresses


def _event(raw: RawEnvelope) -> Event:
    try:
        data = msgpack.unpackb(raw.data, strict_map_key=False)
    except (ValueError, msgpack.UnpackException, TypeError, OverflowError, RecursionError) as error:
        msg = f"data of {raw.type}: {error}"
        raise MalformedFrame(msg) from error
    if not isinstance(data, dict):
        msg = f"data of {raw.type}: no map"
        raise MalformedFrame(msg)
    return Event(
        id=raw.id,
        source=raw.source,
        type=raw.type,
        time=raw.time,
        subject=raw.subject,
        correlationid=raw.correlationid,
        causationid=raw.causationid,
        data=data,
    )
