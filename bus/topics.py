"""Topic names: ASCII `evt.<domain>.<what>.<node>.<subject>`, so that a prefix selects what people filter on."""

from __future__ import annotations

import re

from bus.message import Fact

TOKEN = re.compile(r"[a-z0-9_-]{1,64}")
PREFIX = "evt."
PARTS = 4
"""Of a whole topic after the prefix: domain, what, node, subject."""
TOPIC_BYTES_MAX = len(PREFIX) + PARTS * 64 + PARTS - 1
"""Of a topic whose tokens are as long as they may be."""


def is_token(text: str) -> bool:
    """Whether text may stand between two dots of a topic."""
    return TOKEN.fullmatch(text) is not None


def topic_of(fact: Fact, node: str) -> str:
    """The full topic of a fact published on a node."""
    return f"{PREFIX}{fact.kind}.{node}.{fact.subject}"


def prefix_of(kind: type[Fact]) -> str:
    """What to subscribe to for every fact of one type; the trailing dot keeps longer names out."""
    return f"{PREFIX}{kind.kind}."


def pattern_prefix(pattern: str) -> str:
    """The subscription prefix for what a person types: `process`, `process.exited`, `evt.process.`, `*` or nothing.

    A whole topic, down to the subject, comes without a dot at its end.

    Raises ValueError when a token holds anything but `[a-z0-9_-]`.
    """
    text = pattern.strip().removesuffix("*").removesuffix(".")
    tokens = [part for part in text.removeprefix(PREFIX).split(".") if part and f"{part}." != PREFIX]
    for part in tokens:
        if not is_token(part):
            msg = f"{pattern!r} is no topic: tokens of a-z, 0-9, _ and - with dots between, as in process.exited"
            raise ValueError(msg)
    return PREFIX + ".".join(tokens) + ("." if 0 < len(tokens) < PARTS else "")
