"""Which rejections are told one by one, and which are only counted. Pure: the time is given."""

from __future__ import annotations

from typing import Final

import msgspec

TOLD_MAX: Final = 10
"""Rejections of one address told within WINDOW_S; the rest is counted and told with the next."""
WINDOW_S: Final = 60.0
ADDRESSES_MAX: Final = 1_000
"""Addresses kept apart; further ones share one count, so that many addresses do not fill memory or log."""
OTHERS: Final = "others"


class Rejection(msgspec.Struct, frozen=True, kw_only=True):
    """A peer that was not let in: one line of the audit.

    address: without port; empty when it could not be learned. key: fingerprint; empty when none was proven.
    door: facts, commands or replay. untold: earlier rejections of this address that have no line of their own.
    """

    address: str
    key: str
    door: str
    why: str
    untold: int = 0


class _Window(msgspec.Struct):
    since_s: float
    told: int = 0
    untold: int = 0
    last: Rejection | None = None


class Rejections:
    """Lets TOLD_MAX rejections of an address through in WINDOW_S seconds. total: of all since the start."""

    def __init__(self) -> None:
        """Nothing was rejected yet."""
        self.total = 0
        self._windows: dict[str, _Window] = {}

    def note(self, rejection: Rejection, now_s: float) -> list[Rejection]:
        """What is to be told now: the rejection itself, or nothing.

        now_s: monotonic seconds.
        """
        self.total += 1
        name = rejection.address
        if name not in self._windows and len(self._windows) >= ADDRESSES_MAX:
            name = OTHERS
        window = self._windows.setdefault(name, _Window(now_s))
        due = self._renew(window, now_s)
        if window.told >= TOLD_MAX:
            window.untold += 1
            window.last = rejection
            return due
        window.told += 1
        return [*due, rejection]

    def due(self, now_s: float) -> list[Rejection]:
        """For every address whose window is over: one line for what was only counted; then it is forgotten."""
        over = [name for name, window in self._windows.items() if now_s - window.since_s >= WINDOW_S]
        told = [line for name in over for line in self._renew(self._windows[name], now_s)]
        for name in over:
            if not self._windows[name].told:
                del self._windows[name]
        return told

    def _renew(self, window: _Window, now_s: float) -> list[Rejection]:
        """Begin a window anew when it is over; what it left untold is told, as the first line of the new one."""
        if now_s - window.since_s < WINDOW_S:
            return []
        left = []
        if window.untold and window.last is not None:
            left = [msgspec.structs.replace(window.last, untold=window.untold - 1)]  # the last one is told with it
        window.since_s, window.told, window.untold, window.last = now_s, len(left), 0, None
        return left
