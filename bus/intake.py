"""Who in this process wants which facts, and how those from elsewhere become typed ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from bus.codec import FRAME_BYTES_MAX, UNDECODABLE, Header, decode_batch
from bus.envelope import Envelope, RawEnvelope
from bus.message import Fact

TOPICS_MAX: Final = 10_000
"""Topics whose type is remembered."""

Deliver = Callable[[Envelope[Any]], None]
Routes = Mapping[type[Fact], tuple[Deliver, ...]]
DecodeAll = Callable[[bytes], list[Envelope[Any]]]


class Intake:
    """Routes facts to subscribers. add() and remove() under a lock of the caller's.

    counters: received, unknown_type, undecodable, subscriber_failed.
    """

    def __init__(self, node: str, counters: dict[str, int]) -> None:
        self._near = f"{node}/"
        self._counters = counters
        self._routes: Routes = {}
        self._far: Routes = {}
        self._types: dict[str, type[Fact]] = {}
        self._decoders: dict[type, msgspec.msgpack.Decoder[Any]] = {}
        self._batches: dict[str, tuple[type[Fact], str, DecodeAll] | None] = {}

    def add(self, kinds: Sequence[type[Fact]], deliver: Deliver, *, local_only: bool) -> None:
        """Facts of these types go to deliver too. local_only: only those of this node."""
        for kind in kinds:
            self._routes = {**self._routes, kind: (*self._routes.get(kind, ()), deliver)}
            if not local_only:
                self._far = {**self._far, kind: (*self._far.get(kind, ()), deliver)}
            self._types = {**self._types, kind.type_name(): kind}
        self._batches = {}

    def remove(self, kinds: Sequence[type[Fact]], deliver: Deliver) -> None:
        """They do not any more."""
        for kind in kinds:
            self._routes = {**self._routes, kind: _without(self._routes, kind, deliver)}
            self._far = {**self._far, kind: _without(self._far, kind, deliver)}

    def deliver(self, envelope: Envelope[Any], routes: Routes | None = None) -> None:
        """Give a fact to its subscribers, in the caller's thread."""
        delivers = (self._routes if routes is None else routes).get(type(envelope.data))
        if not delivers:
            return
        for deliver in delivers:
            try:
                deliver(envelope)
            except Exception:  # noqa: BLE001 - one subscriber's fault is not the publisher's
                self._counters["subscriber_failed"] += 1

    # -- from elsewhere

    def receive(self, topic: str, header: Header, body: bytes, skip: int) -> None:
        """One message: all at once when every fact is of the type its topic names, else each by itself.

        skip: so many of its first facts came before. Raises: MalformedFrame.
        """
        batches = self._batches
        known = batches.get(topic) if topic in batches else self._learn(topic)
        if known is not None and len(body) <= FRAME_BYTES_MAX:
            kind, name, decode = known
            try:
                envelopes = decode(body)
            except UNDECODABLE:
                envelopes = []
            if len(envelopes) == header.count and {each.type for each in envelopes} == {name}:
                self._give(kind, envelopes[skip:] if skip else envelopes)
                return
        for raw in decode_batch(header, body)[skip:]:
            self.receive_one(raw)

    def _give(self, kind: type[Fact], envelopes: Sequence[Envelope[Any]]) -> None:
        routes = self._routes if envelopes[0].source.startswith(self._near) else self._far
        delivers = routes.get(kind, ())
        if not delivers:
            return
        self._counters["received"] += len(envelopes)
        for deliver in delivers:
            for envelope in envelopes:
                try:
                    deliver(envelope)
                except Exception:  # noqa: BLE001 - one subscriber's fault is not the publisher's
                    self._counters["subscriber_failed"] += 1

    def receive_one(self, raw: RawEnvelope) -> None:
        """Decode the data when somebody here wants this type, of this node or of any."""
        kind = self._types.get(raw.type)
        if kind is None:
            self._counters["unknown_type"] += 1
            return
        routes = self._routes if raw.source.startswith(self._near) else self._far
        if not routes.get(kind):
            return
        try:
            data = self.decoder(kind).decode(raw.data)
        except UNDECODABLE:
            self._counters["undecodable"] += 1
            return
        self._counters["received"] += 1
        self.deliver(
            Envelope(
                id=raw.id,
                source=raw.source,
                type=raw.type,
                time=raw.time,
                subject=raw.subject,
                correlationid=raw.correlationid,
                causationid=raw.causationid,
                data=data,
            ),
            routes,
        )

    def decoder(self, kind: type[Any]) -> msgspec.msgpack.Decoder[Any]:
        """Of one type, made once."""
        decoder = self._decoders.get(kind)
        if decoder is None:
            decoder = self._decoders[kind] = msgspec.msgpack.Decoder(kind)
        return decoder

    def _learn(self, topic: str) -> tuple[type[Fact], str, DecodeAll] | None:
        """The one wanted type of a topic `evt.<domain>.<what>.<node>.<subject>`; None when there is none or more."""
        kind_name = ".".join(topic.split(".")[1:3])
        found = [(name, kind) for name, kind in self._types.items() if kind.kind == kind_name]
        known: tuple[type[Fact], str, DecodeAll] | None = None
        if len(found) == 1:
            name, kind = found[0]
            known = (kind, name, self.decoder(list[Envelope[kind]]).decode)  # type: ignore[valid-type]
        if len(self._batches) >= TOPICS_MAX:
            self._batches = {}
        self._batches[topic] = known
        return known


def _without(routes: Routes, kind: type[Fact], deliver: Deliver) -> tuple[Deliver, ...]:
    return tuple(one for one in routes.get(kind, ()) if one is not deliver)
