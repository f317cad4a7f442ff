"""What hostile or broken peers send, from a seed: random, cut, changed, declared too large, nested too deep."""

from __future__ import annotations

from random import Random

import msgpack

from bus.codec import FRAME_BYTES_MAX, HEADER, decode_header, encode_batch
from bus.envelope import Envelope
from bus.errors import MalformedFrame
from bus.heartbeat import Heartbeat, encode_heartbeat
from bus.message import Stream
from bus.replay import Request, encode_request
from tests.bus.vocabulary import Moved

NODE = "rogue"
EPOCH = 1_000
TOPIC = b"evt.test.moved.rogue.web"
MANY = 16 << 20
DECLARED = [
    b"\xdd" + MANY.to_bytes(4, "big"),  # an array of 16 Mi
    b"\xdf" + MANY.to_bytes(4, "big"),  # a map
    b"\x91\xdd" + MANY.to_bytes(4, "big") + b"\x90" * 64,
    b"\x91\x81\xa4data\xdd" + MANY.to_bytes(4, "big") + b"\x01" * 64,
    b"\x91\x81\xa2id\xdb" + MANY.to_bytes(4, "big") + b"x" * 64,  # text
    b"\x91\xc6" + MANY.to_bytes(4, "big"),  # bytes
    b"\x91\xc9" + MANY.to_bytes(4, "big") + b"\x01",  # an extension
    b"\xdd\xff\xff\xff\xff",
    b"\xdc\xff\xff",
]
RUNS = [
    b"__import__('os').system('touch /tmp/gyrostat-was-here')",
    b"\x80\x04cos\nsystem\n(S'id'\ntR.",
    b"!!python/object",
]


def fact_frames(number: int, note: str = "") -> list[bytes]:
    """A good fact."""
    envelope = Envelope(
        id=f"{NODE}.{EPOCH:x}/{number}",
        source=f"{NODE}/x",
        type="test.moved.v1",
        time=1.0,
        subject="web",
        correlationid="",
        causationid="",
        data=Moved(subject="web", step=number, note=note),
    )
    return [TOPIC, *encode_batch(Stream.FACTS, EPOCH, number, [envelope])]


def heartbeat_frames(last: int) -> list[bytes]:
    """A good heartbeat that says so many facts were sent."""
    beat = Heartbeat(node=NODE, epoch=EPOCH, last={1: (EPOCH, last)}, first={1: 1}, targets=("adder",), up_s=1.0)
    return [*encode_heartbeat(beat)]


def command_frame(number: int) -> bytes:
    """A good command."""
    frame: bytes = msgpack.packb(
        {
            "id": f"n-{number}",
            "source": "rogue",
            "target": "adder",
            "verb": "add",
            "timeout_s": 30.0,
            "data": {"left": number, "right": 2},
        }
    )
    return frame


class Garbage:
    """Frames of one kind after another; kinds says how many of each were made."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.kinds: dict[str, int] = {}

    def body(self, number: int) -> list[bytes]:
        """A message for a SUB whose header is the next one of a publisher."""
        kind = self._kind("cut", "changed", "changed", "changed", "declared", "deep")
        topic, header, body = fact_frames(number)
        if kind == "cut":
            return [topic, header, self._cut(body)]
        if kind == "changed":
            return [topic, header, self._changed(body)]
        return [topic, header, self.random.choice(DECLARED) if kind == "declared" else self._deep()]

    def header(self, number: int) -> list[bytes]:
        """A message for a SUB that is wrong before its body. A header that decodes says 1 fact: each counts as one."""
        kind = self._kind("random", "cut", "changed", "topic", "frames")
        topic, header, body = fact_frames(number)
        if kind == "random":
            return [TOPIC, *(self._bytes(64) for _ in range(self.random.randrange(4)))]
        if kind == "cut":
            return [topic, self._cut(header), body]
        if kind == "changed":
            return [topic, of_one(self._changed(header)), body]
        if kind == "topic":
            return [self._topic(), header, body]
        return [topic, header, *[self._bytes(32) for _ in range(self.random.choice([0, 2, 3, 50]))]]

    def heartbeat(self, last: int) -> list[bytes]:
        """A message for those who take the pulse."""
        topic, header, body = heartbeat_frames(last)
        return {
            "random": [topic, self._bytes(32), self._bytes(64)],
            "cut": [topic, header, self._cut(body)],
            "changed": [topic, header, self._changed(body)],
            "declared": [topic, header, self.random.choice(DECLARED)],
            "deep": [topic, header, self._deep()],
            "frames": [topic, header][: self.random.randrange(1, 3)],
        }[self._kind("random", "cut", "changed", "declared", "deep", "frames")]

    def answer(self, number: int) -> list[bytes]:
        """Three frames or more or less in answer to a request for one fact: none is that fact, nor the end."""
        frames = self.body(number) if self.random.random() < 1 / 2 else self.header(number)
        if len(frames) == len(fact_frames(1)) and frames[1] != fact_frames(number)[1]:
            return [frames[0], frames[1][:-1], frames[2]]
        return [*frames, b""] if frames == fact_frames(number) else frames

    def command(self, number: int) -> list[bytes]:
        """A message for the ROUTER of commands."""
        return self._request(command_frame(number))

    def replay(self, number: int) -> list[bytes]:
        """A message for the ROUTER of replays."""
        kind = "replay" if number % 2 else "snapshot"
        request = Request(kind=kind, stream=number % 4, epoch=EPOCH, first=number, last=number + 9)  # type: ignore[arg-type]
        return self._request(encode_request(request))

    def connection(self) -> bytes:
        """What is written into a tcp connection."""
        greeting = b"\xff" + bytes(8) + b"\x7f\x03\x00NULL" + bytes(16) + b"\x00" + bytes(31)
        long_frame = b"\x02" + (1 << 40).to_bytes(8, "big")
        return {
            "nothing": b"",
            "random": self._bytes(256),
            "http": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + self._bytes(64),
            "half a greeting": greeting[: self.random.randrange(64)],
            "greeting": greeting + self._bytes(64),
            "endless frame": greeting + long_frame + self._bytes(64),
            "zeros": bytes(4096),
        }[self._kind("nothing", "random", "http", "tls", "half a greeting", "greeting", "endless frame", "zeros")]

    def _request(self, frame: bytes) -> list[bytes]:
        kind = self._kind("random", "cut", "changed", "changed", "declared", "deep", "runs", "frames")
        return {
            "random": [self._bytes(64)],
            "cut": [self._cut(frame)],
            "changed": [self._changed(frame)],
            "declared": [self.random.choice(DECLARED)],
            "deep": [self._deep()],
            "runs": [self.random.choice(RUNS)],
            "frames": [self._bytes(16) for _ in range(self.random.choice([2, 3, 4, 50]))],
        }[kind]

    def _kind(self, *kinds: str) -> str:
        kind = self.random.choice(kinds)
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        return kind

    def _bytes(self, most: int) -> bytes:
        return self.random.randbytes(self.random.randrange(most + 1))

    def _cut(self, frame: bytes) -> bytes:
        return frame[: self.random.randrange(len(frame))]

    def _changed(self, frame: bytes) -> bytes:
        changed = bytearray(frame)
        for _ in range(self.random.randrange(1, 4)):
            changed[self.random.randrange(len(changed))] = self.random.randrange(256)
        return bytes(changed)

    def _deep(self) -> bytes:
        levels = self.random.choice([100, 1_000, 10_000]) if self.random.random() < 0.99 else FRAME_BYTES_MAX // 3
        return self.random.choice([b"\x91", b"\x81\xa1a", b"\xdc\x00\x01"])[:3] * levels

    def _topic(self) -> bytes:
        size = self.random.choice([300, 5_000]) if self.random.random() < 0.99 else FRAME_BYTES_MAX - 64
        return b"evt.test.moved." + self.random.choice([b"x" * size, self.random.randbytes(size), b"." * size])


def of_one(header: bytes) -> bytes:
    """A header that decodes says one fact."""
    try:
        decode_header(header)
    except MalformedFrame:
        return header
    version, flags, _, epoch, first = HEADER.unpack(header)
    return HEADER.pack(version, flags, 1, epoch, first)
