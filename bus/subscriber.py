"""Facts for outside tools: an iterator that needs nothing but this package.

from bus.subscriber import Subscriber

with Subscriber("./var", topics=["process", "issue.raised"]) as events:
    for event in events:
        print(event.type, event.subject, event.data)
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Self

import msgpack
import msgspec

from bus.addresses import check_address
from bus.carrier import Peer, Since
from bus.codec import decode_batch
from bus.curve import Keys, keys_of
from bus.endpoints import Endpoints, read_endpoints
from bus.envelope import RawEnvelope
from bus.errors import BusError, MalformedFrame
from bus.feeds import Feed, PlainFeed, WholeFeed
from bus.kit import Message
from bus.topics import PREFIX, pattern_prefix

TICK_S: Final = 0.5
"""Seconds between two looks at the connections."""
LOOK_S: Final = 1.0
"""Seconds between two looks at endpoints.json: the node may have started elsewhere."""


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
    """Facts of a node, and of every node it is connected to; connects anew by itself.

    Each fact comes once, and those of one stream of a publisher in order; what was lost on the way is asked for again.
    malformed: messages that did not decode and were left out. counters: see bus.kit.
    One thread at a time may use it.
    """

    def __init__(
        self,
        where: str | Path | Endpoints | Sequence[str],
        topics: Sequence[str] = (),
        *,
        timeout_s: float | None = None,
        reliable: bool = True,
        since: Since = "now",
        keys: Keys | str | Path | None = None,
    ) -> None:
        """Connect.

        where: a state or run directory or an endpoints.json, endpoints, or addresses of facts.
        topics: as in `process`, `issue.raised` or `metrics.sampled.alpha.web`; none means all.
        timeout_s: seconds of silence that end the iteration; None to go on for ever.
        reliable: take whole streams and filter here; else ZeroMQ filters, and what it drops is not noticed.
        since: `now` begins with the last value of every state, `start` with the oldest fact the publisher still has.
        keys: for a node reached by tcp: our own, or the directory they are in.

        Raises: NotConnected when a path leads to no endpoints; BusError when an address is not permitted, or keys are
        missing; ValueError when a topic is none.
        """
        self._prefixes = [pattern_prefix(topic) for topic in topics] or [PREFIX]
        self.timeout_s = timeout_s
        self._where = where
        self._keys = keys_of(keys)
        self._queue: deque[Event] = deque()
        self._undecodable = 0
        self._tick_at_s = self._look_at_s = time.monotonic()
        wanted = self._addresses()
        self._connected = wanted
        self._feed: Feed = (
            WholeFeed(self._keys, self._take, self._queue.__len__, since)
            if reliable
            else PlainFeed(self._keys, self._take, [prefix.encode("ascii") for prefix in self._prefixes])
        )
        try:
            self._feed.connect(wanted)
        except BaseException:
            self.close()
            raise

    @property
    def lost(self) -> int | None:
        """Facts that are gone for good; None when that cannot be known, for want of `reliable`."""
        return self._feed.lost

    @property
    def lag(self) -> int | None:
        """Facts known to have been sent and not yet taken from here; None without `reliable`."""
        return None if self._feed.lag is None else self._feed.lag + len(self._queue)

    @property
    def nodes(self) -> list[str]:
        """Nodes that are heard; none without `reliable`, which leaves out heartbeats."""
        return list(self._feed.nodes)

    @property
    def malformed(self) -> int:
        """Messages that did not decode."""
        return self._feed.counters["malformed"] + self._undecodable

    @property
    def counters(self) -> dict[str, int]:
        """What was done to lose nothing."""
        return dict(self._feed.counters)

    def __iter__(self) -> Iterator[Event]:
        """Events until timeout_s seconds pass without one."""
        while (event := self.next(self.timeout_s)) is not None:
            yield event

    def next(self, timeout_s: float | None = None) -> Event | None:
        """The next event, or None after timeout_s seconds; None waits for ever."""
        if not self._queue:
            until_s = None if timeout_s is None else time.monotonic() + timeout_s
            while not self._fill(until_s):
                if until_s is not None and time.monotonic() >= until_s:
                    return None
        return self._queue.popleft()

    def _fill(self, until_s: float | None) -> bool:
        """Read once, until monotonic seconds until_s or the next tick; whether there is an event now."""
        now_s = time.monotonic()
        if now_s >= self._tick_at_s:
            self._tick_at_s = now_s + TICK_S
            self._feed.tick()
        if now_s >= self._look_at_s:
            self._look_at_s = now_s + LOOK_S
            self._look_again()
        wake_s = self._tick_at_s if until_s is None else min(self._tick_at_s, until_s)
        self._feed.wait(max(0.0, wake_s - now_s))
        return bool(self._queue)

    def close(self) -> None:
        """Close the sockets. May be called again."""
        self._feed.close()

    def __enter__(self) -> Self:
        """The subscriber itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def _take(self, message: Message, skip: int) -> None:
        """The events of one message; none when it is malformed, which is counted."""
        topic, header, body = message
        if not self._is_wanted(topic):
            return
        try:
            self._queue.extend([_event(raw) for raw in decode_batch(header, body)[skip:]])
        except MalformedFrame:
            self._undecodable += 1

    def _is_wanted(self, topic: str) -> bool:
        """A whole topic is wanted as it is: `web` does not bring `web-2`."""
        return any(topic == one or (one.endswith(".") and topic.startswith(one)) for one in self._prefixes)

    def _look_again(self) -> None:
        """Follow a node that started elsewhere. While its file is away, the old place is tried on."""
        if not isinstance(self._where, str | Path):
            return
        try:
            wanted = self._addresses()
        except BusError:
            return
        if wanted != self._connected:
            self._connected = wanted
            self._feed.connect(wanted)

    def _addresses(self) -> list[Peer]:
        where, keyed = self._where, self._keys is not None
        if isinstance(where, str) and "://" in where:
            where = [where]
        if isinstance(where, str | Path):
            where = read_endpoints(where)
        if isinstance(where, Endpoints):
            # One way to a node is enough: by its second address every event would come twice.
            found = [Peer(where.node, one, replay=_beside(one, where.replay), key=where.key) for one in where.facts[:1]]
        else:
            found = [Peer("", one) for one in where]
        if not found:
            msg = "no address of facts to subscribe to"
            raise BusError(msg)
        return [msgspec.structs.replace(one, facts=check_address(one.facts, keyed=keyed)) for one in found]


def _beside(facts: str, replay: Sequence[str]) -> str:
    """The address for replays of the same kind as that of the facts."""
    kind = facts.partition("://")[0]
    return next((one for one in replay if one.startswith(f"{kind}://")), "")


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
