"""A fact in words, as a value. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

Data = Mapping[str, Any]


class Said(msgspec.Struct, frozen=True):
    """A fact in words. tone: as in paint.CODES. why: what the fact itself gives as its reason, or empty."""

    text: str
    tone: str = "plain"
    why: str = ""


def listed(names: list[Any]) -> str:
    """`a, b and c`."""
    texts = [str(name) for name in names]
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"
