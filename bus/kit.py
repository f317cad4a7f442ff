"""What the readers of one thread share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

import msgspec
import zmq

from bus.carrier import Lost, Peer
from bus.codec import Header
from bus.polling import Polling

Message = tuple[str, Header, bytes]
"""Topic, header and body."""

READER_COUNTERS = (
    "malformed",  # messages of any kind that do not decode
    "passed",  # facts of topics that nobody here wants
    "duplicates",  # facts that came twice and were given on once
    "stale",  # facts of processes that are followed no more
    "discarded",  # facts held back that were thrown away: no room, an ended process, or a number nobody gave them
    "gaps",  # ranges found missing
    "asked_again",  # requests for replays and snapshots
    "replayed",  # facts that came by a replay
    "replay_timeouts",  # requests without an answer
    "snapshots",  # of last values, taken at the begin of a stream
    "lost",  # facts that are gone for good
    "rewound",  # streams whose publisher knew nothing of numbers that had come
    "pauses",  # times the readers here were behind and no facts were read
    "reconnected",  # connections begun anew that ZeroMQ had given up
)


class Kit(msgspec.Struct):
    """open: a socket of a type. connect: to an address of a peer, with its keys."""

    open: Callable[[int], zmq.SyncSocket]
    connect: Callable[[zmq.SyncSocket, str, Peer], object]
    polling: Polling
    monotonic: Callable[[], float]
    counters: dict[str, int]


class Wishes(msgspec.Struct):
    """What is done with facts. None of these may raise.

    wanted: whether a topic is given on. deliver: a message, and how many of its facts to skip. lost: what is gone for
    good. behind: whether to wait with more.
    """

    wanted: Callable[[str], bool]
    deliver: Callable[[Message, int], None]
    lost: Callable[[Lost], None]
    behind: Callable[[], bool]


_ANY_HOST: Final = ("0.0.0.0", "[::]", "*")  # noqa: S104 - as a peer says it


def nearest(facts: str, offered: Iterable[str]) -> str:
    """Of the addresses a heartbeat offers, the one of the same kind as where its facts come from; empty for none."""
    kind, _, rest = facts.partition("://")
    for address in offered:
        if address.startswith(f"{kind}://"):
            host, _, port = address.removeprefix(f"{kind}://").rpartition(":")
            return f"tcp://{rest.rpartition(':')[0]}:{port}" if kind == "tcp" and host in _ANY_HOST else address
    return ""
