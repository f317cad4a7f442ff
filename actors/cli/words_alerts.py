"""What the facts of the Notifier say, in plain words. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from actors.cli.paint import span
from actors.cli.said import Data, Said


def _sent(data: Data) -> Said:
    tries = f", attempt {data['attempts']}" if data["attempts"] > 1 else ""
    return Said(f"message {data['notice']} sent in {span(data['took_s'])}{tries}: {data['title']}", "dim")


def _unsent(data: Data) -> Said:
    if data["retry_s"] is None:
        return Said(f"message {data['notice']} given up after {data['attempts']} attempts: {data['error']}", "bad")
    return Said(f"message {data['notice']} not taken, again in {span(data['retry_s'])}: {data['error']}", "warn")


WORDS: Final[Mapping[str, Callable[[Data], Said]]] = MappingProxyType(
    {
        "alert.acknowledged": lambda d: Said(f"somebody takes care of alert {d['alert']}", "good", d["note"]),
        "alert.sent": _sent,
        "alert.silence_ended": lambda d: Said(f"silence {d['silence']} is over", "plain", f"by {d['by']}"),
        "alert.silenced": lambda d: Said(f"silence {d['silence']}: {d['what']}", "warn", d["note"]),
        "alert.unsent": _unsent,
    }
)
"""Kind of fact -> its words."""
