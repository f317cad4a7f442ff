"""Public keys as text: 40 characters of Z85 for 32 bytes. Pure.

Source: https://rfc.zeromq.org/spec/32/ (Z85).
"""

from __future__ import annotations

from typing import Final

from bus.errors import BusError

KEY_CHARS: Final = 40
KEY_BYTES: Final = 32
ALPHABET: Final = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"

_DIGITS: Final = {letter: digit for digit, letter in enumerate(ALPHABET)}
_BASE: Final = 85
_GROUP_CHARS: Final = 5
_GROUP_BYTES: Final = 4


def encode(key: bytes) -> str:
    """The text of a key of 32 bytes."""
    letters = []
    for start in range(0, len(key), _GROUP_BYTES):
        value = int.from_bytes(key[start : start + _GROUP_BYTES], "big")
        letters += [ALPHABET[value // _BASE**power % _BASE] for power in range(_GROUP_CHARS - 1, -1, -1)]
    return "".join(letters)


def decode(text: str) -> bytes:
    """The 32 bytes of a key.

    Raises: BusError in one line when the text is no key. The text itself is not repeated: it may be a secret one.
    """
    if len(text) != KEY_CHARS:
        msg = f"this is no key: {len(text)} characters; allowed: {KEY_CHARS} characters, as gyrostat keys show prints"
        raise BusError(msg)
    for place, letter in enumerate(text, 1):
        if letter not in _DIGITS:
            msg = f"this is no key: character {place}, {letter!r}, is none of Z85; allowed: 0-9 a-z A-Z {ALPHABET[62:]}"
            raise BusError(msg)
    groups = [text[start : start + _GROUP_CHARS] for start in range(0, KEY_CHARS, _GROUP_CHARS)]
    values = [sum(_DIGITS[each] * _BASE**power for power, each in enumerate(reversed(group))) for group in groups]
    if max(values) >= 1 << 32:
        msg = f"this is no key: {_GROUP_CHARS} of its characters say more than 32 bits; allowed: the key as printed"
        raise BusError(msg)
    return b"".join(value.to_bytes(_GROUP_BYTES, "big") for value in values)


def check_key(text: str) -> str:
    """The key itself, checked.

    Raises: BusError in one line when it is none.
    """
    decode(text)
    return text


def fingerprint(key: bytes) -> str:
    """What names a key in a line for people: the first 12 hex digits of its SHA-256."""
    import hashlib  # noqa: PLC0415 - costs 2 ms, and who only checks keys needs none

    return hashlib.sha256(key).hexdigest()[:12]
