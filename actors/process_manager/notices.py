"""What a workload says of itself: datagrams of sd_notify, taken apart. Pure.

Source: sd_notify(3) of systemd; notification-fd of s6.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

STATUS_LETTERS_MAX: Final = 200
_US_MAX: Final = 10**15
"""Microseconds: thirty years; whatever is above is a slip."""


class Notice(Struct, frozen=True, kw_only=True):
    """One datagram. extend_s, watchdog_s: seconds. watchdog: "1", "trigger" or None. errno: what it failed with."""

    ready: bool = False
    stopping: bool = False
    reloading: bool = False
    status: str | None = None
    watchdog: str | None = None
    watchdog_s: float | None = None
    extend_s: float | None = None
    main_pid: int | None = None
    errno: int | None = None


def parse_notice(raw: bytes) -> Notice:
    """Take a datagram apart; what is unknown or no value of its kind is left out, as systemd does."""
    said = dict(line.split("=", 1) for line in raw.decode("utf-8", "replace").split("\n") if "=" in line)
    status = said.get("STATUS")
    return Notice(
        ready=said.get("READY") == "1",
        stopping=said.get("STOPPING") == "1",
        reloading=said.get("RELOADING") == "1",
        status=None if status is None else printable(status),
        watchdog=said["WATCHDOG"] if said.get("WATCHDOG") in ("1", "trigger") else None,
        watchdog_s=_seconds(said.get("WATCHDOG_USEC")),
        extend_s=_seconds(said.get("EXTEND_TIMEOUT_USEC")),
        main_pid=_number(said.get("MAINPID")),
        errno=_number(said.get("ERRNO")),
    )


def printable(text: str) -> str:
    """The text as one line of a terminal: no control letters, not too long."""
    line = "".join(letter if letter.isprintable() else " " for letter in text).strip()
    return line if len(line) <= STATUS_LETTERS_MAX else f"{line[: STATUS_LETTERS_MAX - 3]}..."


def _number(text: str | None) -> int | None:
    valid = text is not None and text.isascii() and text.isdecimal() and len(text) < 19  # noqa: PLR2004 - 63 bits
    return int(text) if text is not None and valid else None


def _seconds(text: str | None) -> float | None:
    number = _number(text)
    return number / 1_000_000 if number is not None and number <= _US_MAX else None
