"""Signs that come before failures: how often each was followed by which, and when that is worth acting upon. Pure.

A sign counts once in its window, and only while its subject has no open issue. Times are monotonic seconds, but for
last_at of a row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from actors.healer.fingerprints import normalised
from actors.healer.learning import Tally
from actors.healer.lore import Omen
from bus.message import Fact
from bus.messages.monitor import TrendChanged
from bus.messages.process_manager import LogLinesRead

PRECEDED_MIN: Final = 2
"""Times that a failure has to have followed a sign."""
SHARE_MIN: Final = 0.5
"""Share of the sightings of a sign that the failure has to have followed."""
HELPED_MIN: Final = 2
"""Times that the remedy has to have helped against the failure."""
SIGNS_MAX: Final = 64
"""Signs of one subject that are remembered within a window; of a flood of different lines the first ones."""


def signs_of(fact: Fact) -> list[str]:
    """The signs in a fact: error lines freed of what changes, and metrics that get worse."""
    if isinstance(fact, LogLinesRead):
        return list(dict.fromkeys(f"log: {normalised(line.text)}" for line in fact.sample))
    if isinstance(fact, TrendChanged) and fact.trend == "degrading":
        return [f"trend: {fact.metric} is degrading"]
    return []


class Sightings:
    """What was seen lately. window_s: how long a sign stands for what may follow it."""

    def __init__(self) -> None:
        self._seen_s: dict[str, dict[str, float]] = {}

    def new(self, subject: str, signs: Iterable[str], now_s: float, window_s: float) -> list[str]:
        """Of these signs, those that were not seen within the window; they are from now on."""
        seen = self._seen_s.setdefault(subject, {})
        for sign in [sign for sign, at_s in seen.items() if now_s - at_s > window_s]:
            del seen[sign]
        found = [sign for sign in signs if sign not in seen][: SIGNS_MAX - len(seen)]
        seen |= dict.fromkeys(found, now_s)
        return found

    def before(self, subject: str, now_s: float, least_s: float, most_s: float) -> dict[str, float]:
        """Signs seen between most_s and least_s seconds ago, with how long ago; none of them counts again."""
        seen = self._seen_s.pop(subject, {})
        return {sign: now_s - at_s for sign, at_s in seen.items() if least_s <= now_s - at_s <= most_s}


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """A failure that is to be expected, and what helped against it. before: of it, in words."""

    sign: str
    fingerprint: str
    remedy: str
    preceded: int
    seen: int
    helped: int


def expected(
    sign: str, rows: Iterable[Omen], helped: Mapping[str, Mapping[str, Tally]], can: Mapping[str, str]
) -> Expected | None:
    """The failure that a sign announces surely enough, and the remedy that worked against it; None when there is none.

    rows: of the sign and its subject. helped: fingerprint -> remedy -> what came of it. can: remedy that helped -> what
    is done beforehand; a remedy that is not in it is not done beforehand.
    """
    rows = list(rows)
    seen = sum(row.seen for row in rows if not row.fingerprint)
    for row in sorted(rows, key=lambda row: -row.preceded):
        followed = row.preceded + row.missed
        if not row.fingerprint or followed < PRECEDED_MIN or row.missed > row.prevented:
            continue
        if row.preceded + row.prevented < SHARE_MIN * seen:
            continue
        worked = {name: tally for name, tally in helped.get(row.fingerprint, {}).items() if name in can}
        best = max(worked, key=lambda name: worked[name].last_at, default="")
        if best and worked[best].last != "failed" and worked[best].verified + worked[best].returned >= HELPED_MIN:
            return Expected(
                sign=sign,
                fingerprint=row.fingerprint,
                remedy=can[best],
                preceded=followed,
                seen=seen,
                helped=worked[best].verified + worked[best].returned,
            )
    return None
