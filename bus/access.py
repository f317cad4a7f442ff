"""Who may come in where, and who may ask what. Pure: every decision about a foreign peer is made here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal, get_args

import msgspec

from bus.z85 import KEY_BYTES, fingerprint

Role = Literal["observer", "operator", "node"]
"""observer: reads facts. operator: also sends commands. node: a peer, may do what peers do among themselves."""
Door = Literal["facts", "commands", "replay"]
"""A kind of socket; also its ZAP domain."""

ROLES: Final[tuple[Role, ...]] = get_args(Role)
DOORS: Final[tuple[Door, ...]] = get_args(Door)
OPEN_TO: Final[Mapping[Door, frozenset[Role]]] = {
    "facts": frozenset(("observer", "operator", "node")),
    "commands": frozenset(("operator", "node")),
    "replay": frozenset(("observer", "operator", "node")),
}
"""Which roles may come in at which door; what is not here may not."""

ZAP_VERSION: Final = b"1.0"
MECHANISM: Final = b"CURVE"

_FRAMES: Final = 8
"""Of a request: empty, version, request id, domain, address, routing id, mechanism, credentials."""


class AllowedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A public key that may come in. name: a token; who it is in the audit. key: Z85."""

    name: str
    role: Role
    key: str

    @property
    def user(self) -> str:
        """The identity that every message of its holder carries: `operator:laptop`."""
        return f"{self.role}:{self.name}"


Allowed = Mapping[bytes, AllowedKey]
"""By the key's 32 bytes."""


class Caller(msgspec.Struct, frozen=True):
    """Who sent a command, as the handshake proved it."""

    role: Role
    name: str

    def source(self, said: str) -> str:
        """The source for the audit: the proven name first, then what the command says of itself."""
        return f"{self.role}:{self.name}/{said.removeprefix(f'{self.name}/')}"[:SOURCE_CHARS_MAX]


SOURCE_CHARS_MAX: Final = 256


class Knock(msgspec.Struct, frozen=True):
    """A ZAP request: one peer that proved to hold a key and wants in. door: as the socket says; may be unknown."""

    number: bytes
    door: str
    address: str
    mechanism: bytes
    credentials: Sequence[bytes]
    version: bytes = ZAP_VERSION


class Verdict(msgspec.Struct, frozen=True):
    """user: the identity of one who may come in; empty when not, and why says the reason. key: its fingerprint."""

    user: str = ""
    why: str = ""
    key: str = ""


def read_knock(frames: Sequence[bytes]) -> Knock | None:
    """The request in the frames after the routing id; None when it is none."""
    if len(frames) < _FRAMES - 1 or frames[0]:
        return None
    _, version, number, domain, address, _, mechanism, *credentials = frames
    texts = [each.decode("ascii", "replace") for each in (domain, address)]
    return Knock(number, texts[0], texts[1], mechanism, credentials, version)


def judge(knock: Knock, allowed: Allowed) -> Verdict:
    """Whether a peer may come in. Whatever is not expected is refused."""
    if knock.version != ZAP_VERSION:
        return Verdict(why=f"ZAP version {knock.version!r} is not known")
    if knock.mechanism != MECHANISM:
        return Verdict(why=f"mechanism {knock.mechanism.decode('ascii', 'replace')[:20]} instead of CURVE")
    if len(knock.credentials) != 1 or len(knock.credentials[0]) != KEY_BYTES:
        return Verdict(why="credentials are no CURVE key")
    key = bytes(knock.credentials[0])
    return _judge_key(knock.door, allowed.get(key), fingerprint(key))


def _judge_key(door: str, known: AllowedKey | None, mark: str) -> Verdict:
    place = next((each for each in DOORS if each == door), None)
    if place is None:
        return Verdict(why=f"no socket is called {door[:20]!r}", key=mark)
    if known is None:
        return Verdict(why="the key is not allowed here", key=mark)
    if not may_enter(known.role, place):
        return Verdict(why=f"{known.name} is {known.role}, which may not use {place}", key=mark)
    return Verdict(user=known.user, key=mark)


def may_enter(role: str, door: Door) -> bool:
    """Whether a role may come in at a door."""
    return role in OPEN_TO[door]


def may_ask(role: str, needed: Role) -> bool:
    """Whether a role may send a command that needs one: an operator's may also come from a node, not the reverse.

    An observer may send none, whatever the command says.
    """
    if needed == "node":
        return role == "node"
    return role in OPEN_TO["commands"]


def caller_of(user: str) -> Caller | None:
    """The peer in a user id of ours; None when it is none."""
    role, colon, name = user.partition(":")
    known = next((each for each in ROLES if each == role), None)
    return Caller(known, name) if known and colon and name else None


def doors_to_close(before: Allowed, after: Allowed) -> frozenset[Door]:
    """Doors through which somebody may have come who may not any more, or now has another name or role.

    At a door that the new role may use as well, only commands carry the identity on: elsewhere a change is no loss.
    """
    closing: set[Door] = set()
    for key, was in before.items():
        now = after.get(key)
        for door in DOORS:
            if may_enter(was.role, door) and (
                now is None or not may_enter(now.role, door) or (door == "commands" and now.user != was.user)
            ):
                closing.add(door)
    return frozenset(closing)
