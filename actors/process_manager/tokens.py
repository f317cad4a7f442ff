"""Tokens: what tells a process of ours from every other, whoever its parent is by now. I/O: draws randomness.

A token is a nonce and its seal under the store's secret, so that one issued long ago is still known as ours without a
list of all that ever were.
"""

from __future__ import annotations

import hmac
import secrets
from hashlib import blake2b
from typing import Final

from msgspec import Struct

TOKEN: Final = "GYROSTAT_TOKEN"  # noqa: S105 - the name of the variable
WORKLOAD: Final = "GYROSTAT_WORKLOAD"
NODE: Final = "GYROSTAT_NODE"
INCARNATION: Final = "GYROSTAT_INCARNATION"
MODE: Final = "GYROSTAT_MODE"
"""Environment variables of every process of a workload, inherited by its children."""

_NONCE_DIGITS: Final = 16
_SEAL_BYTES: Final = 16


class Issuer(Struct, frozen=True):
    """Who issued a token: a node, with the secret of its store."""

    node: str
    secret: bytes


def new_secret() -> bytes:
    """Draw the secret of a store, 32 bytes."""
    return secrets.token_bytes(32)


def issue(secret: bytes, workload: str, incarnation: int) -> str:
    """Draw a token nobody can guess, for one incarnation of a workload."""
    nonce = secrets.token_hex(_NONCE_DIGITS // 2)
    return nonce + _seal(secret, nonce, workload, incarnation)


def is_ours(secret: bytes, token: str, workload: str, incarnation: str) -> bool:
    """Tell whether a token was issued under this secret for that incarnation, as its process's environment claims."""
    if not incarnation.isdecimal() or not token.isascii():
        return False
    nonce, seal = token[:_NONCE_DIGITS], token[_NONCE_DIGITS:]
    return hmac.compare_digest(seal, _seal(secret, nonce, workload, int(incarnation)))


def _seal(secret: bytes, nonce: str, workload: str, incarnation: int) -> str:
    text = f"{nonce}/{workload}/{incarnation}".encode()
    return blake2b(text, key=secret, digest_size=_SEAL_BYTES).hexdigest()
