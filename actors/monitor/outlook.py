"""Whether the limit of one metric is near enough to be warned of: raised once, cleared when out of sight. Pure."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from msgspec import Struct

from actors.monitor.forecast import Forecaster
from actors.monitor.thresholds import Limit
from actors.settings.thresholds import PILES_UP

RAISE_READINGS: Final = 3
"""Readings in a row that see the limit within the lead, so that one estimate raises nothing."""

CLEAR_LEADS: Final = 1.5
"""How far off the limit has to be to be out of sight, in leads."""

CLEAR_SHARE: Final = 0.1
"""How long it has to be out of sight, as a share of the lead."""


class Raised(Struct):
    """A warning that stands. at_s: when it was raised; seen_s: when the limit was last in sight; monotonic seconds."""

    at_s: float
    seen_s: float


def lead_s(limit: Limit, default_s: float, measured: Collection[str]) -> float:
    """Seconds before the limit at which it is warned of; 0: never.

    measured: metrics that are no operator's own, of which only those that pile up have a forecast unless asked for.
    """
    if limit.forecast_s is not None:
        return limit.forecast_s
    return default_s if limit.metric in PILES_UP or limit.metric not in measured else 0.0


class Outlook:
    """The forecast of one series towards one limit."""

    __slots__ = ("_forecaster", "_near", "_sign", "lead_s", "limit")

    def __init__(self, limit: Limit, lead_s: float) -> None:
        self.limit = limit
        self.lead_s = lead_s
        self._sign = 1.0 if limit.direction == "above" else -1.0
        self._forecaster = Forecaster(self._sign * limit.value)
        self._near = 0

    def read(self, value: float, now_s: float) -> float | None:
        """Take in a reading; seconds to the limit, None when it is not in sight."""
        left_s = self._forecaster.update(now_s, self._sign * value)
        self._near = self._near + 1 if left_s is not None and left_s <= self.lead_s else 0
        return left_s

    @property
    def is_near(self) -> bool:
        """Whether enough readings in a row saw the limit within the lead."""
        return self._near >= RAISE_READINGS


def out_of_sight(raised: Raised, left_s: float | None, lead_s: float, now_s: float) -> bool:
    """Whether a warning is over; notes when the limit was last in sight."""
    if left_s is not None and left_s <= CLEAR_LEADS * lead_s:
        raised.seen_s = now_s
    return now_s - raised.seen_s >= CLEAR_SHARE * lead_s
